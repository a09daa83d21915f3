"""The JSON documents that commands print with ``--json``. Fields may be added, never changed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.domain.audit import Entry, event_of
from shared.domain.audit_chain import Verdict
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition, KeyEvent, KeyHealth, KeyWarning
from shared.domain.model import Job, JobKind, Phase, Schedule, Snapshot, Step, Tenant, Trouble
from shared.domain.resources import RESOURCES, STREAMS, Reading
from shared.domain.sign_in import expiry_sentence
from shared.ports.catalog import KeyState
from shared.ports.overview import TenantOverview

if TYPE_CHECKING:
    from shared.engine.key_management.policy import Policy
    from shared.engine.tenants.shred import Certificate

Document = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """Return a time as RFC 3339 text, in UTC, to the millisecond."""
    return None if at is None else f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def to_second(text: str | None) -> str | None:
    """Return the text of ``moment`` cut to the second, as tables show it."""
    return None if text is None else f"{text[:19]}Z"


def job_document(job: Job, tenant: str, steps: Sequence[Step] = ()) -> Document:
    """Return the document of a job.

    ``steps`` are those of a job that has not ended: the trouble of one of them is reported as ``code`` and ``message``.
    """
    trouble = trouble_of(job, steps)
    return {
        "id": job.job_id,
        "tenant": tenant,
        "kind": job.kind,
        "state": job.state,
        "code": job.code or (trouble.code if trouble else None),
        "message": job.message or (in_trouble(trouble) if trouble else None),
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "snapshot": job.snapshot,
    }


def job_with_resources(job: Job, tenant: str, steps: Sequence[Step]) -> Document:
    """Return the document of a job with its resources and results."""
    document = {**job_document(job, tenant, steps), "resources": resources_of(job, steps)}
    damaged = damaged_of(job)
    if damaged is not None:
        document["damaged"] = damaged
    if strays := strays_of(job):
        document["strays"] = strays
    return {**document, **(key_job_of(job) or {})}


def damaged_of(job: Job) -> list[Document] | None:
    """Return the damaged blobs that a verify found; None for other jobs, and for jobs that have not ended."""
    damaged = job.detail.get("damaged") if isinstance(job.detail, dict) else None
    return list(damaged) if isinstance(damaged, list) else None


def strays_of(job: Job) -> list[str]:
    """Return the names in the store that a sweep or verify skipped, because they are not Entrakeep's."""
    return list(job.detail.get("strays", [])) if isinstance(job.detail, dict) else []


def key_job_of(job: Job) -> Document | None:
    """Return the results of a job that checks a tenant's new key or changes to it; None for other jobs."""
    detail = job.detail if isinstance(job.detail, dict) and "arn" in job.detail else None
    if detail is None:
        return None
    if job.kind is JobKind.KEY_CHECK:
        return {"arn": detail["arn"], "checks": detail.get("checks", [])}
    fields: Document = {"before": None, "moved": 0, "to_move": 0, "snapshots": [], "left": [], "database": None}
    return {"arn": detail["arn"], **{name: detail.get(name, default) for name, default in fields.items()}}


def trouble_of(job: Job, steps: Sequence[Step]) -> Trouble | None:
    """Return the trouble that has blocked the job for longest; None without trouble, or if the job has ended."""
    troubles = [step.trouble for step in steps if step.trouble is not None and not job.state.ended]
    return min(troubles, key=lambda trouble: trouble.since, default=None)


def in_trouble(trouble: Trouble) -> str:
    """Return the sentences for what blocks a job, since when, and when it is retried."""
    since, retry_at = (to_second(moment(at)) for at in (trouble.since, trouble.retry_at))
    return f"{trouble.message} Waiting since {since}, next retry at {retry_at}."


def resources_of(job: Job, steps: Sequence[Step]) -> list[Document]:
    """Return a backup's progress with each resource; an empty list for other kinds of job.

    ``changed`` counts records that were added, changed or removed. When the job has ended, a resource that was not read
    completely is ``stopped``, or ``not_started``.
    """
    return [_resource(name, job, steps) for name in RESOURCES] if job.kind is JobKind.BACKUP else []


