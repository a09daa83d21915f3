"""Rows of a newer version are shown, kept and left to its workers. Rows of a sweep have two names."""

import logging
from datetime import timedelta

import pytest

from shared.adapters.catalog.unknown_steps import log_left
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState, Origin, Phase, StepPlan, StepState, steps_of
from shared.ports.catalog.queries import JobFilter
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, VERIFY, World

NEW = "replicate"
DAY = timedelta(days=1)
USERS, COMMIT = StepPlan(phase=Phase.READ, name="users"), StepPlan(phase=Phase.COMMIT, name="commit")
NEW_STREAM, NEW_PHASE = StepPlan(phase=Phase.READ, name="of-a-newer-version"), StepPlan(phase=9, name="report")


@pytest.fixture
def restore(world: World, acme: TenantCatalog) -> Job:
    """Plan a job of a kind that this version does not know, and record a live worker."""
    job = world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    world.change("jobs", kind=NEW)
    world.scheduler.record_heartbeat("w", 8)
    return acme.jobs.get(job.job_id)


def can_claim(tenant: TenantCatalog, job: Job, plan: StepPlan) -> bool:
    """Return True if a worker of this version gets a claim on the job's step."""
    (step,) = (each for each in tenant.jobs.steps(job.job_id) if (each.phase, each.name) == (plan.phase, plan.name))
    return tenant.claims.claim(job.job_id, step.step_id, "w/1", 30) is not None


def test_a_step_of_an_unknown_kind_is_not_claimed_and_logged_once(
    world: World, acme: TenantCatalog, restore: Job, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    log_left.cache_clear()
    for _ in range(3):
        assert not can_claim(acme, restore, VERIFY[0])
    messages = [record.message for record in caplog.records if "newer version" in record.message]
    assert len(messages) == 1
    assert acme.jobs.get(restore.job_id) == restore
    assert [step.state for step in acme.jobs.steps(restore.job_id)] == [StepState.QUEUED]


def test_messages_are_sent_only_for_steps_of_known_kinds(world: World, acme: TenantCatalog, restore: Job) -> None:
    verify = world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    assert [ref.job_id for ref in world.send()] == [verify.job_id]


@pytest.mark.postgresql
def test_a_message_that_a_newer_version_sent_counts_as_outstanding(
    world: World, acme: TenantCatalog, restore: Job
) -> None:
    world.change("steps", sends=1)
    world.pass_time(-60)  # the message is due in a minute
    world.scheduler.record_heartbeat("w", 1)
    for _ in range(3):
        world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    assert len(world.send(worker_seen=1000)) == 1


@pytest.mark.postgresql
def test_a_job_of_an_unknown_kind_is_shown_as_its_text(world: World, acme: TenantCatalog, restore: Job) -> None:
    verify, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    kinds = {verify.job_id: JobKind.VERIFY, restore.job_id: NEW}
    assert {job.job_id: job.kind for job in acme.jobs.recent()} == kinds
    assert {job.job_id: job.kind for job, _ in world.catalog.queries().jobs(JobFilter())} == kinds
    assert {(count.kind, count.count) for count in world.catalog.overview().job_counts(86_400)} == {
        (JobKind.VERIFY, 1),
        (NEW, 1),
    }
    assert world.catalog.find_job(restore.job_id).detail is None


@pytest.mark.postgresql
def test_a_job_of_an_unknown_kind_is_not_planned(world: World, acme: TenantCatalog) -> None:
    job, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    world.change("jobs", kind=NEW)
    assert world.scheduler.unplanned() == []
    assert not world.scheduler.offer_steps(acme.jobs.get(job.job_id), VERIFY)
    assert acme.jobs.steps(job.job_id) == []


def test_a_claim_of_a_newer_worker_expires_as_any_other_claim(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    world.claim(acme, job, "verify", seconds=10)
    world.change("jobs", kind=NEW)
    world.pass_time(11)
    assert world.scheduler.expire(5) == 1
    assert [step.state for step in acme.jobs.steps(job.job_id)] == [StepState.QUEUED]
    assert acme.jobs.get(job.job_id).state is JobState.RUNNING


def test_a_job_of_an_unknown_kind_can_be_cancelled(acme: TenantCatalog, restore: Job) -> None:
    assert acme.jobs.cancel(restore.job_id).state is JobState.CANCELLED


def test_a_refused_key_ends_a_job_of_an_unknown_kind(acme: TenantCatalog, restore: Job) -> None:
    assert acme.keys.refuse(ARN, "No.") == 1
    assert acme.jobs.get(restore.job_id).code is Code.KEY_ACCESS_REVOKED


@pytest.mark.parametrize("new", [NEW_STREAM, NEW_PHASE], ids=["stream", "phase"])
def test_a_backup_with_an_unknown_step_is_read_but_not_committed_without_it(
    world: World, acme: TenantCatalog, new: StepPlan
) -> None:
    reading = world.planned(acme, (USERS, COMMIT, new))
    world.scheduler.record_heartbeat("w", 8)
    assert {ref.name for ref in world.send()} == {"users"}
    if new.phase == Phase.READ:
        assert not can_claim(acme, reading, new)
    assert acme.claims.finish(world.claim(acme, reading, "users")) is (new.phase != Phase.READ)
    acme.jobs.cancel(reading.job_id)
    world.scheduler.expire(5)
    committing = world.planned(acme, (COMMIT, StepPlan(phase=9, name=new.name)))
    assert not can_claim(acme, committing, COMMIT)
    assert acme.jobs.get(committing.job_id).state is JobState.QUEUED


@pytest.mark.postgresql
def test_a_sweep_is_stored_under_the_name_that_the_previous_version_uses(world: World, acme: TenantCatalog) -> None:
    world.planned(acme, steps_of(JobKind.SWEEP), kind=JobKind.SWEEP)
    assert world.stored("SELECT kind FROM jobs") == world.stored("SELECT name FROM steps") == ["prune"]


@pytest.mark.parametrize("text", ["prune", "sweep"])
def test_a_sweep_is_read_under_both_names(world: World, acme: TenantCatalog, text: str) -> None:
    job = world.planned(acme, steps_of(JobKind.SWEEP), kind=JobKind.SWEEP, origin=Origin.SCHEDULE)
    world.change("jobs", kind=text)
    assert acme.jobs.get(job.job_id).kind is JobKind.SWEEP
    assert world.scheduler.make_sweeps(DAY) == 0, "the tenant has a sweep"
    backup, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    assert not world.scheduler.offer_steps(backup, (COMMIT,)), "a sweep and a backup exclude each other"
    assert can_claim(acme, job, steps_of(JobKind.SWEEP)[0])
