"""Due times, planned steps, workers and beat."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest

from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState, Origin, StepState
from shared.domain.key_health import NO_NEW_DATA_KEYS, KeyWarning
from shared.domain.model import Schedule
from shared.domain.schedule import next_due
from shared.ports.catalog.queries import JobFilter
from shared.ports.catalog.scheduler import DueSchedule
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, BACKUP, NOW, OK, OTHER_ARN, VERIFY, World

LATER = NOW + timedelta(hours=1)
LONG_AGO = NOW - timedelta(days=365)


def set_schedule(tenant: TenantCatalog, *, paused: bool = False) -> Schedule:
    schedule = Schedule(cron="0 * * * *", timezone="UTC", paused=paused, next_due=NOW)
    tenant.schedules.set(schedule)
    return schedule


def finish_backup(world: World, tenant: TenantCatalog) -> None:
    job = tenant.jobs.recent()[0]
    tenant.jobs.cancel(job.job_id)
    world.scheduler.expire(5)


def test_a_schedule_is_due_at_its_time_and_not_before(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    schedule = set_schedule(acme)
    set_schedule(other, paused=True)
    assert world.scheduler.due(NOW - timedelta(seconds=1)) == []
    assert world.scheduler.due(NOW) == [DueSchedule(tenant_id=acme.tenant_id, schedule=schedule)]


def test_a_due_time_becomes_one_job(world: World, acme: TenantCatalog) -> None:
    schedule = set_schedule(acme)
    [due] = world.scheduler.due(NOW)
    assert world.scheduler.make_due(due, LATER, LONG_AGO)
    [job] = acme.jobs.recent()
    assert (job.kind, job.origin, job.due_at, job.full) == (JobKind.BACKUP, Origin.SCHEDULE, NOW, False)
    assert acme.schedules.get() == Schedule(cron=schedule.cron, timezone="UTC", paused=False, next_due=LATER)
    assert not world.scheduler.make_due(due, LATER, LONG_AGO)


@pytest.mark.postgresql
def test_one_of_several_beats_creates_the_job(world: World, acme: TenantCatalog) -> None:
    set_schedule(acme)
    beats = [world.another().scheduler() for _ in range(4)]
    dues = [beat.due(NOW) for beat in beats]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: beats[n].make_due(dues[n][0], LATER, LONG_AGO), range(4)))
    assert sum(results) == 1
    assert len(acme.jobs.recent()) == 1


def test_a_due_time_never_makes_a_second_job(world: World, acme: TenantCatalog) -> None:
    schedule = set_schedule(acme)
    [due] = world.scheduler.due(NOW)
    world.scheduler.make_due(due, LATER, LONG_AGO)
    finish_backup(world, acme)
    acme.schedules.set(schedule)  # the same due time again
    assert not world.scheduler.make_due(due, LATER, LONG_AGO)
    assert len(acme.jobs.recent()) == 1
    current = acme.schedules.get()
    assert current is not None
    assert current.next_due == LATER


def test_missed_times_collapse_into_one_job(world: World, acme: TenantCatalog) -> None:
    set_schedule(acme)
    awake = NOW + timedelta(hours=9, minutes=5)
    [due] = world.scheduler.due(awake)
    assert world.scheduler.make_due(due, next_due(due.schedule.cron, due.schedule.timezone, awake), LONG_AGO)
    finish_backup(world, acme)
    assert world.scheduler.due(awake) == []
    [later] = world.scheduler.due(NOW + timedelta(hours=10))
    assert later.schedule.next_due == NOW + timedelta(hours=10)


def test_a_due_time_waits_while_a_backup_of_the_tenant_runs(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    set_schedule(acme)
    set_schedule(other)
    dues = {due.tenant_id: due for due in world.scheduler.due(NOW)}
    acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    assert [due.tenant_id for due in world.scheduler.due(NOW)] == [other.tenant_id]
    assert not world.scheduler.make_due(dues[acme.tenant_id], LATER, LONG_AGO)
    finish_backup(world, acme)
    assert world.scheduler.make_due(dues[acme.tenant_id], LATER, LONG_AGO)


def test_a_stored_refusal_delays_a_due_time(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    set_schedule(acme)
    set_schedule(other)
    acme.keys.refuse(ARN, "No.")
    refusal = acme.keys.state().refusal
    assert refusal is not None
    before = refusal.at - timedelta(seconds=1)
    results = {due.tenant_id: world.scheduler.make_due(due, LATER, before) for due in world.scheduler.due(NOW)}
    assert results == {acme.tenant_id: False, other.tenant_id: True}
    [due] = world.scheduler.due(NOW)
    assert due.schedule.next_due == NOW
    assert world.scheduler.make_due(due, LATER, refusal.at + timedelta(seconds=60))


@pytest.mark.parametrize(
    ("warning", "arn", "delayed"),
    [(NO_NEW_DATA_KEYS, ARN, True), ("no-way-out", ARN, False), (NO_NEW_DATA_KEYS, OTHER_ARN, False)],
    ids=["makes nothing new", "another warning", "another key"],
)
def test_a_key_that_creates_no_data_keys_delays_a_due_time(
    world: World, acme: TenantCatalog, warning: str, arn: str, delayed: bool
) -> None:
    warnings = [KeyWarning(warning=warning, message="")]
    world.probed(acme, msgspec.structs.replace(OK, arn=arn, warnings=warnings))
    set_schedule(acme)
    inspected_at = acme.health.get().looked_at
    assert inspected_at is not None
    [due] = world.scheduler.due(NOW)
    assert world.scheduler.make_due(due, LATER, inspected_at - timedelta(seconds=1)) is not delayed
    if delayed:
        [due] = world.scheduler.due(NOW)
        assert due.schedule.next_due == NOW
        assert world.scheduler.make_due(due, LATER, inspected_at)


def test_a_schedule_changed_after_it_was_read_creates_no_job(world: World, acme: TenantCatalog) -> None:
    set_schedule(acme)
    [due] = world.scheduler.due(NOW)
    set_schedule(acme, paused=True)
    assert not world.scheduler.make_due(due, LATER, LONG_AGO)
    acme.remove()
    assert not world.scheduler.make_due(due, LATER, LONG_AGO)
    assert world.catalog.queries().jobs(JobFilter()) == []


def test_jobs_requested_by_hand_are_planned_first(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    set_schedule(acme)
    world.scheduler.make_due(world.scheduler.due(NOW)[0], LATER, LONG_AGO)
    world.pass_time(5)
    second = other.jobs.request(JobKind.BACKUP, origin=Origin.HAND)[0]
    third = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0]
    queued = [job.job_id for job in world.scheduler.unplanned()]
    assert queued == [second.job_id, third.job_id, acme.jobs.recent()[-1].job_id]
    acme.jobs.cancel(third.job_id)
    assert world.scheduler.offer_steps(second, BACKUP)
    assert [job.job_id for job in world.scheduler.unplanned()] == queued[2:]


@pytest.mark.postgresql
def test_a_job_is_planned_once(world: World, acme: TenantCatalog) -> None:
    job, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: world.scheduler.offer_steps(job, BACKUP), range(4))) == 1
    assert len(acme.jobs.steps(job.job_id)) == len(BACKUP)
    ended, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    acme.jobs.cancel(ended.job_id)
    assert not world.scheduler.offer_steps(ended, VERIFY)
    with pytest.raises(ValueError, match="a job needs a step"):
        world.scheduler.offer_steps(job, [])


def test_steps_with_expired_claims_are_queued_again_and_live_claims_stay(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    world.claim(acme, job, "users", seconds=10)
    live = world.claim(acme, job, "groups", seconds=60)
    world.pass_time(11)
    assert world.scheduler.expire(5) == 1
    states = {step.name: step.state for step in acme.jobs.steps(job.job_id) if step.phase == 1}
    assert states == {"users": StepState.QUEUED, "groups": StepState.RUNNING}
    acme.claims.renew(live)


def test_work_continues_after_the_clock_was_set_back(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    world.scheduler.record_heartbeat("dead", 9)
    world.scheduler.record_heartbeat("w", 1)
    lost = world.claim(acme, job, "users")
    assert [step.step_id for step in world.send()]
    world.scheduler.record_tick()
    assert not world.scheduler.repair_after_clock_change(30.0)
    world.pass_time(-3600)
    assert world.scheduler.last_tick() is None
    assert world.scheduler.expire(5) == 0
    assert world.scheduler.repair_after_clock_change(30.0)
    assert world.scheduler.expire(5) == 1
    assert world.send() == []  # no worker is known to live
    world.scheduler.record_heartbeat("w", 1)
    assert len(world.send()) == 2
    assert world.claim(acme, job, "users").fence == lost.fence + 1
    assert world.scheduler.last_tick() is not None
    assert not world.scheduler.repair_after_clock_change(30.0)


@pytest.mark.postgresql
def test_a_clock_set_back_does_not_prolong_a_stored_refusal(world: World, acme: TenantCatalog) -> None:
    acme.keys.refuse(ARN, "Disabled.")
    world.scheduler.record_tick()
    before = acme.keys.state().refusal
    assert before is not None
    world.pass_time(-3600)
    assert world.scheduler.repair_after_clock_change(30.0)
    after = acme.keys.state().refusal
    assert after is not None
    assert abs(after.at - before.at) < timedelta(seconds=60)


def test_a_plausible_claim_survives_the_repair_after_the_clock_was_set_back(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    world.scheduler.record_tick()
    world.pass_time(-3600)
    claim = world.claim(acme, job, "users")
    assert world.scheduler.repair_after_clock_change(30.0)
    assert world.scheduler.expire(5) == 0
    acme.claims.renew(claim)


def test_two_steps_of_a_job_lost_at_once_fail_it_once(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    world.claim(acme, job, "users")
    world.claim(acme, job, "groups")
    world.pass_time(31)
    assert world.scheduler.expire(1) == 1
    assert acme.jobs.get(job.job_id).code is Code.WORKER_LOST


@pytest.mark.postgresql
def test_a_worker_releases_only_the_claims_of_its_own_children(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    jobs = world.planned(acme), world.planned(other)
    world.claim(acme, jobs[0], "users", "box-1/11")
    world.claim(other, jobs[1], "users", "box-1/12")
    other_worker_claim = world.claim(acme, jobs[0], "groups", "box-10/11")
    other_case_claim = world.claim(other, jobs[1], "groups", "BOX-1/11")
    assert world.scheduler.release("box-1") == 2
    assert world.scheduler.release("box-1") == 0
    acme.claims.renew(other_worker_claim)
    other.claims.renew(other_case_claim)
    assert acme.jobs.get(jobs[0].job_id).state is JobState.RUNNING


def test_the_last_tick_is_reported_by_its_age(world: World) -> None:
    assert world.scheduler.last_tick() is None
    world.scheduler.record_tick()
    world.pass_time(40)
    age = world.scheduler.last_tick()
    assert age is not None
    assert 40 <= age < 50
    world.scheduler.record_tick()
    age = world.scheduler.last_tick()
    assert age is not None
    assert age < 10


@pytest.mark.postgresql
def test_worker_silence_is_the_age_of_the_last_heartbeat(world: World) -> None:
    assert world.scheduler.worker_silence() is None
    world.scheduler.record_heartbeat("worker@a", 2)
    world.pass_time(40)
    world.scheduler.record_heartbeat("worker@b", 2)
    any_worker, worker_a = world.scheduler.worker_silence(), world.scheduler.worker_silence("worker@a")
    assert any_worker is not None
    assert worker_a is not None
    assert any_worker < 10 < 40 <= worker_a < 50
    world.scheduler.record_heartbeat("worker@b", 0)
    assert (world.scheduler.worker_silence() or 0) >= 40
    assert world.scheduler.worker_silence("worker@b") is None


@pytest.mark.postgresql
def test_reported_broker_trouble_stays_until_the_next_report(world: World) -> None:
    assert world.scheduler.broker_trouble() is None
    world.scheduler.record_tick()
    world.scheduler.report_broker("The Redis at h:1 refuses messages (OOM).")
    world.scheduler.record_tick()
    assert world.scheduler.broker_trouble() == "The Redis at h:1 refuses messages (OOM)."
    world.scheduler.report_broker(None)
    assert world.scheduler.broker_trouble() is None