def _resource(name: str, job: Job, steps: Sequence[Step]) -> Document:
    """Return a backup's progress with one resource."""
    own_steps = [step for step in steps if step.phase < Phase.COMMIT and step.name == RESOURCES[name].stream]
    counted = [progress for step in own_steps for progress in step.progress if progress.resource == name]
    if own_steps and all(step.answer is not None for step in own_steps):
        state = "done"
    elif any(step.began_at is not None for step in own_steps):
        state = "stopped" if job.state.ended else "reading"
    else:
        state = "not_started" if job.state.ended else "queued"
    return {
        "resource": name,
        "state": state,
        "records": sum(progress.records for progress in counted),
        "changed": sum(progress.changed for progress in counted),
        "answer": next((step.answer for step in own_steps if step.phase == Phase.READ), None),
    }


def tenant_document(shown: TenantOverview, key: str, now: datetime, same_directory: Sequence[str] = ()) -> Document:
    """Return the document of a tenant.

    ``key`` is the state of the tenant's KMS key. ``sign_in_warning`` warns, from 30 days before, that the client secret or
    certificate expires. ``same_directory`` names other tenants of the same directory, which an older version allowed.
    """
    tenant, complete, result = shown.tenant, shown.complete, shown.result
    return {
        "tenant": tenant.name,
        "tenant_id": tenant.tenant_id,
        "directory_id": tenant.directory_id,
        "client_id": tenant.client_id,
        "created_at": moment(tenant.created_at),
        "schedule": schedule_document(shown.schedule) if shown.schedule else None,
        "last_snapshot": shown.last.snapshot_id if shown.last else None,
        "last_complete_snapshot": complete.snapshot_id if complete else None,
        "last_complete_at": moment(complete.created_at) if complete else None,
        "last_complete_age_seconds": max(0, int((now - complete.created_at).total_seconds())) if complete else None,
        "last_result": None
        if result is None
        else {
            "job": result.job_id,
            "state": result.state,
            "code": result.code,
            "finished_at": moment(result.finished_at),
        },
        "key_state": key,
        "sign_in_expires_at": moment(tenant.sign_in_expires_at),
        "sign_in_warning": expiry_sentence(tenant, now),
        "same_directory": list(same_directory),
    }


def age_words(seconds: int | None) -> str | None:
    """Return an age as tables show it: in days, hours or minutes."""
    if seconds is None:
        return None
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or unit == "min":
            return f"{seconds // length} {unit}"
    return None


def schedule_document(schedule: Schedule) -> Document:
    """Return the document of a schedule."""
    return {
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "paused": schedule.paused,
        "next": moment(schedule.next_due),
    }


def snapshot_document(snapshot: Snapshot, tenant: str) -> Document:
    """Return the document of a snapshot."""
    return {
        "id": snapshot.snapshot_id,
        "tenant": tenant,
        "created_at": moment(snapshot.created_at),
        "job": snapshot.job_id,
        "parent": snapshot.parent,
        "resources": [
            {
                "resource": report.resource,
                "answer": report.answer,
                "records": report.records,
                "stale": report.stale,
                "refused": report.refused,
                "request_id": report.request_id,
            }
            for report in snapshot.resources
        ],
        "objects": snapshot.objects,
        "links": snapshot.links,
        "complete": snapshot.complete,
    }


def resource_documents() -> list[Document]:
    """Return a document for each protected resource.

    ``select`` is the text sent to Graph, with the relations of the resource's stream.
    """
    return [
        {
            "resource": row.resource,
            "family": row.family,
            "api": row.api,
            "path": row.path,
            "delta": STREAMS[row.stream].reading is Reading.DELTA,
            "select": STREAMS[row.stream].selected,
            "permission_read": row.permission_read,
            "permission_write": row.permission_write,
            "licence": row.licence,
            "restore": row.restore,
        }
        for row in RESOURCES.values()
    ]


def event_document(entry: Entry, tenant: str) -> Document:
    """Return the document of an audit event. Raise Refuse ``AUDIT_BROKEN`` if it cannot be read."""
    event = event_of(entry)
    return {
        "tenant": tenant,
        "tenant_id": event.tenant_id,
        "number": event.number,
        "at": event.at,
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "detail": event.detail,
        "previous": event.previous,
        "hash": entry.hash,
    }


def verdict_document(verdict: Verdict, tenant: str) -> Document:
    """Return the result of an audit verification.

    ``head`` is the last event that matches, ``fault`` the first that does not.
    """
    head, fault = verdict.head, verdict.fault
    return {
        "tenant": tenant,
        "events": verdict.events,
        "heads": verdict.heads,
        "head": {"number": head.number, "at": head.at, "hash": head.hash} if head else None,
        "lost": verdict.lost,
        "fault": {"number": fault.number, "reason": fault.reason} if fault else None,
    }


