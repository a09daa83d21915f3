"""Documents of the fleet: how well each tenant is protected, and the sums over all of them."""

from collections.abc import Sequence

import msgspec

from console.documents.times import Moment, moment, whole_seconds
from shared.domain.errors import Code
from shared.domain.freshness import Freshness
from shared.domain.jobs import JobState
from shared.domain.model import KeyMode, ResourceReport
from shared.engine.requests.fleet import FleetEntry, FleetSums, KeyWord
from shared.ports.catalog.fleet import CompleteOn, LastBackup, NewestSnapshot, RunningJob


class NewestSnapshotDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The newest snapshot of a tenant."""

    id: str
    """The snapshot's id."""
    created_at: Moment
    """When the snapshot was taken."""
    objects: int
    """Number of objects."""
    complete: bool
    """Whether no resource is missing or incomplete."""
    lacking: list[str]
    """Names of the resources that are missing or incomplete."""


class LastBackupDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The last backup of a tenant that ended."""

    job: str
    """The job's id."""
    state: JobState
    """The state in which the job ended."""
    code: Code | None
    """The code of the error that ended it."""
    message: str | None
    """What is wrong and what to do, or a warning."""
    finished_at: Moment
    """When the job ended."""


class RunningJobDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is queued or running."""

    job: str
    """The job's id."""
    kind: str
    """What the job does."""
    state: JobState
    """``queued`` or ``running``."""
    percent: int | None
    """How many of its steps are done, in percent; null for a job of one step or without steps yet."""


class ProtectionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How well a tenant is protected."""

    tenant: str
    """The tenant's name."""
    tenant_id: str
    """The tenant's id in Entrakeep."""
    state: Freshness
    """The state of its protection."""
    rpo_seconds: int | None
    """The age of the newest complete snapshot, counted from the begin of its backup; null without one."""
    rpo_target_seconds: int | None
    """The longest RPO that is in order: the schedule's longest gap of the next 14 days plus a quarter; null without one."""
    cause: str | None
    """Why the tenant is not well, and who must act; null if it is fresh and nothing warns."""
    last_snapshot: NewestSnapshotDocument | None
    """The newest snapshot."""
    last_backup: LastBackupDocument | None
    """The last backup that ended."""
    running: list[RunningJobDocument]
    """Jobs that are queued or running, oldest first."""
    key_mode: KeyMode
    """Whose key protects it: ``provider`` for the operator's, ``customer`` for the tenant's own."""
    key_state: KeyWord
    """The state of the tenant's KMS key."""
    key_refused_since: Moment | None
    """Since when KMS has refused the key; null while it does not."""
    next: Moment | None
    """When the next backup is due; null while the schedule is paused or missing."""
    verified_at: Moment | None
    """When the last verify ended that opened every snapshot and found no damage."""
    sign_in_expires_at: Moment | None
    """When the client secret or certificate expires, if that is known."""


class TrendDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How many tenants got a complete snapshot on a day."""

    day: str
    """The day, in UTC."""
    tenants: int
    """Number of tenants."""


class FleetSumsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The sums over all tenants."""

    tenants: int
    """Number of tenants."""
    states: dict[str, int]
    """Number of tenants in each state of protection."""
    keys: dict[str, int]
    """Number of tenants whose KMS key is in each state."""
    worst: str | None
    """The name of the tenant in the worst state, and of these the one with the highest RPO."""
    worst_rpo_seconds: int | None
    """Its RPO."""
    worst_target_seconds: int | None
    """Its target."""
    verified: int
    """Number of tenants with a verify that opened every snapshot and found no damage."""
    oldest_verify: Moment | None
    """When the oldest of their last such verifies ended."""
    trend: list[TrendDocument]
    """The last 14 days, oldest first."""


