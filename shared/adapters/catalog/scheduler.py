"""The scheduler's handle: the only one that sees all tenants. Which messages to send is ``sending``'s."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, case, delete, exists, func, select, update

from shared.adapters.catalog.backup_events import note_expiring, note_late
from shared.adapters.catalog.claims import open_phase
from shared.adapters.catalog.engine import EVERY_TENANT, Database, Turn
from shared.adapters.catalog.jobs import (
    GOING_ON,
    KNOWN_KINDS,
    backup_going,
    end_job,
    going,
    insert_step,
    interrupt,
    job_of,
    new_job,
    requeue,
)
from shared.adapters.catalog.key_health import makes_nothing_new_since
from shared.adapters.catalog.schedules import schedule_of
from shared.adapters.catalog.schema import beats, jobs, pins, refusals, schedules, steps, tenants, workers
from shared.adapters.catalog.sending import due_messages
from shared.adapters.catalog.set_back import SLACK, bring_back, clock_went_back
from shared.adapters.catalog.snapshots import newest
from shared.adapters.catalog.tenancy import Changes, Tenancy, new_id, put
from shared.domain.audit import SCHEDULE
from shared.domain.errors import Code
from shared.domain.model import Asked, Job, JobKind, JobState, StepPlan, StepRef, StepState, apart_from
from shared.messages import VERSION
from shared.ports.scheduler import DueSchedule

log = logging.getLogger(__name__)

_BEAT = "beat"


class SqlScheduler:
    """``ports.catalog.SchedulerCatalog`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: datetime) -> list[DueSchedule]:
        going = exists().where(jobs.c.tenant_id == schedules.c.tenant_id, *backup_going())
        query = (
            select(schedules)
            .where(~schedules.c.paused, schedules.c.next_due <= now, ~going)
            .order_by(schedules.c.next_due, schedules.c.tenant_id)
        )
        with self._database.read(EVERY_TENANT) as connection:
            found = connection.execute(query).mappings().all()
        return [DueSchedule(tenant_id=row["tenant_id"], schedule=schedule_of(row)) for row in found]

    def make_due(self, due: DueSchedule, next_due: datetime, refused_since: datetime) -> bool:
        with Tenancy(self._database, due.tenant_id, SCHEDULE).write() as rows:
            tenant = rows.one(tenants, lock=True)
            row = rows.one(schedules)
            if tenant is None or row is None or schedule_of(row) != due.schedule:
                return False
            refused = rows.find(refusals, refusals.c.arn == tenant["key_arn"], refusals.c.at > refused_since)
            if (
                refused
                or makes_nothing_new_since(rows, tenant["key_arn"], refused_since)
                or rows.find(jobs, *backup_going())
            ):
                return False
            rows.update(schedules, next_due=next_due)
            if rows.find(jobs, jobs.c.due_at == due.schedule.next_due):
                return False
            new_job(rows, JobKind.BACKUP, asked=Asked.SCHEDULE, due_at=due.schedule.next_due)
            return True

    def make_prunes(self, every: timedelta) -> int:
        with self._database.read(EVERY_TENANT) as connection:
            since = self._database.now(connection) - every
            lately = exists().where(
                jobs.c.tenant_id == tenants.c.tenant_id, jobs.c.kind == JobKind.PRUNE.value, jobs.c.created_at > since
            )
            query = select(tenants).where(tenants.c.created_at <= since, ~lately)
            found = connection.execute(query).mappings().all()
        failed: list[Exception] = []
        made = self._each(found, "a tenant gets no prune", lambda rows, _: _prune(rows, every), failed)
        if failed:
            raise failed[-1]
        return made

    def unplanned(self) -> list[Job]:
        by_hand_first = case((jobs.c.asked == Asked.HAND.value, 0), else_=1)
        query = (
            select(jobs)
            .where(jobs.c.state == JobState.QUEUED.value, jobs.c.open_phase.is_(None), jobs.c.kind.in_(KNOWN_KINDS))
            .order_by(by_hand_first, jobs.c.created_at, jobs.c.number)
        )
        with self._database.read(EVERY_TENANT) as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    def give_steps(self, job: Job, steps: Sequence[StepPlan]) -> bool:
        if not steps:
            raise ValueError("a job needs a step")
        with Tenancy(self._database, job.tenant_id, SCHEDULE).write() as rows:
            tenant = rows.one(tenants, lock=True)
            row = rows.one(jobs, jobs.c.job_id == job.job_id, lock=True)
            if tenant is None or row is None or row["state"] != JobState.QUEUED or row["open_phase"] is not None:
                return False
            apart = apart_from(job.kind)
            if apart and rows.find(jobs, *going(apart), jobs.c.open_phase.is_not(None)):
                return False
            if job.kind is JobKind.BACKUP:
                _pin_parent(rows, job.job_id)
            for step in steps:
                insert_step(rows, new_id(), job.job_id, step.phase, step.name)
            first = min(step.phase for step in steps)
            open_phase(rows, job.job_id, first, sum(step.phase == first for step in steps))
            return True

    def expire(self, claims_lost: int) -> int:
        failed: list[Exception] = []
        what = "a job's lost claims are not looked after"
        changed = self._each(self._expired(), what, lambda rows, step: _lost(rows, step, claims_lost), failed)
        changed += self._each(self._to_cancel(), what, _cancelled, failed)
        if failed:
            raise failed[-1]
        return changed

    def to_send(self, *, resend: float, resend_most: float, worker_seen: float, tenant_steps: int) -> list[StepRef]:
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
        for step in steps_:
            with Tenancy(self._database, step.tenant_id, SCHEDULE).write() as rows:
                rows.update(
                    steps,
                    steps.c.step_id == step.step_id,
                    steps.c.state == StepState.QUEUED.value,
                    steps.c.sends > 0,
                    sends=steps.c.sends - 1,
                    send_at=rows.now + timedelta(seconds=after),
                )

    def note_late(self, seconds: float) -> int:
        return note_late(self._database, seconds)

    def note_expiring(self) -> int:
        return note_expiring(self._database)

    def ticked(self) -> None:
        with self._database.write(EVERY_TENANT) as (connection, now):
            put(connection, beats, {"beat": _BEAT}, ticked_at=now)

    def bring_back(self, claim_seconds: float) -> bool:
        with self._database.read(EVERY_TENANT) as looked:  # nearly always it did not: do not wait for the write lock
            if not clock_went_back(looked, self._database.now(looked)):
                return False
        with self._database.write(EVERY_TENANT) as (connection, now):
            bring_back(connection, now, claim_seconds)
        return True

    def last_tick(self) -> float | None:
        with self._database.read(EVERY_TENANT) as connection:
            at = connection.execute(select(beats.c.ticked_at).where(beats.c.beat == _BEAT)).scalar()
            now = self._database.now(connection)
            return None if at is None or at > now + SLACK else max(0.0, (now - at).total_seconds())

    def report_broker(self, trouble: str | None) -> None:
        with self._database.write(EVERY_TENANT) as (connection, _):
            connection.execute(update(beats).where(beats.c.beat == _BEAT).values(broker_trouble=trouble))

    def broker_trouble(self) -> str | None:
        with self._database.read(EVERY_TENANT) as connection:
            return connection.execute(select(beats.c.broker_trouble).where(beats.c.beat == _BEAT)).scalar()

    def worker_silence(self, worker: str | None = None) -> float | None:
        query = select(func.max(workers.c.seen_at)).where(workers.c.slots > 0)
        if worker is not None:
            query = query.where(workers.c.worker == worker)
        with self._database.read(EVERY_TENANT) as connection:
            at = connection.execute(query).scalar()
            return None if at is None else max(0.0, (self._database.now(connection) - at).total_seconds())

    def worker_seen(self, worker: str, slots: int, *, begins: bool = False) -> None:
        with self._database.write(EVERY_TENANT) as (connection, now):
            if not slots:
                connection.execute(delete(workers).where(workers.c.worker == worker))
                return
            put(connection, workers, {"worker": worker}, slots=slots, seen_at=now, messages=VERSION, messages_at=now)
            if begins:
                # Messages that a worker which was killed had taken are lost: the new one need not wait for their turn.
                lost = (steps.c.state == StepState.QUEUED.value, steps.c.sends > 0, steps.c.retry_at.is_(None))
                connection.execute(update(steps).where(*lost).values(send_at=now, sends=0))

    def release(self, worker: str) -> int:
        prefix = f"{worker}/"
        held = select(steps.c.tenant_id).where(
            steps.c.state == StepState.RUNNING.value, func.substr(steps.c.holder, 1, len(prefix)) == prefix
        )
        with self._database.write(EVERY_TENANT) as (connection, now):
            tenant_ids = connection.execute(held.distinct()).scalars().all()
            return sum(
                requeue(Changes(connection, tenant_id, now), func.substr(steps.c.holder, 1, len(prefix)) == prefix)
                for tenant_id in tenant_ids
            )

    def _each(
        self,
        found: Sequence[RowMapping],
        what: str,
        look: Callable[[Changes, RowMapping], int],
        failed: list[Exception],
    ) -> int:
        """Looks after each row in a transaction of its own. How many rows changed.

        One that cannot be looked after keeps no other back: ``what`` goes wrong is logged, and the error kept in ``failed``.
        """
        changed = 0
        for row in found:
            try:
                with Tenancy(self._database, row["tenant_id"], SCHEDULE).write() as rows:
                    changed += look(rows, row)
            except Exception as error:
                ids = {"tenant": row["tenant_id"]} | ({"job": row["job_id"]} if "job_id" in row else {})
                log.error("%s: %s", what, type(error).__name__, extra=ids)
                failed.append(error)
        return changed

    def _expired(self) -> Sequence[RowMapping]:
        """Steps whose claim has expired."""
        with self._database.read(EVERY_TENANT) as connection:
            now = self._database.now(connection)
            query = select(steps).where(steps.c.state == StepState.RUNNING.value, steps.c.claim_until <= now)
            return connection.execute(query).mappings().all()

    def _to_cancel(self) -> Sequence[RowMapping]:
        """Jobs to cancel of which nobody holds a step."""
        held = exists().where(
            steps.c.tenant_id == jobs.c.tenant_id,
            steps.c.job_id == jobs.c.job_id,
            steps.c.state == StepState.RUNNING.value,
        )
        query = select(jobs).where(jobs.c.state.in_(GOING_ON), jobs.c.cancel, ~held)
        with self._database.read(EVERY_TENANT) as connection:
            return connection.execute(query).mappings().all()


def _prune(rows: Changes, every: timedelta) -> bool:
    """A prune for a tenant, unless it is gone by now or another beat was first."""
    if rows.one(tenants, lock=True) is None:
        return False
    if rows.find(jobs, jobs.c.kind == JobKind.PRUNE.value, jobs.c.created_at > rows.now - every):
        return False
    new_job(rows, JobKind.PRUNE, asked=Asked.SCHEDULE)
    return True


def _pin_parent(rows: Changes, job_id: str) -> None:
    parent = newest(rows)
    if parent is not None:
        rows.update(jobs, jobs.c.job_id == job_id, parent=parent["snapshot_id"])
        rows.insert(pins, job_id=job_id, snapshot_id=parent["snapshot_id"])


def _lost(rows: Changes, step: RowMapping, claims_lost: int) -> int:
    """What becomes of a step whose claim has expired, and of its job. How many rows changed."""
    job = rows.one(jobs, jobs.c.job_id == step["job_id"], lock=True)
    expired = (steps.c.step_id == step["step_id"], steps.c.fence == step["fence"], steps.c.claim_until <= rows.now)
    if job is None or not rows.find(steps, *expired):
        return 0  # renewed or ended since it was looked at, perhaps with its job just now
    lost = step["claims_lost"] + 1
    if job["here"]:
        interrupt(rows, job)
    elif lost >= claims_lost:
        message = f"Its workers went away {lost} times without progress. See the workers' logs, then ask again."
        end_job(rows, job, JobState.FAILED, Code.WORKER_LOST, message)
    else:
        return requeue(rows, steps.c.step_id == step["step_id"], claims_lost=lost)
    return 1


def _cancelled(rows: Changes, job: RowMapping) -> int:
    """Ends a job to cancel, unless somebody has ended it or holds a step of it by now. How many rows changed."""
    row = rows.one(jobs, jobs.c.job_id == job["job_id"], lock=True)
    if row is None or JobState(row["state"]).ended:
        return 0
    if rows.find(steps, steps.c.job_id == job["job_id"], steps.c.state == StepState.RUNNING.value):
        return 0
    end_job(rows, row, JobState.CANCELLED, Code.CANCELLED, "The job was cancelled.")
    return 1
