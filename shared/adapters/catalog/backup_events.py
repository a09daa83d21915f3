"""Backups that failed, are late, or recovered: events in the transaction of what they report."""

from datetime import timedelta

from sqlalchemy import Exists, RowMapping, and_, exists, or_, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.outbox import forget_old
from shared.adapters.catalog.schema import backup_events, jobs, schedules
from shared.adapters.catalog.tenancy import Changes, Tenancy
from shared.domain.audit import SCHEDULE
from shared.domain.backup_health import BackupEvent, BackupState
from shared.domain.errors import Code
from shared.domain.model import JobKind, JobState

_OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)
_WELL = (JobState.SUCCEEDED, JobState.SUCCEEDED_WITH_WARNINGS)


def note_end(rows: Changes, job: RowMapping, state: JobState, code: Code | None, message: str | None) -> None:
    """Note the end of a backup, if it failed, or if it is the first that ended well since one failed or was late."""
    if job["kind"] != JobKind.BACKUP:
        return
    if state is JobState.FAILED:
        _happened(rows, BackupState.FAILED, job["job_id"], code, message or "The backup failed.")
    elif state in _WELL and _last(rows) in (BackupState.FAILED, BackupState.LATE):
        _happened(rows, BackupState.RECOVERED, job["job_id"], None, "Backups work again: a snapshot was made.")


def note_late(database: Database, seconds: float) -> int:
    """Note each tenant whose scheduled backup is late by so many seconds, once until it recovers. Return how many."""
    with database.read(EVERY_TENANT) as connection:
        before = database.now(connection) - timedelta(seconds=seconds)
        waits = exists().where(
            jobs.c.tenant_id == schedules.c.tenant_id,
            jobs.c.kind == JobKind.BACKUP.value,
            jobs.c.state.in_(_OPEN),
            jobs.c.due_at < before,
        )
        late = or_(schedules.c.next_due < before, waits)
        query = select(schedules.c.tenant_id).where(and_(~schedules.c.paused, late, ~_noted()))
        found = connection.execute(query).scalars().all()
    return sum(_late(Tenancy(database, tenant_id, SCHEDULE)) for tenant_id in found)


def event_of(row: RowMapping) -> BackupEvent:
    """Return the event in a row."""
    return BackupEvent(
        number=row["number"],
        at=row["at"],
        state=BackupState(row["state"]),
        job_id=row["job_id"],
        code=Code(row["code"]) if row["code"] else None,
        message=row["message"],
    )


def _noted() -> Exists:
    """Whether the tenant was noted as late since it recovered last."""
    later = backup_events.alias()
    recovered = exists().where(
        later.c.tenant_id == backup_events.c.tenant_id,
        later.c.number > backup_events.c.number,
        later.c.state == BackupState.RECOVERED.value,
    )
    return exists().where(
        backup_events.c.tenant_id == schedules.c.tenant_id,
        backup_events.c.state == BackupState.LATE.value,
        ~recovered,
    )


def _late(tenancy: Tenancy) -> int:
    with tenancy.write() as rows:
        schedule = rows.one(schedules, lock=True)
        if schedule is None or rows.all(select(schedules).where(schedules.c.tenant_id == rows.tenant_id, _noted())):
            return 0
        waiting = rows.find(jobs, jobs.c.kind == JobKind.BACKUP.value, jobs.c.state.in_(_OPEN))
        message = "The scheduled backup is late. See 'entrakeep jobs list' and 'entrakeep key show'."
        _happened(rows, BackupState.LATE, waiting[0]["job_id"] if waiting else None, None, message)
        return 1


def _last(rows: Changes) -> BackupState | None:
    query = rows.query(backup_events).order_by(backup_events.c.number.desc()).limit(1)
    return next((BackupState(row["state"]) for row in rows.all(query)), None)


def _happened(rows: Changes, state: BackupState, job_id: str | None, code: Code | None, message: str) -> None:
    number = rows.number(backup_events)
    rows.insert(
        backup_events,
        number=number,
        at=rows.now,
        state=state.value,
        job_id=job_id,
        code=code,
        message=message,
        tell_at=rows.now,
        tries=0,
    )
    forget_old(rows, backup_events, number)