def policy_document(policy: "Policy") -> Document:
    """Return the document of what a key's owner must allow."""
    return {
        "account": policy.account,
        "statements": policy.statements,
        "terraform": policy.terraform,
        "cloudformation": policy.cloudformation,
        "cli": policy.cli,
        "console": policy.console,
    }


def key_document(tenant: Tenant, keys: KeyState, health: KeyHealth, history: Sequence[KeyEvent]) -> Document:
    """Return the document of a tenant's KMS key.

    - ``since``: the time at which the key got into its state. If it was always well, the time at which the tenant got it.
    - ``account``: the key's AWS account.
    - ``code`` and ``message``: the error that the tenant's jobs get, and who must do what.
    - ``checked_at``: the time of the last probe.
    """
    state, since = key_state(tenant, keys, health)
    code, message = _key_trouble(state, keys, health)
    return {
        "mode": tenant.key_mode,
        "state": state,
        "arn": tenant.key_arn,
        "since": moment(since),
        "account": tenant.key_arn.split(":")[4],
        "data_keys": keys.data_keys,
        "old_key_free": keys.old_key_free,
        "code": code,
        "message": message,
        "checked_at": moment(health.checked_at),
        "warnings": [_warning(warning) for warning in health.warnings],
        "history": [_event(event) for event in history],
    }


UPDATING = "updating"
"""The state of a key that is well while data keys are moved to it."""


def shredded_document(certificate: "Certificate") -> Document:
    """Return the document of a shredded tenant's certificate."""
    return {
        "tenant": certificate.tenant,
        "tenant_id": certificate.tenant_id,
        "directory_id": certificate.directory_id,
        "at": moment(certificate.at),
        "by": certificate.by,
        "arns": certificate.arns,
        "data_keys": certificate.data_keys,
        "unreadable": [{"snapshot": each.snapshot, "data_key": each.data_key} for each in certificate.unreadable],
        "blobs": certificate.blobs,
        "locked": certificate.locked,
        "locked_until": moment(certificate.locked_until),
        "blob": certificate.blob,
        "not_reached": certificate.not_reached,
        "database": certificate.database,
    }


def key_state(tenant: Tenant, keys: KeyState, health: KeyHealth) -> tuple[str, datetime]:
    """Return the key's state, and since when it is in it.

    Only a remembered refusal makes it revoked, whatever the last probe saw. A job may have found the refusal, or its end,
    after that probe.
    """
    if keys.refusal is not None:
        return KeyCondition.REVOKED, keys.refusal.since
    if health.condition in (KeyCondition.MISCONFIGURED, KeyCondition.DAMAGED):
        return health.condition, health.since
    if health.condition is KeyCondition.UNREACHABLE:
        return health.condition, min(health.since, keys.unreachable or health.since)
    if keys.unreachable is not None:
        return KeyCondition.UNREACHABLE, keys.unreachable
    owned_since = keys.switched_at or tenant.created_at
    if keys.updating:
        return UPDATING, owned_since
    return KeyCondition.OK, max(owned_since, health.since) if health.condition is KeyCondition.OK else owned_since


def _key_trouble(state: str, keys: KeyState, health: KeyHealth) -> tuple[Code | None, str | None]:
    """Return the code and the sentence for a key in this state; two None if it is well."""
    if keys.refusal is not None:
        return Code.KEY_ACCESS_REVOKED, keys.refusal.message
    if state == KeyCondition.UNREACHABLE:
        return Code.KEY_UNREACHABLE, "AWS KMS does not answer for the key. Jobs wait for it for up to six hours."
    return (None, None) if state in (KeyCondition.OK, UPDATING) else (health.code, health.message or None)


def _event(event: KeyEvent) -> Document:
    """Return an entry of a key's history."""
    return {
        "at": moment(event.at),
        "state": event.condition,
        "code": event.code,
        "message": event.message,
        "arn": event.arn,
        "warnings": [_warning(warning) for warning in event.warnings],
    }


def _warning(warning: KeyWarning) -> Document:
    """Return a warning about a key."""
    return {"warning": warning.warning, "message": warning.message, "at": moment(warning.at)}
