"""Jobs: requests, foreground jobs and cancellation."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.domain.errors import ClaimLost, Code, Refuse
from shared.domain.jobs import JobKind, JobState, Origin, StepState, VerifyRequest
from shared.ports.catalog.queries import JobFilter
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import BACKUP, VERIFY, World, new_id


def test_a_requested_job_is_queued_without_steps(world: World, acme: TenantCatalog) -> None:
    job, new = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND, full=True)
    assert new
    assert (job.kind, job.state, job.full, job.origin) == (JobKind.BACKUP, JobState.QUEUED, True, Origin.HAND)
    assert acme.jobs.get(job.job_id) == job == world.catalog.find_job(job.job_id)
    assert acme.jobs.steps(job.job_id) == []
    assert job.created_at.utcoffset() is not None


def test_a_backup_request_returns_the_tenants_unfinished_backup(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    first, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    assert acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND, full=True) == (first, False)
    assert other.jobs.request(JobKind.BACKUP, origin=Origin.HAND)[1]
    assert acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[1]
    assert world.scheduler.offer_steps(first, BACKUP)
    world.claim(acme, first, "users")
    repeated, new = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    assert (repeated.job_id, repeated.state, new) == (first.job_id, JobState.RUNNING, False)
    world.scheduler.expire(5)


@pytest.mark.postgresql
def test_concurrent_backup_requests_create_one_job(acme: TenantCatalog) -> None:
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND), range(12)))
    assert len({job.job_id for job, _ in results}) == 1
    assert sum(new for _, new in results) == 1


def test_the_detail_of_a_request_is_stored(acme: TenantCatalog) -> None:
    detail = VerifyRequest(shallow=True)
    job, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND, detail=detail)
    assert acme.jobs.get(job.job_id).detail == detail


def test_a_job_pins_the_snapshot_that_it_reads_until_it_ends(world: World, acme: TenantCatalog) -> None:
    new_snapshot = world.backed_up(acme)
    job, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND, snapshot="latest")
    assert job.snapshot == new_snapshot.snapshot_id
    assert world.count("pins") == 1
    acme.jobs.cancel(job.job_id)
    assert world.count("pins") == 0


def test_a_request_for_a_missing_snapshot_is_refused_without_a_job(acme: TenantCatalog) -> None:
    for reference in ("latest", new_id()):
        with pytest.raises(Refuse) as caught:
            acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND, snapshot=reference)
        assert caught.value.code is Code.NO_SUCH_SNAPSHOT
    assert acme.jobs.recent() == []


def test_jobs_are_listed_newest_first(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    ids = [acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id for _ in range(5)]
    world.pass_time(1)
    last = other.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id
    assert [job.job_id for job in acme.jobs.recent()] == ids[::-1]
    assert [job.job_id for job in acme.jobs.recent(2)] == ids[:2:-1]
    assert [job.job_id for job, _ in world.catalog.queries().jobs(JobFilter())] == [last, *ids[::-1]]
    assert [job.job_id for job, _ in world.catalog.queries().jobs(JobFilter(limit=1))] == [last]


@pytest.mark.postgresql
def test_an_unfinished_job_is_reported_however_many_jobs_came_later(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    assert not acme.jobs.unfinished()
    first, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    for _ in range(101):
        acme.jobs.cancel(acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id)
    assert first not in acme.jobs.recent()
    assert (acme.jobs.unfinished(), other.jobs.unfinished()) == (True, False)
    acme.jobs.cancel(first.job_id)
    assert not acme.jobs.unfinished()


def test_an_unknown_job_is_refused(world: World, acme: TenantCatalog) -> None:
    for call in (acme.jobs.get, acme.jobs.cancel, world.catalog.find_job):
        with pytest.raises(Refuse) as caught:
            call(new_id())
        assert caught.value.code is Code.NO_SUCH_JOB


def test_steps_are_listed_by_phase_and_name(world: World, acme: TenantCatalog) -> None:
    steps = acme.jobs.steps(world.planned(acme).job_id)
    assert [(step.phase, step.name) for step in steps] == [(1, "groups"), (1, "users"), (2, "users"), (4, "commit")]
    assert {step.state for step in steps} == {StepState.QUEUED}


def test_a_queued_job_is_cancelled_at_once(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    ended = acme.jobs.cancel(job.job_id)
    assert (ended.state, ended.code) == (JobState.CANCELLED, Code.CANCELLED)
    assert ended.finished_at is not None
    assert acme.jobs.cancel(job.job_id) == ended
    assert acme.claims.claim(job.job_id, acme.jobs.steps(job.job_id)[0].step_id, "w/1", 30) is None


def test_a_running_job_learns_of_its_cancellation_at_the_next_renewal(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    claim = world.claim(acme, job, "users")
    assert not acme.claims.renew(claim).cancel
    assert acme.jobs.cancel(job.job_id).state is JobState.RUNNING
    assert acme.claims.renew(claim).cancel
    assert acme.claims.claim(job.job_id, acme.jobs.steps(job.job_id)[0].step_id, "w/2", 30) is None
    acme.claims.fail(claim, Code.CANCELLED, "The job was cancelled.", state=JobState.CANCELLED)
    assert acme.jobs.get(job.job_id).state is JobState.CANCELLED


@pytest.mark.postgresql
def test_the_tick_cancels_a_job_without_claimed_steps(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    claim = world.claim(acme, job, "users")
    acme.jobs.cancel(job.job_id)
    assert world.scheduler.expire(5) == 0
    acme.claims.release_step(claim, after=0, trouble=None)
    assert world.scheduler.expire(5) == 1
    assert acme.jobs.get(job.job_id).state is JobState.CANCELLED


def test_a_foreground_job_runs_at_once_and_is_never_sent(world: World, acme: TenantCatalog) -> None:
    new_snapshot = world.backed_up(acme)
    claim = acme.jobs.begin_foreground(JobKind.DOWNLOAD, "latest", "download", 30)
    job = acme.jobs.get(claim.job_id)
    assert (job.state, job.snapshot, claim.name) == (JobState.RUNNING, new_snapshot.snapshot_id, "download")
    assert job.started_at is not None
    assert world.count("pins") == 1
    world.scheduler.record_heartbeat("w", 4)
    assert world.scheduler.unplanned() == []
    assert world.send() == []
    assert not acme.claims.finish(claim)
    assert acme.jobs.get(claim.job_id).state is JobState.SUCCEEDED
    assert world.count("pins") == 0


@pytest.mark.postgresql
def test_a_foreground_job_is_renewed_and_can_be_cancelled(world: World, acme: TenantCatalog) -> None:
    world.backed_up(acme)
    claim = acme.jobs.begin_foreground(JobKind.BROWSE, "latest", "browse", 30)
    world.pass_time(20)
    acme.claims.renew(claim)
    world.pass_time(20)
    assert acme.jobs.end_expired_foreground(30.0) == 0
    acme.jobs.cancel(claim.job_id)
    assert acme.claims.renew(claim).cancel


@pytest.mark.parametrize("caller", ["the next command", "the tick"])
def test_a_foreground_job_of_an_ended_process_is_interrupted(world: World, acme: TenantCatalog, caller: str) -> None:
    world.backed_up(acme)
    claim = acme.jobs.begin_foreground(JobKind.DOWNLOAD, "latest", "download", 30)
    waiting = world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    verify_claim = world.claim(acme, waiting, "verify", seconds=60)
    world.pass_time(31)
    assert (acme.jobs.end_expired_foreground(30.0) if caller == "the next command" else world.scheduler.expire(5)) == 1
    job = acme.jobs.get(claim.job_id)
    assert (job.state, job.code) == (JobState.FAILED, Code.INTERRUPTED)
    assert world.count("pins") == 0
    with pytest.raises(ClaimLost):
        acme.claims.renew(claim)
    assert not acme.claims.renew(verify_claim).cancel
    assert acme.jobs.end_expired_foreground(30.0) == 0


def test_a_foreground_job_with_an_impossibly_late_expiry_is_interrupted(world: World, acme: TenantCatalog) -> None:
    world.backed_up(acme)
    claim = acme.jobs.begin_foreground(JobKind.DOWNLOAD, "latest", "download", 30)
    world.pass_time(-3600)
    assert acme.jobs.end_expired_foreground(30.0) == 1
    assert acme.jobs.get(claim.job_id).code is Code.INTERRUPTED


def test_a_foreground_job_for_a_missing_snapshot_is_refused(acme: TenantCatalog) -> None:
    with pytest.raises(Refuse) as caught:
        acme.jobs.begin_foreground(JobKind.DOWNLOAD, "latest", "download", 30)
    assert caught.value.code is Code.NO_SUCH_SNAPSHOT
    assert acme.jobs.recent() == []
