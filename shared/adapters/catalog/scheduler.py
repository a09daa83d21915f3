"""Access all tenants' jobs for the scheduler. ``sending`` chooses the steps to send messages for."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import case, delete, exists, func, select, update

from shared.adapters.catalog.backup_events import note_expiring, note_late
from shared.adapters.catalog.each_row import process_each
from shared.adapters.catalog.engine import EVERY_TENANT, Database, Turn
from shared.adapters.catalog.expiry import expire_claims
from shared.adapters.catalog.job_rows import going, job_of, of_kinds
from shared.adapters.catalog.job_writes import new_job
from shared.adapters.catalog.key_health import makes_nothing_new_since
from shared.adapters.catalog.schedules import schedule_of
from shared.adapters.catalog.schema import beats, jobs, pins, refusals, schedules, steps, tenants, workers
from shared.adapters.catalog.sending import due_messages
from shared.adapters.catalog.set_back import clock_went_back, repair_times
from shared.adapters.catalog.snapshots import newest
from shared.adapters.catalog.step_writes import insert_step, open_phase, requeue
from shared.adapters.catalog.tenancy import Changes, Tenancy, new_id, put
from shared.domain.audit import SCHEDULE
from shared.domain.jobs import Job, JobKind, JobState, Origin, StepPlan, StepRef, StepState, row_of
from shared.domain.limits import LIMITS
from shared.messages import VERSION
from shared.ports.catalog.scheduler import DueSchedule, RowsFailed

log = logging.getLogger(__name__)

_BEAT = "beat"


class SqlScheduler:
    """``ports.catalog.scheduler.SchedulerCatalog`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: datetime) -> list[DueSchedule]:
        """Return the schedules that are due at ``now`` and whose tenant has no unfinished backup."""
        unfinished = exists().where(jobs.c.tenant_id == schedules.c.tenant_id, *going([JobKind.BACKUP]))
        query = (
            select(schedules)
            .where(~schedules.c.paused, schedules.c.next_due <= now, ~unfinished)
            .order_by(schedules.c.next_due, schedules.c.tenant_id)
        )
        with self._database.read(EVERY_TENANT) as connection:
            schedule_rows = connection.execute(query).mappings().all()
        return [DueSchedule(tenant_id=row["tenant_id"], schedule=schedule_of(row)) for row in schedule_rows]

    def make_due(self, due: DueSchedule, next_due: datetime, refused_since: datetime) -> bool:
        """Insert the scheduled backup and move the schedule on. Return False if no backup was inserted.

        None is inserted if the schedule has changed, the key was refused since ``refused_since``, or a backup is
        unfinished or was already inserted for this time.
        """
        with Tenancy(self._database, due.tenant_id, SCHEDULE).write() as rows:
            tenant = rows.one(tenants, lock=True)
            row = rows.one(schedules)
            if tenant is None or row is None or schedule_of(row) != due.schedule:
                return False
            refused = rows.find(refusals, refusals.c.arn == tenant["key_arn"], refusals.c.at > refused_since)
            if (
                refused
                or makes_nothing_new_since(rows, tenant["key_arn"], refused_since)
                or rows.find(jobs, *going([JobKind.BACKUP]))
            ):
                return False
            rows.update(schedules, next_due=next_due)
            if rows.find(jobs, jobs.c.due_at == due.schedule.next_due):
                return False
            new_job(rows, JobKind.BACKUP, origin=Origin.SCHEDULE, due_at=due.schedule.next_due)
            return True

    def make_sweeps(self, every: timedelta) -> int:
        """Insert a sweep for each tenant that had none within ``every``. Return how many.

        A tenant's failure does not stop the others. RowsFailed is raised at the end.
        """
        with self._database.read(EVERY_TENANT) as connection:
            since = self._database.now(connection) - every
            lately = exists().where(
                jobs.c.tenant_id == tenants.c.tenant_id, of_kinds(JobKind.SWEEP), jobs.c.created_at > since
            )
            query = select(tenants).where(tenants.c.created_at <= since, ~lately)
            tenant_rows = connection.execute(query).mappings().all()
        failed: list[Exception] = []
        problem = "the sweep of a tenant was not created"
        made = process_each(self._database, tenant_rows, problem, lambda rows, _: _insert_sweep(rows, every), failed)
        if failed:
            raise RowsFailed(failed[-1])
        return made

    def unplanned(self) -> list[Job]:
        """Return queued jobs without steps: those requested by hand first, then the oldest."""
        by_hand_first = case((jobs.c.asked == Origin.HAND.value, 0), else_=1)
        query = (
            select(jobs)
            .where(jobs.c.state == JobState.QUEUED.value, jobs.c.open_phase.is_(None), of_kinds(*JobKind))
            .order_by(by_hand_first, jobs.c.created_at, jobs.c.number)
        )
        with self._database.read(EVERY_TENANT) as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    def offer_steps(self, job: Job, steps: Sequence[StepPlan]) -> bool:
        """Insert the job's steps and open its first phase. Return False if the job has steps or has ended.

        Return False too if the job must wait for an unfinished job of another kind, or only a newer version knows its
        kind. Raises ValueError without steps.
        """
        if not steps:
            raise ValueError("a job needs a step")
        with Tenancy(self._database, job.tenant_id, SCHEDULE).write() as rows:
            tenant = rows.one(tenants, lock=True)
            row = rows.one(jobs, jobs.c.job_id == job.job_id, lock=True)
            if tenant is None or row is None or row["state"] != JobState.QUEUED or row["open_phase"] is not None:
                return False
            kind = row_of(job.kind)
            if kind is None:
                return False
            apart = kind.exclusive_with
            if apart and rows.find(jobs, *going(apart), jobs.c.open_phase.is_not(None)):
                return False
            if kind.builds_on_newest:
                _pin_parent(rows, job.job_id)
            for step in steps:
                insert_step(rows, new_id(), job.job_id, step.phase, step.name, bundle=step.bundle)
            first = min(step.phase for step in steps)
            open_phase(rows, job.job_id, first, sum(step.phase == first for step in steps))
            return True

    def expire(self, claims_lost: int) -> int:
        """Requeue or end steps whose claim expired, and end cancelled jobs. Return how many rows changed.

        A job fails once a step has lost ``claims_lost`` claims without progress. One job's failure does not stop the
        others; the last error is raised at the end.
        """
        return expire_claims(self._database, claims_lost)

    def to_send(self, *, resend: float, resend_most: float, worker_seen: float, tenant_steps: int) -> list[StepRef]:
        """Return the steps to send a message for, and mark them as sent. See ``due_messages``."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            self._database.one_at_a_time(connection, Turn.SENDING)
            return due_messages(
                connection,
                now,
                resend=resend,
                resend_most=resend_most,
                worker_seen=worker_seen,
                tenant_steps=tenant_steps,
            )

    def not_sent(self, steps_: Sequence[StepRef], after: float) -> None:
        """Make messages that could not be sent due again ``after`` seconds."""
        for step in steps_:
            with Tenancy(self._database, step.tenant_id, SCHEDULE).write() as rows:
                rows.update(
                    steps,
                    steps.c.step_id.in_([step.step_id, *step.others]),
                    steps.c.state == StepState.QUEUED.value,
                    steps.c.sends > 0,
                    sends=steps.c.sends - 1,
                    send_at=rows.now + timedelta(seconds=after),
                )

    def note_late(self, seconds: float) -> int:
        """Note tenants whose scheduled backup is late by ``seconds``. Return how many."""
        return note_late(self._database, seconds)

    def note_expiring(self) -> int:
        """Note tenants whose secret expires soon. Return how many."""
        return note_expiring(self._database)

    def record_tick(self) -> None:
        """Store the time of beat's tick."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            put(connection, beats, beat=_BEAT, ticked_at=now)

    def repair_after_clock_change(self, claim_seconds: float) -> bool:
        """Make times of the earlier clock due if the database's clock was set back. Return True if it was."""
        with self._database.read(EVERY_TENANT) as reading:  # nearly always False: avoid the write lock
            if not clock_went_back(reading, self._database.now(reading)):
                return False
        with self._database.write(EVERY_TENANT) as (connection, now):
            repair_times(connection, now, claim_seconds)
        return True

    def last_tick(self) -> float | None:
        """Return the age of beat's last tick in seconds, or None if it is unknown."""
        with self._database.read(EVERY_TENANT) as connection:
            ticked_at = connection.execute(select(beats.c.ticked_at).where(beats.c.beat == _BEAT)).scalar()
            now = self._database.now(connection)
            return (
                None
                if ticked_at is None or ticked_at > now + timedelta(seconds=LIMITS.clock_slack_seconds)
                else max(0.0, (now - ticked_at).total_seconds())
            )

    def report_broker(self, trouble: str | None) -> None:
        """Store why the broker takes no messages; None if it does."""
        with self._database.write(EVERY_TENANT) as (connection, _):
            connection.execute(update(beats).where(beats.c.beat == _BEAT).values(broker_trouble=trouble))

    def broker_trouble(self) -> str | None:
        """Return why the broker takes no messages, or None."""
        with self._database.read(EVERY_TENANT) as connection:
            return connection.execute(select(beats.c.broker_trouble).where(beats.c.beat == _BEAT)).scalar()

    def worker_silence(self, worker: str | None = None) -> float | None:
        """Return the seconds since this worker was last seen, or any worker if none is named.

        Return None if none was seen.
        """
        query = select(func.max(workers.c.seen_at)).where(workers.c.slots > 0)
        if worker is not None:
            query = query.where(workers.c.worker == worker)
        with self._database.read(EVERY_TENANT) as connection:
            seen_at = connection.execute(query).scalar()
            return None if seen_at is None else max(0.0, (self._database.now(connection) - seen_at).total_seconds())

    def record_heartbeat(self, worker: str, slots: int, *, begins: bool = False) -> None:
        """Store a worker's heartbeat. Without slots, remove the worker.

        With ``begins``, make messages that were sent due again.
        """
        with self._database.write(EVERY_TENANT) as (connection, now):
            if not slots:
                connection.execute(delete(workers).where(workers.c.worker == worker))
                return
            put(connection, workers, worker=worker, slots=slots, seen_at=now, messages=VERSION, messages_at=now)
            if begins:
                # A killed worker's messages are lost. Send them again now instead of after the resend wait.
                lost = (steps.c.state == StepState.QUEUED.value, steps.c.sends > 0, steps.c.retry_at.is_(None))
                connection.execute(update(steps).where(*lost).values(send_at=now, sends=0))

    def record_identity(self, worker: str, account: str, principal: str) -> bool:
        """Store a worker's AWS account and principal. Return False if no such worker is known."""
        values = {"aws_account": account, "aws_principal": principal}
        with self._database.write(EVERY_TENANT) as (connection, _):
            return connection.execute(update(workers).where(workers.c.worker == worker).values(values)).rowcount == 1

    def release(self, worker: str) -> int:
        """Queue all running steps of this worker again. Return how many."""
        prefix = f"{worker}/"
        claimed_by = select(steps.c.tenant_id).where(
            steps.c.state == StepState.RUNNING.value, func.substr(steps.c.holder, 1, len(prefix)) == prefix
        )
        with self._database.write(EVERY_TENANT) as (connection, now):
            tenant_ids = connection.execute(claimed_by.distinct()).scalars().all()
            return sum(
                requeue(Changes(connection, tenant_id, now), func.substr(steps.c.holder, 1, len(prefix)) == prefix)
                for tenant_id in tenant_ids
            )


def _pin_parent(rows: Changes, job_id: str) -> None:
    """Pin the newest snapshot as the backup's parent."""
    parent = newest(rows)
    if parent is not None:
        rows.update(jobs, jobs.c.job_id == job_id, parent=parent["snapshot_id"])
        rows.insert(pins, job_id=job_id, snapshot_id=parent["snapshot_id"])


def _insert_sweep(rows: Changes, every: timedelta) -> bool:
    """Insert a sweep. Return False if the tenant was removed or another beat was first."""
    if rows.one(tenants, lock=True) is None:
        return False
    if rows.find(jobs, of_kinds(JobKind.SWEEP), jobs.c.created_at > rows.now - every):
        return False
    new_job(rows, JobKind.SWEEP, origin=Origin.SCHEDULE)
    return True