def protection_document(entry: FleetEntry) -> ProtectionDocument:
    """Return the document of a row of the fleet."""
    protection, row = entry.protection, entry.row
    status = protection.status
    return ProtectionDocument(
        tenant=status.name,
        tenant_id=status.tenant_id,
        state=protection.state,
        rpo_seconds=whole_seconds(protection.rpo),
        rpo_target_seconds=whole_seconds(protection.target),
        cause=cause_of(entry),
        last_snapshot=_newest(row.newest) if row.newest else None,
        last_backup=_last(row.last_backup) if row.last_backup else None,
        running=[_running(each) for each in row.running],
        key_mode=row.key_mode,
        key_state=protection.key,
        key_refused_since=moment(status.refused_since),
        next=moment(row.next_due),
        verified_at=moment(status.verified_at),
        sign_in_expires_at=moment(row.sign_in_expires_at),
    )


def sums_document(sums: FleetSums, trend: Sequence[CompleteOn]) -> FleetSumsDocument:
    """Return the document of the sums over all tenants."""
    worst = sums.worst
    return FleetSumsDocument(
        tenants=sums.tenants,
        states={str(state): count for state, count in sums.states.items()},
        keys={str(key): count for key, count in sums.keys.items()},
        worst=worst.status.name if worst else None,
        worst_rpo_seconds=whole_seconds(worst.rpo) if worst else None,
        worst_target_seconds=whole_seconds(worst.target) if worst else None,
        verified=sums.verified,
        oldest_verify=moment(sums.oldest_verify),
        trend=[TrendDocument(day=each.day.isoformat(), tenants=each.tenants) for each in trend],
    )


def cause_of(entry: FleetEntry) -> str | None:
    """Return why the tenant is not well, and who must act; None if nothing is wrong."""
    protection, row = entry.protection, entry.row
    backup = row.last_backup
    if protection.state is Freshness.HELD:
        return "KMS refuses the key: its owner must give access back."
    if protection.key in _KEY_CAUSES:
        return _KEY_CAUSES[protection.key]
    if backup is not None and backup.state in (JobState.FAILED, JobState.CANCELLED):
        return f"{backup.code}: {backup.message}" if backup.code else backup.message
    if row.newest is not None and not row.newest.complete:
        return f"The last snapshot lacks {_names(row.newest.lacking)}."
    return _STATE_CAUSES.get(protection.state)


def key_cause(key: KeyWord) -> str | None:
    """Return what is wrong with a key in this state that KMS does not refuse; None if it is well."""
    return _KEY_CAUSES.get(key)


_KEY_CAUSES = {
    KeyWord.DAMAGED: "A data key no longer opens: see the key's history.",
    KeyWord.MISCONFIGURED: "The operator must correct the AWS settings of the workers, or the tenant its key.",
    KeyWord.UNREACHABLE: "AWS KMS does not answer for the key. Jobs wait for it for up to six hours.",
    KeyWord.WARNS: "The key works, but something will stop backups unless its owner acts.",
}
_STATE_CAUSES = {
    Freshness.NEVER: "There is no complete snapshot yet: request a backup.",
    Freshness.UNSCHEDULED: "There is no schedule: set one.",
    Freshness.PAUSED: "The schedule is paused: resume it.",
}


def _names(reports: Sequence[ResourceReport]) -> str:
    """Return the first names of these resources, and the number of the others."""
    names = [report.resource for report in reports]
    return ", ".join(names) if len(names) <= 2 else f"{names[0]} and {len(names) - 1} other resources"


def _newest(newest: NewestSnapshot) -> NewestSnapshotDocument:
    """Return the document of a tenant's newest snapshot."""
    return NewestSnapshotDocument(
        id=newest.snapshot_id,
        created_at=moment(newest.created_at),
        objects=newest.objects,
        complete=newest.complete,
        lacking=[report.resource for report in newest.lacking],
    )


def _last(backup: LastBackup) -> LastBackupDocument:
    """Return the document of a tenant's last backup."""
    return LastBackupDocument(
        job=backup.job_id,
        state=backup.state,
        code=backup.code,
        message=backup.message,
        finished_at=moment(backup.finished_at),
    )


def _running(job: RunningJob) -> RunningJobDocument:
    """Return the document of an unfinished job."""
    percent = 100 * job.done // job.steps if job.steps > 1 else None
    return RunningJobDocument(job=job.job_id, kind=job.kind, state=job.state, percent=percent)
