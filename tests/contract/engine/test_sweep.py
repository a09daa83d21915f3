"""The sweep removes the blobs that no snapshot and no row names, and no others."""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from shared.domain.errors import Code, KeyRefused
from shared.domain.jobs import JobKind, JobState, Origin
from shared.domain.model import Purpose
from shared.engine.upkeep.rebuild import rebuild
from shared.vault.keyring import create_data_key
from shared.vault.names import chunk_blob, chunks_prefix, heads_prefix, key_object_blob, manifest_blob, manifests_prefix
from tests.contract.engine.stories import LONG_AGO, STORIES, Killed, Story, copy_database, play_story
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=5.0, backups=1)
    world.clock.time += HOUR
    yield world
    world.close()


def expected_blobs(world: EngineWorld) -> set[str]:
    """Return all blobs of the bucket if it has no orphans."""
    tenant, snapshots = world.tenant.tenant_id, world.catalog.snapshots.all()
    runs = [run for each in snapshots for run in world.catalog.snapshots.runs(each.snapshot_id)]
    jobs = {each.job_id for each in (*snapshots, *runs)}
    chunks = {chunk_blob(tenant, run.job_id, blob) for run in runs for blob in run.blobs}
    keys = [key for key in world.catalog.keys.all() if key.job_id in {None, *jobs}]
    return (
        chunks
        | {manifest_blob(tenant, each.snapshot_id) for each in snapshots}
        | {key_object_blob(tenant, key.data_key_id, key.generation) for key in keys}
    )


def stored(world: EngineWorld) -> dict[str, bytes]:
    """Return the tenant's blobs in the bucket, without heads of the audit trail, which a sweep adds."""
    tenant = world.tenant.tenant_id
    blobs = world.store.blobs.items()
    return {name: blob for name, blob in blobs if name.startswith(tenant) and not name.startswith(heads_prefix(tenant))}


def sweep(world: EngineWorld) -> None:
    job = world.run_job(JobKind.SWEEP)
    assert job.state is JobState.SUCCEEDED, job


