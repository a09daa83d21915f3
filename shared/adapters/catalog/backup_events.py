"""Backups that failed, are late, recovered, or will fail as a secret expires: events in the transaction of their cause."""

from datetime import datetime, timedelta

from sqlalchemy import Exists, RowMapping, and_, exists, func, or_, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.outbox import forget_old
from shared.adapters.catalog.schema import backup_events, jobs, schedules, tenants
from shared.adapters.catalog.tenancy import Changes, Tenancy, tenant_of
from shared.domain.audit import SCHEDULE
from shared.domain.backup_health import BackupEvent, BackupState
from shared.domain.errors import Code
from shared.domain.model import JobKind, JobState
from shared.domain.sign_in import SOON, expiry_sentence, reminded_since

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


def note_expiring(database: Database) -> int:
    """Note each tenant whose client secret or certificate expires soon, once for each reminder. Return how many."""
    noted = (
        select(func.max(backup_events.c.at))
        .where(backup_events.c.tenant_id == tenants.c.tenant_id, backup_events.c.state == BackupState.EXPIRING.value)
        .scalar_subquery()
    )
    with database.read(EVERY_TENANT) as connection:
        now = database.now(connection)
        query = select(tenants.c.tenant_id, tenants.c.sign_in_expires_at, noted.label("noted_at")).where(
            tenants.c.sign_in_expires_at < now + SOON
        )
        found = connection.execute(query).mappings().all()
    due = [row["tenant_id"] for row in found if _unreminded(row["sign_in_expires_at"], row["noted_at"], now)]
    return sum(_expiring(Tenancy(database, tenant_id, SCHEDULE)) for tenant_id in due)


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


def _expiring(tenancy: Tenancy) -> int:
    with tenancy.write() as rows:
        row = rows.one(tenants, lock=True)
        if row is None or row["sign_in_expires_at"] is None:
            return 0
        noted = rows.find(backup_events, backup_events.c.state == BackupState.EXPIRING.value)
        noted_at = max((event["at"] for event in noted), default=None)
        message = expiry_sentence(tenant_of(row), rows.now)
        if message is None or not _unreminded(row["sign_in_expires_at"], noted_at, rows.now):
            return 0  # another beat was first, or a new secret was given
        _happened(rows, BackupState.EXPIRING, None, None, message)
        return 1


def _unreminded(expires_at: datetime, noted_at: datetime | None, now: datetime) -> bool:
    """Return whether a reminder is due that was not noted."""
    since = reminded_since(expires_at, now)
    return since is not None and (noted_at is None or noted_at < since)


def _last(rows: Changes) -> BackupState | None:
    """Return how the tenant's backups were last, as far as an event said so."""
    ends = backup_events.c.state != BackupState.EXPIRING.value
    query = rows.query(backup_events, ends).order_by(backup_events.c.number.desc()).limit(1)
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
