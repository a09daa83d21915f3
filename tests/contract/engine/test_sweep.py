"""The sweep takes away what nobody names, and nothing else."""

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
    made = EngineWorld(tmp_path, lease=5.0)
    made.backed_up()
    made.clock.time += HOUR
    yield made
    made.close()


def named(world: EngineWorld) -> set[str]:
    """All that lies in the bucket if nothing is garbage."""
    tenant, snapshots = world.tenant.tenant_id, world.of.snapshots.all()
    runs = [run for each in snapshots for run in world.of.snapshots.runs(each.snapshot_id)]
    jobs = {each.job_id for each in (*snapshots, *runs)}
    chunks = {chunk_blob(tenant, run.job_id, blob) for run in runs for blob in run.blobs}
    keys = [key for key in world.of.keys.all() if key.job_id in {None, *jobs}]
    return (
        chunks
        | {manifest_blob(tenant, each.snapshot_id) for each in snapshots}
        | {key_object_blob(tenant, key.data_key_id, key.generation) for key in keys}
    )


def stored(world: EngineWorld) -> dict[str, bytes]:
    """Return what the bucket holds of the tenant, without heads of the audit trail, which a sweep adds."""
    tenant = world.tenant.tenant_id
    blobs = world.store.blobs.items()
    return {name: blob for name, blob in blobs if name.startswith(tenant) and not name.startswith(heads_prefix(tenant))}


def swept(world: EngineWorld) -> None:
    job = world.done(JobKind.SWEEP)
    assert job.state is JobState.SUCCEEDED, job


@given(story=STORIES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happened_what_is_left_is_what_is_named(story: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=5.0)
        world.limit(settled_hours=0.0)
        play_story(world, [("backup", ""), *story])
        expected = named(world)
        swept(world)
        assert set(stored(world)) == named(world) == expected
        assert {key.job_id for key in world.of.keys.all()} <= {
            None,
            *(run.job_id for each in world.of.snapshots.all() for run in world.of.snapshots.runs(each.snapshot_id)),
            *(each.job_id for each in world.of.snapshots.all()),
        }
        assert world.of.upkeep.known_blobs().attempts == {}
        assert world.done(JobKind.VERIFY).state is JobState.SUCCEEDED
        world.backed_up()
        assert world.download() == world.directory.records()
        world.close()


def test_what_a_job_left_that_has_not_ended_for_a_day_stays(world: EngineWorld) -> None:
    play_story(world, [("cancel", "manifest-stored")])
    before = stored(world)
    swept(world)
    assert stored(world) == before
    world.pass_time(90000)
    swept(world)
    assert set(stored(world)) == named(world) < set(before)


@pytest.mark.parametrize("point", ["leftovers-known", "leftovers-deleted"])
def test_a_sweep_that_is_killed_is_done_by_the_next(world: EngineWorld, point: str) -> None:
    play_story(world, [("cancel", "manifest-stored")])
    world.limit(settled_hours=0.0)
    world.ask(JobKind.SWEEP)

    def reached(name: str) -> None:
        if name == point:
            world.at = lambda _: None
            raise Killed

    world.at = reached
    with pytest.raises(Killed):
        world.work()
    world.messages.taken.clear()
    world.change("steps", claim_until=LONG_AGO)
    world.work()
    assert world.of.jobs.recent(1)[0].state is JobState.SUCCEEDED
    assert set(stored(world)) == named(world)
    assert world.of.upkeep.known_blobs().attempts == {}


def test_where_the_catalog_is_older_than_the_bucket_nothing_is_taken_until_it_is_rebuilt(
    world: EngineWorld, tmp_path: Path
) -> None:
    dump = copy_database(world.database, tmp_path / "dump.sqlite3")
    play_story(world, [("cancel", "manifest-stored"), ("backup", "")])
    older = world.over(dump)
    older.limit(settled_hours=0.0)
    before = dict(world.store.blobs)
    job = older.done(JobKind.SWEEP)
    assert (job.state, job.code) == (JobState.FAILED, Code.CATALOG_OUTDATED)
    assert "entrakeep catalog rebuild" in (job.message or "")
    assert world.store.blobs == before
    rebuild(older.context, world.tenant.tenant_id)
    swept(older)
    assert older.done(JobKind.VERIFY).state is JobState.SUCCEEDED
    assert set(stored(world)) == named(older)
    older.close()


@pytest.mark.parametrize("part", ["jobs", "snapshots"])
def test_a_single_blob_of_a_job_or_manifest_that_nobody_knows_stops_the_sweep(world: EngineWorld, part: str) -> None:
    tenant = world.tenant.tenant_id
    unknown = "11111111-1111-4111-8111-111111111111"
    world.store.blobs[f"{tenant}/{part}/{unknown}" + (f"/{'ab' * 32}" if part == "jobs" else "")] = b"x"
    assert world.done(JobKind.SWEEP).code is Code.CATALOG_OUTDATED


def test_a_sweep_needs_no_key(world: EngineWorld) -> None:
    play_story(world, [("cancel", "run-stored")])
    world.limit(settled_hours=0.0)
    world.keys.trouble = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")
    swept(world)
    assert set(stored(world)) == named(world)


@pytest.mark.parametrize("known", [True, False])
def test_a_data_key_that_was_never_told_to_sql_goes_with_its_job_alone(world: EngineWorld, known: bool) -> None:
    world.limit(settled_hours=0.0)
    job_id = world.of.snapshots.get("latest").job_id if known else "11111111-1111-4111-8111-111111111111"
    tenant = world.tenant.tenant_id
    _, wrapped = create_data_key(world.keys, world.store, tenant, ARN, Purpose.BACKUP, 1, world.clock.time, job_id)
    swept(world)
    assert (key_object_blob(tenant, wrapped.data_key_id, 1) in world.store.blobs) is not known


def test_a_prune_waits_while_a_backup_goes_on(world: EngineWorld) -> None:
    world.ask()
    world.tick()
    prune = world.ask(JobKind.SWEEP)
    world.tick()
    assert world.of.jobs.steps(prune.job_id) == []
    world.work()
    assert world.of.jobs.get(prune.job_id).state is JobState.SUCCEEDED


def test_beat_asks_for_a_sweep_of_a_tenant_a_day_after_it_was_added_and_every_day(world: EngineWorld) -> None:
    def prunes() -> list[Origin]:
        return [job.origin for job in world.of.jobs.recent() if job.kind is JobKind.SWEEP]

    world.work()
    assert prunes() == []
    for day in (1, 2):
        world.pass_time(86401)
        world.work()
        world.work()
        assert prunes() == [Origin.SCHEDULE] * day
    assert {job.state for job in world.of.jobs.recent()} == {JobState.SUCCEEDED}


def test_a_backup_never_commits_what_was_swept_from_under_it(world: EngineWorld) -> None:
    def reached(name: str) -> None:
        if name == "claimed" and all(step.ended_at for step in world.of.jobs.steps(job.job_id) if step.phase < 4):
            for blob in list(world.store.names(chunks_prefix(world.tenant.tenant_id, job.job_id))):
                world.store.delete(blob)

    world.directory.put("users", "users/more")
    job = world.ask()
    world.at = reached
    before = list(world.store.names(manifests_prefix(world.tenant.tenant_id)))
    world.work()
    ended = world.of.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.BLOB_MISSING)
    assert list(world.store.names(manifests_prefix(world.tenant.tenant_id))) == before
    world.at = lambda _: None
    world.backed_up()
    assert world.download() == world.directory.records()