@given(story=STORIES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_sweep_after_any_story_leaves_exactly_the_expected_blobs(story: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=5.0)
        world.limit(settled_hours=0.0)
        play_story(world, [("backup", ""), *story])
        expected = expected_blobs(world)
        sweep(world)
        assert set(stored(world)) == expected_blobs(world) == expected
        assert {key.job_id for key in world.catalog.keys.all()} <= {
            None,
            *(
                run.job_id
                for each in world.catalog.snapshots.all()
                for run in world.catalog.snapshots.runs(each.snapshot_id)
            ),
            *(each.job_id for each in world.catalog.snapshots.all()),
        }
        assert world.catalog.upkeep.known_blobs().attempts == {}
        assert world.run_job(JobKind.VERIFY).state is JobState.SUCCEEDED
        world.back_up()
        assert world.download() == world.directory.records()
        world.close()


def test_blobs_of_a_job_that_ended_less_than_a_day_ago_stay(world: EngineWorld) -> None:
    play_story(world, [("cancel", "manifest-stored")])
    before = stored(world)
    sweep(world)
    assert stored(world) == before
    world.pass_time(90000)
    sweep(world)
    assert set(stored(world)) == expected_blobs(world) < set(before)


@pytest.mark.parametrize("point", ["leftovers-known", "leftovers-deleted"])
def test_a_killed_sweep_is_completed_by_the_next_claim(world: EngineWorld, point: str) -> None:
    play_story(world, [("cancel", "manifest-stored")])
    world.limit(settled_hours=0.0)
    world.request(JobKind.SWEEP)

    def on_point(name: str) -> None:
        if name == point:
            world.on_point = lambda _: None
            raise Killed

    world.on_point = on_point
    with pytest.raises(Killed):
        world.work()
    world.messages.queue.clear()
    world.change("steps", claim_until=LONG_AGO)
    world.work()
    assert world.catalog.jobs.recent(1)[0].state is JobState.SUCCEEDED
    assert set(stored(world)) == expected_blobs(world)
    assert world.catalog.upkeep.known_blobs().attempts == {}


def test_a_sweep_with_an_outdated_catalog_removes_nothing_until_a_rebuild(world: EngineWorld, tmp_path: Path) -> None:
    dump = copy_database(world.database, tmp_path / "dump.sqlite3")
    play_story(world, [("cancel", "manifest-stored"), ("backup", "")])
    older = world.with_catalog(dump)
    older.limit(settled_hours=0.0)
    before = dict(world.store.blobs)
    job = older.run_job(JobKind.SWEEP)
    assert (job.state, job.code) == (JobState.FAILED, Code.CATALOG_OUTDATED)
    assert "entrakeep catalog rebuild" in (job.message or "")
    assert world.store.blobs == before
    rebuild(older.context, world.tenant.tenant_id)
    sweep(older)
    assert older.run_job(JobKind.VERIFY).state is JobState.SUCCEEDED
    assert set(stored(world)) == expected_blobs(older)
    older.close()


@pytest.mark.parametrize("part", ["jobs", "snapshots"])
def test_a_single_blob_of_an_unknown_job_or_manifest_stops_the_sweep(world: EngineWorld, part: str) -> None:
    tenant = world.tenant.tenant_id
    unknown = "11111111-1111-4111-8111-111111111111"
    world.store.blobs[f"{tenant}/{part}/{unknown}" + (f"/{'ab' * 32}" if part == "jobs" else "")] = b"x"
    assert world.run_job(JobKind.SWEEP).code is Code.CATALOG_OUTDATED


def test_a_sweep_needs_no_key(world: EngineWorld) -> None:
    play_story(world, [("cancel", "run-stored")])
    world.limit(settled_hours=0.0)
    world.keys.trouble = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")
    sweep(world)
    assert set(stored(world)) == expected_blobs(world)


@pytest.mark.parametrize("job_known", [True, False])
def test_a_data_key_that_never_reached_sql_is_swept_only_if_its_job_is_swept(
    world: EngineWorld, job_known: bool
) -> None:
    world.limit(settled_hours=0.0)
    job_id = world.catalog.snapshots.get("latest").job_id if job_known else "11111111-1111-4111-8111-111111111111"
    tenant = world.tenant.tenant_id
    _, wrapped = create_data_key(world.keys, world.store, tenant, ARN, Purpose.BACKUP, 1, world.clock.time, job_id)
    sweep(world)
    assert (key_object_blob(tenant, wrapped.data_key_id, 1) in world.store.blobs) is not job_known


def test_a_sweep_waits_while_a_backup_runs(world: EngineWorld) -> None:
    world.request()
    world.tick()
    sweep_job = world.request(JobKind.SWEEP)
    world.tick()
    assert world.catalog.jobs.steps(sweep_job.job_id) == []
    world.work()
    assert world.catalog.jobs.get(sweep_job.job_id).state is JobState.SUCCEEDED


def test_beat_requests_a_sweep_a_day_after_a_tenant_was_added_and_every_day(world: EngineWorld) -> None:
    def sweeps() -> list[Origin]:
        return [job.origin for job in world.catalog.jobs.recent() if job.kind is JobKind.SWEEP]

    world.work()
    assert sweeps() == []
    for day in (1, 2):
        world.pass_time(86401)
        world.work()
        world.work()
        assert sweeps() == [Origin.SCHEDULE] * day
    assert {job.state for job in world.catalog.jobs.recent()} == {JobState.SUCCEEDED}


def test_a_backup_does_not_commit_chunks_that_were_swept(world: EngineWorld) -> None:
    def on_point(name: str) -> None:
        if name == "claimed" and all(step.ended_at for step in world.catalog.jobs.steps(job.job_id) if step.phase < 4):
            for blob in list(world.store.names(chunks_prefix(world.tenant.tenant_id, job.job_id))):
                world.store.delete(blob)

    world.directory.put("users", "users/more")
    job = world.request()
    world.on_point = on_point
    before = list(world.store.names(manifests_prefix(world.tenant.tenant_id)))
    world.work()
    ended = world.catalog.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.BLOB_MISSING)
    assert list(world.store.names(manifests_prefix(world.tenant.tenant_id))) == before
    world.on_point = lambda _: None
    world.back_up()
    assert world.download() == world.directory.records()
