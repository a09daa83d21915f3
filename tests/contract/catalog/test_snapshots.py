"""Snapshots: they appear whole and in order, or not at all."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.domain.errors import Answer, Code, Refuse
from shared.domain.jobs import JobKind, JobState, Origin, StepPlan
from shared.domain.model import ResourceReport
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import NOW, World, checkpoint, new_id, run, snapshot

COMMIT = (StepPlan(phase=4, name="commit"),)


@pytest.mark.postgresql
def test_a_commit_creates_the_snapshot_and_ends_the_job(world: World, acme: TenantCatalog) -> None:
    job, claim = world.to_commit(acme)
    runs = [run(job.job_id), run(job.job_id, "groups")]
    acme.claims.checkpoint(claim, checkpoint(4, run=runs[0]), [])
    report = [ResourceReport(resource="users", answer=Answer.FAILED, records=None, stale=True, request_id="r")]
    new_snapshot = snapshot(job, resources=report, complete=False)
    acme.claims.note_attempt(claim, new_snapshot.snapshot_id)
    assert acme.snapshots.all() == []
    acme.claims.commit(claim, new_snapshot, runs, JobState.SUCCEEDED_WITH_WARNINGS, "Some were not shown.")
    assert acme.snapshots.all() == [new_snapshot]
    assert acme.snapshots.get("latest") == acme.snapshots.get(new_snapshot.snapshot_id) == new_snapshot
    ended = acme.jobs.get(job.job_id)
    assert (ended.state, ended.message) == (JobState.SUCCEEDED_WITH_WARNINGS, "Some were not shown.")
    assert ended.snapshot == new_snapshot.snapshot_id
    assert [world.count(table) for table in ("checkpoints", "checkpoint_runs", "pins")] == [0, 0, 0]
    assert [world.count(table) for table in ("runs", "snapshot_runs", "snapshot_attempts")] == [2, 2, 1]


def test_a_backup_builds_on_the_newest_snapshot_and_pins_it(world: World, acme: TenantCatalog) -> None:
    shared_run = run(new_id())
    first = world.backed_up(acme, shared_run)
    job, claim = world.to_commit(acme)
    assert (first.parent, job.parent) == (None, first.snapshot_id)
    assert world.count("pins") == 1
    # The newer snapshot's clock was slow: snapshots are ordered by their commits.
    second = snapshot(job, created_at=NOW - timedelta(hours=1))
    acme.claims.commit(claim, second, [shared_run, run(job.job_id)], JobState.SUCCEEDED, None)
    assert acme.snapshots.all() == [second, first]
    assert acme.snapshots.get("latest") == second
    assert world.count("pins") == 0
    assert world.count("runs") == 2


@pytest.mark.postgresql
def test_one_of_two_late_commits_of_a_step_wins(world: World, acme: TenantCatalog) -> None:
    job, early = world.to_commit(acme)
    world.pass_time(31)
    world.scheduler.expire(5)
    late = world.claim(acme, job, "commit", "w/2")

    def commit(number: int) -> bool:
        try:
            acme.claims.commit((early, late)[number], snapshot(job), [run(job.job_id)], JobState.SUCCEEDED, None)
        except Exception:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(commit, range(2))) == [False, True]
    assert len(acme.snapshots.all()) == 1


@pytest.mark.postgresql
def test_a_commit_is_refused_if_another_snapshot_became_the_newest(world: World, acme: TenantCatalog) -> None:
    job, claim = world.to_commit(acme)
    world.change("jobs", parent=new_id())  # as if the job's parent were not the newest snapshot
    with pytest.raises(Refuse) as caught:
        acme.claims.commit(claim, snapshot(job), [], JobState.SUCCEEDED, None)
    assert caught.value.code is Code.BUSY
    assert acme.snapshots.all() == []
    assert acme.jobs.get(job.job_id).state is JobState.RUNNING


def test_a_commit_is_refused_if_its_parent_is_being_deleted(world: World, acme: TenantCatalog) -> None:
    world.backed_up(acme)
    job, claim = world.to_commit(acme)
    world.change("snapshots", going=True)
    with pytest.raises(Refuse) as caught:
        acme.claims.commit(claim, snapshot(job), [run(job.job_id)], JobState.SUCCEEDED, None)
    assert caught.value.code is Code.NO_SUCH_SNAPSHOT
    assert world.count("runs") == 0


@pytest.mark.postgresql
def test_a_snapshot_that_is_being_deleted_is_not_offered(world: World, acme: TenantCatalog) -> None:
    new_snapshot = world.backed_up(acme)
    assert acme.snapshots.going() == set()
    world.change("snapshots", going=True)
    assert (acme.snapshots.all(), acme.snapshots.going()) == ([], {new_snapshot.snapshot_id})
    for reference in ("latest", new_snapshot.snapshot_id):
        with pytest.raises(Refuse) as caught:
            acme.snapshots.get(reference)
        assert caught.value.code is Code.NO_SUCH_SNAPSHOT
    assert acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)[0].parent is None
