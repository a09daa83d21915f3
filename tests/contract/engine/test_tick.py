"""The tick: due times become jobs, messages are sent, and a failure in one row or part delays no other."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.catalog import each_row, expiry, scheduler
from shared.adapters.catalog.scheduler import SqlScheduler
from shared.adapters.catalog.tenancy import Changes
from shared.domain.errors import Code, KeyRefused, Refuse
from shared.domain.jobs import JobKind, JobState, Origin, StepState
from shared.domain.model import Schedule, Tenant
from shared.engine.jobs.sending import send_due
from shared.engine.tenants.onboarding import add_tenant
from tests.contract.engine.world import EngineWorld, identity
from tests.tables import APPLICATIONS
from tests.unit.vault.parts import ARN

pytestmark = pytest.mark.streams(*APPLICATIONS)

REFUSED = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")
HELD = Refuse(Code.CATALOG_UNREACHABLE, "Another process has held a row for too long.")
DEFECT = LookupError("a defect")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    world.scheduler.record_heartbeat("w", 99)
    yield world
    world.close()


def test_a_silent_broker_loses_no_step(world: EngineWorld) -> None:
    job = world.request()
    world.messages.open = False
    world.tick()
    assert world.messages.queue == []
    world.messages.open = True
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED


def test_send_due_returns_the_number_of_sent_messages(world: EngineWorld) -> None:
    world.request()
    world.messages.open = False
    world.tick()
    world.messages.open = True
    sent = send_due(world.context)
    assert sent == len(world.messages.queue) == 4


def test_a_job_requested_by_hand_starts_within_one_tick_before_all_due_jobs(world: EngineWorld, other: Tenant) -> None:
    world.scheduler.record_heartbeat("w", 1)
    due = world.clock.time - timedelta(days=1)
    schedule = Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=due)
    world.context.catalog.tenant(other.tenant_id).schedules.set(schedule)
    job = world.request()
    world.tick()
    assert {(step.job_id, step.queue) for step in world.messages.queue} == {(job.job_id, "manual")}
    assert world.context.catalog.tenant(other.tenant_id).jobs.recent() != []


def test_missed_due_times_become_one_job(world: EngineWorld) -> None:
    due = world.clock.time - timedelta(days=3)
    world.catalog.schedules.set(Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=due))
    world.tick()
    world.tick()
    (job,) = world.catalog.jobs.recent()
    assert (job.origin, job.due_at) == (Origin.SCHEDULE, due)
    schedule = world.catalog.schedules.get()
    assert schedule is not None
    assert schedule.next_due is not None
    assert world.clock.time < schedule.next_due <= world.clock.time + timedelta(hours=1)


def test_no_due_time_becomes_a_job_during_a_fresh_refusal(world: EngineWorld) -> None:
    world.catalog.keys.refuse(ARN, REFUSED.message)
    due = world.clock.time - timedelta(minutes=1)
    world.catalog.schedules.set(Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=due))
    world.tick()
    assert world.catalog.jobs.recent() == []
    world.clock.time += timedelta(minutes=5)
    world.tick()
    assert [job.due_at for job in world.catalog.jobs.recent()] == [due]


def test_a_paused_schedule_makes_no_job(world: EngineWorld) -> None:
    world.catalog.schedules.set(Schedule(cron="0 * * * *", timezone="UTC", paused=True, next_due=None))
    world.clock.time += timedelta(days=2)
    world.tick()
    assert world.catalog.jobs.recent() == []


def test_a_tick_records_the_heartbeat_of_beat(world: EngineWorld) -> None:
    assert world.scheduler.last_tick() is None
    world.tick()
    age = world.scheduler.last_tick()
    assert age is not None
    assert age < 5


# -- failures


@pytest.fixture
def other(world: EngineWorld) -> Tenant:
    """Add a second tenant, whose turn comes after the first one's."""
    return add_tenant(world.context, "other", identity()).tenant


def break_method(monkeypatch: pytest.MonkeyPatch, method: str, error: Exception, tenant: Tenant | None = None) -> None:
    """Make a method of the scheduler's handle raise the error, for one tenant or for all."""
    real = getattr(SqlScheduler, method)

    def broken(self: SqlScheduler, *arguments: Any, **options: Any) -> Any:
        if tenant is None or arguments[0].tenant_id == tenant.tenant_id:
            raise error
        return real(self, *arguments, **options)

    monkeypatch.setattr(SqlScheduler, method, broken)


def failing_tick(world: EngineWorld, error: Exception, *, recorded: bool = True) -> None:
    """Run a tick that raises the error at its end. It is recorded as beat's heartbeat unless a whole part failed."""
    world.scheduler.record_tick()
    world.pass_time(60)
    with pytest.raises(type(error)) as caught:
        world.tick()
    assert caught.value is error
    assert ((world.scheduler.last_tick() or 0.0) < 5) == recorded


every_error = pytest.mark.parametrize("error", [HELD, DEFECT], ids=["a row that is held", "a defect"])


