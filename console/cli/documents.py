"""The JSON documents of listings and jobs. Fields may be added, never changed."""

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
    from shared.engine.shred import Certificate

Document = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """RFC 3339, in UTC, to the millisecond."""
    return None if at is None else f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def to_second(text: str | None) -> str | None:
    """A moment as tables show it."""
    return None if text is None else f"{text[:19]}Z"


def job_document(job: Job, tenant: str, steps: Sequence[Step] = ()) -> Document:
    """``steps`` are those of a job that goes on: what trouble one of them is in stands in ``code`` and ``message``."""
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
    document = {**job_document(job, tenant, steps), "resources": resources_of(job, steps)}
    damaged = damaged_of(job)
    if damaged is not None:
        document["damaged"] = damaged
    if strays := strays_of(job):
        document["strays"] = strays
    return {**document, **(key_job_of(job) or {})}


def damaged_of(job: Job) -> list[Document] | None:
    """The damaged blobs that a verify has found; None for jobs that look for none, or have not ended."""
    found = job.detail.get("damaged") if isinstance(job.detail, dict) else None
    return list(found) if isinstance(found, list) else None


def strays_of(job: Job) -> list[str]:
    """Return the names in the store that a sweep or verify skipped, because they are not Entrakeep's."""
    return list(job.detail.get("strays", [])) if isinstance(job.detail, dict) else []


def key_job_of(job: Job) -> Document | None:
    """What a check of a key that is to become the tenant's has come to, or a change to it; None for other jobs."""
    found = job.detail if isinstance(job.detail, dict) and "arn" in job.detail else None
    if found is None:
        return None
    if job.kind is JobKind.KEY_CHECK:
        return {"arn": found["arn"], "checks": found.get("checks", [])}
    fields: Document = {"before": None, "moved": 0, "to_move": 0, "snapshots": [], "left": [], "database": None}
    return {"arn": found["arn"], **{name: found.get(name, usual) for name, usual in fields.items()}}


def trouble_of(job: Job, steps: Sequence[Step]) -> Trouble | None:
    """The trouble that keeps a job waiting, the longest first; None if there is none, or the job has ended."""
    found = [step.trouble for step in steps if step.trouble is not None and not job.state.ended]
    return min(found, key=lambda trouble: trouble.since, default=None)


def in_trouble(trouble: Trouble) -> str:
    """What keeps a job waiting, since when, and until when."""
    since, again = (to_second(moment(at)) for at in (trouble.since, trouble.retry_at))
    return f"{trouble.message} Since {since}, tried again at {again}."


def resources_of(job: Job, steps: Sequence[Step]) -> list[Document]:
    """How far a backup has come with each resource; none for other kinds. ``changed`` counts records that were added, changed
    or removed. Of a job that has ended, what was not read whole is ``stopped``, or ``not_started``."""
    return [_resource(name, job, steps) for name in RESOURCES] if job.kind is JobKind.BACKUP else []


def _resource(name: str, job: Job, steps: Sequence[Step]) -> Document:
    mine = [step for step in steps if step.phase < Phase.COMMIT and step.name == RESOURCES[name].stream]
    counted = [progress for step in mine for progress in step.progress if progress.resource == name]
    if mine and all(step.answer is not None for step in mine):
        state = "done"
    elif any(step.began_at is not None for step in mine):
        state = "stopped" if job.state.ended else "reading"
    else:
        state = "not_started" if job.state.ended else "queued"
    return {
        "resource": name,
        "state": state,
        "records": sum(progress.records for progress in counted),
        "changed": sum(progress.changed for progress in counted),
        "answer": next((step.answer for step in mine if step.phase == Phase.READ), None),
    }


def tenant_document(shown: TenantOverview, key: str, now: datetime, same_directory: Sequence[str] = ()) -> Document:
    """``key``: the state of the tenant's KMS key. ``sign_in_warning`` says from 30 days before on that the client secret or
    certificate expires. ``same_directory``: the names of other tenants that an older version let be connected to the same
    directory."""
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
    """An age as tables show it: in days, hours or minutes."""
    if seconds is None:
        return None
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or unit == "min":
            return f"{seconds // length} {unit}"
    return None


def schedule_document(schedule: Schedule) -> Document:
    return {
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "paused": schedule.paused,
        "next": moment(schedule.next_due),
    }


def snapshot_document(snapshot: Snapshot, tenant: str) -> Document:
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
    """The table of what is protected. ``select`` is as sent, with the relations of the resource's stream."""
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
    """An event of the audit trail. Raises Refuse ``AUDIT_BROKEN`` if it cannot be read."""
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
    """What became of a look at an audit trail: ``head`` is the last event that fits, ``fault`` the first that does not."""
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
    return {
        "account": policy.account,
        "statements": policy.statements,
        "terraform": policy.terraform,
        "cloudformation": policy.cloudformation,
        "cli": policy.cli,
        "console": policy.console,
    }


def key_document(tenant: Tenant, keys: KeyState, health: KeyHealth, history: Sequence[KeyEvent]) -> Document:
    """``since``: since when the key is in this state; of one that always was well, the tenant has it. ``account``: the
    key's. ``code`` and ``message``: what the jobs of the tenant meet, and who must do what. ``checked_at``: when KMS was last
    asked for it by a probe."""
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
"""A key that is well, while data keys move to it."""


def shredded_document(certificate: "Certificate") -> Document:
    """The certificate of a tenant that was shredded."""
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
    """How the key is, and since when. A remembered refusal alone says that it is refused: a job may have found that since
    the last probe, or that it is not refused any more."""
    if keys.refusal is not None:
        return KeyCondition.REVOKED, keys.refusal.since
    if health.condition in (KeyCondition.MISCONFIGURED, KeyCondition.DAMAGED):
        return health.condition, health.since
    if health.condition is KeyCondition.UNREACHABLE:
        return health.condition, min(health.since, keys.unreachable or health.since)
    if keys.unreachable is not None:
        return KeyCondition.UNREACHABLE, keys.unreachable
    had = keys.switched_at or tenant.created_at
    if keys.updating:
        return UPDATING, had
    return KeyCondition.OK, max(had, health.since) if health.condition is KeyCondition.OK else had


def _key_trouble(state: str, keys: KeyState, health: KeyHealth) -> tuple[Code | None, str | None]:
    if keys.refusal is not None:
        return Code.KEY_ACCESS_REVOKED, keys.refusal.message
    if state == KeyCondition.UNREACHABLE:
        return Code.KEY_UNREACHABLE, "AWS KMS does not answer for the key. Jobs wait for it, for six hours at most."
    return (None, None) if state in (KeyCondition.OK, UPDATING) else (health.code, health.message or None)


def _event(event: KeyEvent) -> Document:
    return {
        "at": moment(event.at),
        "state": event.condition,
        "code": event.code,
        "message": event.message,
        "arn": event.arn,
        "warnings": [_warning(warning) for warning in event.warnings],
    }


def _warning(warning: KeyWarning) -> Document:
    return {"warning": warning.warning, "message": warning.message, "at": moment(warning.at)}
