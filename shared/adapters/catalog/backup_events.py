"""Note backups that failed, are late, recovered, or will fail when a secret expires.

Each event is written in the transaction of its cause.
"""

from datetime import datetime, timedelta

from sqlalchemy import Exists, RowMapping, and_, exists, func, or_, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.job_rows import GOING_ON, going, of_kinds
from shared.adapters.catalog.notice_queue import queue_notice
from shared.adapters.catalog.outbox import forget_old
from shared.adapters.catalog.schema import backup_events, jobs, schedules, tenants
from shared.adapters.catalog.tenancy import Changes, Tenancy, tenant_of
from shared.domain.audit import SCHEDULE
from shared.domain.backup_health import BackupEvent, BackupState
from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState
from shared.domain.notice_sources import of_backup
from shared.domain.sign_in import SOON, expiry_sentence, reminded_since

_WELL = (JobState.SUCCEEDED, JobState.SUCCEEDED_WITH_WARNINGS)


def note_end(rows: Changes, job: RowMapping, state: JobState, code: Code | None, message: str | None) -> None:
    """Note the end of a backup if it failed, or if it is the first success after a failure or a delay."""
    if job["kind"] != JobKind.BACKUP:
        return
    if state is JobState.FAILED:
        _insert_event(rows, BackupState.FAILED, job["job_id"], code, message or "The backup failed.")
    elif state in _WELL and _last(rows) in (BackupState.FAILED, BackupState.LATE):
        _insert_event(rows, BackupState.RECOVERED, job["job_id"], None, "Backups work again: a snapshot was made.")


def note_late(database: Database, seconds: float) -> int:
    """Note each tenant whose scheduled backup is late by ``seconds``, once until it recovers. Return how many."""
    with database.read(EVERY_TENANT) as connection:
        before = database.now(connection) - timedelta(seconds=seconds)
        waits = exists().where(
            jobs.c.tenant_id == schedules.c.tenant_id,
            of_kinds(JobKind.BACKUP),
            jobs.c.state.in_(GOING_ON),
            jobs.c.due_at < before,
        )
        late = or_(schedules.c.next_due < before, waits)
        query = select(schedules.c.tenant_id).where(and_(~schedules.c.paused, late, ~_already_noted()))
        tenant_ids = connection.execute(query).scalars().all()
    return sum(_late(Tenancy(database, tenant_id, SCHEDULE)) for tenant_id in tenant_ids)


def note_expiring(database: Database) -> int:
    """Note each tenant whose client secret or certificate expires soon, once for each reminder. Return how many."""
    noted_times = (
        select(func.max(backup_events.c.at))
        .where(backup_events.c.tenant_id == tenants.c.tenant_id, backup_events.c.state == BackupState.EXPIRING.value)
        .scalar_subquery()
    )
    with database.read(EVERY_TENANT) as connection:
        now = database.now(connection)
        query = select(tenants.c.tenant_id, tenants.c.sign_in_expires_at, noted_times.label("noted_at")).where(
            tenants.c.sign_in_expires_at < now + SOON
        )
        expiring = connection.execute(query).mappings().all()
    due = [row["tenant_id"] for row in expiring if _unreminded(row["sign_in_expires_at"], row["noted_at"], now)]
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


def _already_noted() -> Exists:
    """Return the SQL condition that the tenant was already reported as late since it last recovered."""
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
    """Note the tenant as late, unless that is noted already. Return the number of events."""
    with tenancy.write() as rows:
        schedule = rows.one(schedules, lock=True)
        if schedule is None or rows.all(
            select(schedules).where(schedules.c.tenant_id == rows.tenant_id, _already_noted())
        ):
            return 0
        waiting = rows.find(jobs, *going([JobKind.BACKUP]))
        message = "The scheduled backup is late. See 'entrakeep jobs list' and 'entrakeep key show'."
        _insert_event(rows, BackupState.LATE, waiting[0]["job_id"] if waiting else None, None, message)
        return 1


def _expiring(tenancy: Tenancy) -> int:
    """Note that the tenant's secret expires soon, unless another beat did. Return the number of events."""
    with tenancy.write() as rows:
        row = rows.one(tenants, lock=True)
        if row is None or row["sign_in_expires_at"] is None:
            return 0
        noted_times = rows.find(backup_events, backup_events.c.state == BackupState.EXPIRING.value)
        noted_at = max((event["at"] for event in noted_times), default=None)
        message = expiry_sentence(tenant_of(row), rows.now)
        if message is None or not _unreminded(row["sign_in_expires_at"], noted_at, rows.now):
            return 0  # another beat was first, or the secret was replaced
        _insert_event(rows, BackupState.EXPIRING, None, None, message)
        return 1


def _unreminded(expires_at: datetime, noted_at: datetime | None, now: datetime) -> bool:
    """Return True if a reminder is due that was not noted."""
    since = reminded_since(expires_at, now)
    return since is not None and (noted_at is None or noted_at < since)


def _last(rows: Changes) -> BackupState | None:
    """Return the state in the last event about a backup, or None. Events about expiring secrets do not count."""
    ends = backup_events.c.state != BackupState.EXPIRING.value
    query = rows.query(backup_events, ends).order_by(backup_events.c.number.desc()).limit(1)
    return next((BackupState(row["state"]) for row in rows.all(query)), None)


def _insert_event(rows: Changes, state: BackupState, job_id: str | None, code: Code | None, message: str) -> None:
    """Insert an event, queue its notice, and remove the oldest events."""
    queue_notice(rows, of_backup(state, code, message, job_id))
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