@every_error
def test_a_failing_due_time_delays_no_other_due_time(
    world: EngineWorld,
    other: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    for n, tenant in enumerate((world.tenant, other)):
        due = world.clock.time - timedelta(minutes=9 - n)
        schedule = Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=due)
        world.context.catalog.tenant(tenant.tenant_id).schedules.set(schedule)
    break_method(monkeypatch, "make_due", error, world.tenant)
    failing_tick(world, error)
    assert world.catalog.jobs.recent() == []
    (job,) = world.context.catalog.tenant(other.tenant_id).jobs.recent()
    assert {step.job_id for step in world.messages.queue} == {job.job_id}
    (error_record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert error_record.tenant == world.tenant.tenant_id  # type: ignore[attr-defined]
    assert "defect" not in error_record.getMessage()


@every_error
def test_a_job_that_gets_no_steps_delays_no_other_job(
    world: EngineWorld,
    other: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    stuck = world.request()
    job, _ = world.context.catalog.tenant(other.tenant_id).jobs.request(stuck.kind, origin=Origin.HAND)
    break_method(monkeypatch, "offer_steps", error, world.tenant)
    failing_tick(world, error)
    assert world.catalog.jobs.steps(stuck.job_id) == []
    assert {step.job_id for step in world.messages.queue} == {job.job_id}
    (error_record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert (error_record.tenant, error_record.job) == (stuck.tenant_id, stuck.job_id)  # type: ignore[attr-defined]


@every_error
@pytest.mark.parametrize("part", ["_handle_expired", "_end_cancelled"])
def test_a_claim_or_job_that_cannot_be_ended_delays_no_other(
    world: EngineWorld, other: Tenant, monkeypatch: pytest.MonkeyPatch, part: str, error: Exception
) -> None:
    job = world.request()
    other_job, _ = world.context.catalog.tenant(other.tenant_id).jobs.request(job.kind, origin=Origin.HAND)
    world.tick()
    for step in world.messages.queue:
        catalog = world.context.catalog.tenant(step.tenant_id)
        catalog.claims.claim(step.job_id, step.step_id, "w/1", 30)
        if part == "_end_cancelled":
            catalog.jobs.cancel(step.job_id)
    if part == "_end_cancelled":
        world.scheduler.release("w")
    real = getattr(expiry, part)

    def broken(rows: Any, row: Any, *more: Any) -> int:
        if row["tenant_id"] == world.tenant.tenant_id:
            raise error
        return int(real(rows, row, *more))

    monkeypatch.setattr(expiry, part, broken)
    world.messages.queue.clear()
    failing_tick(world, error)
    assert not world.catalog.jobs.get(job.job_id).state.ended
    jobs = world.context.catalog.tenant(other.tenant_id).jobs
    if part == "_end_cancelled":
        assert jobs.get(other_job.job_id).state is JobState.CANCELLED
    else:
        assert {step.state for step in jobs.steps(other_job.job_id)} == {StepState.QUEUED}


@every_error
def test_a_tenant_that_gets_no_sweep_delays_no_sweep_of_another_tenant(
    world: EngineWorld,
    other: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    real = scheduler._insert_sweep

    def broken(rows: Changes, every: timedelta) -> bool:
        if rows.tenant_id == world.tenant.tenant_id:
            raise error
        return real(rows, every)

    monkeypatch.setattr(scheduler, "_insert_sweep", broken)
    world.pass_time(timedelta(hours=world.context.limits.sweep_hours).total_seconds())
    failing_tick(world, error)
    assert world.catalog.jobs.recent() == []
    (job,) = world.context.catalog.tenant(other.tenant_id).jobs.recent()
    assert job.kind is JobKind.SWEEP
    (error_record,) = (record for record in caplog.records if record.name == each_row.__name__)
    assert (error_record.levelno, error_record.tenant) == (logging.ERROR, world.tenant.tenant_id)  # type: ignore[attr-defined]


@every_error
@pytest.mark.parametrize("part", ["due", "make_sweeps", "unplanned", "expire", "to_send"])
def test_a_failing_part_of_the_tick_delays_no_other_part(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch, part: str, error: Exception
) -> None:
    due = world.clock.time - timedelta(minutes=1)
    world.catalog.schedules.set(Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=due))
    if part == "due":
        world.request()
    break_method(monkeypatch, part, error)
    failing_tick(world, error, recorded=False)
    (job,) = world.catalog.jobs.recent()
    assert bool(world.catalog.jobs.steps(job.job_id)) == (part != "unplanned")
    assert bool(world.messages.queue) == (part in ("due", "make_sweeps", "expire"))


def test_an_unreachable_catalog_ends_the_tick_at_once_without_a_heartbeat(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.tick()
    world.pass_time(60)
    calls: list[str] = []

    def fail(self: object, tenant: str) -> None:
        calls.append(tenant)
        raise HELD

    with monkeypatch.context() as patch:
        for method in ("read", "write"):
            patch.setattr("shared.adapters.catalog.engine.Database." + method, fail)
        with pytest.raises(Refuse):
            world.tick()
    assert len(calls) == 1
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert (world.scheduler.last_tick() or 0.0) >= 60
