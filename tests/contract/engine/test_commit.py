"""Commit writes a snapshot's id, manifest and row in this order, and nothing once the step must stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Cancelled, GraphTrouble, KeyTrouble
from shared.domain.jobs import JobKind, JobState, Phase
from shared.domain.records import tombstone
from shared.engine.backup.commit import commit_step
from shared.engine.snapshots.foreground import run_foreground
from shared.engine.steps.checkpoints import store_checkpoint
from shared.vault.format import CheckpointBody, Manifest
from shared.vault.keyring import DataKey
from shared.vault.names import chunk_blob
from tests.contract.engine.world import EngineWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    world.limit(renew_seconds=0.02)
    yield world
    world.close()


def manifests(world: EngineWorld) -> list[str]:
    return list(world.store.names(f"{world.tenant.tenant_id}/snapshots/"))


def newest(world: EngineWorld) -> Manifest:
    with run_foreground(world.context, world.tenant, JobKind.BROWSE, "latest") as (work, _):
        return work.blobs.manifest(world.catalog.snapshots.get("latest"))


def test_commit_notes_the_snapshot_id_then_stores_the_manifest_then_adds_the_row(
    world: EngineWorld,
) -> None:
    ids: list[object] = []

    def on_point(point: str) -> None:
        if point == "manifest-noted":
            ids.extend(row["snapshot_id"] for row in world.rows("snapshot_attempts"))
            assert manifests(world) == []
        if point == "manifest-stored":
            assert manifests(world) == [f"{world.tenant.tenant_id}/snapshots/{ids[0]}"]
            assert world.catalog.snapshots.all() == []

    world.on_point = on_point
    world.back_up()
    assert ids == [world.catalog.snapshots.get("latest").snapshot_id]


def test_a_manifest_names_its_parent_with_the_hash_of_the_parents_manifest(world: EngineWorld) -> None:
    world.back_up()
    first = world.catalog.snapshots.get("latest")
    assert (newest(world).parent, newest(world).parent_sha256) == (None, None)
    world.back_up()
    assert (newest(world).parent, newest(world).parent_sha256) == (first.snapshot_id, first.manifest_sha256)
    assert world.catalog.snapshots.get("latest").parent == first.snapshot_id


def test_a_cancelled_job_notes_no_snapshot_id_and_stores_no_manifest(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.request()
    with world.step("commit", Phase.COMMIT) as work:
        job_key = work.keys.job_key

        def cancel_first(job_id: str) -> DataKey:
            world.cancel(work)
            return job_key(job_id)

        monkeypatch.setattr(work.keys, "job_key", cancel_first)
        with pytest.raises(Cancelled):
            commit_step(work)
    assert world.rows("snapshot_attempts") == []
    assert manifests(world) == []


def test_a_job_cancelled_while_its_manifest_is_stored_creates_no_snapshot(world: EngineWorld) -> None:
    world.request()
    with world.step("commit", Phase.COMMIT) as work:
        world.on_point = lambda point: world.cancel(work) if point == "manifest-stored" else None
        with pytest.raises(Cancelled):
            commit_step(work)
    assert len(manifests(world)) == 1
    assert world.catalog.snapshots.all() == []


def test_a_commit_without_a_lease_creates_no_snapshot_and_its_retry_uses_a_new_id(world: EngineWorld) -> None:
    world.request()

    def silence(point: str) -> None:
        if point == "manifest-stored":
            world.keys.trouble = KeyTrouble("KMS does not answer.")
            with pytest.raises(KeyTrouble):
                while True:
                    work.check()

    world.on_point = silence
    with world.step("commit", Phase.COMMIT) as work, pytest.raises(KeyTrouble):
        commit_step(work)
    assert world.catalog.snapshots.all() == []
    (abandoned,) = manifests(world)
    world.on_point, world.keys.trouble = lambda _: None, None
    world.pass_time(31)
    world.work()
    (snapshot,) = world.catalog.snapshots.all()
    assert not abandoned.endswith(snapshot.snapshot_id)
    assert world.catalog.jobs.recent(1)[0].state is JobState.SUCCEEDED


def test_a_cancelled_job_stores_no_further_checkpoint(world: EngineWorld) -> None:
    world.request()
    with world.step("users") as work:
        key, now = work.keys.job_key(work.claim.job_id), world.clock.now()
        body = CheckpointBody(run=None, cursor=None, more=False, full=True, cursor_issued=now, started_at=now)
        store_checkpoint(work, key, "users", body, [])
        world.cancel(work)
        with pytest.raises(Cancelled):
            store_checkpoint(work, key, "users", body, [])
        assert len(world.catalog.claims.checkpoints(work.claim)) == 1


def chunks_opened_by_commit(world: EngineWorld, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Commit a backup. Return the chunks of users that the commit opened."""
    world.request()
    opened: set[str] = set()
    with world.step("commit", Phase.COMMIT) as work:
        get = world.store.get

        def record_get(name: str) -> bytes | None:
            opened.add(name)
            return get(name)

        monkeypatch.setattr(world.store, "get", record_get)
        commit_step(work)
    (users,) = (state for state in newest(world).streams if state.stream == "users")
    return opened & {
        chunk_blob(world.tenant.tenant_id, run.job_id, chunk.name) for run in users.runs for chunk in run.chunks
    }


def user_count(world: EngineWorld) -> int | None:
    (users,) = (report for report in world.catalog.snapshots.get("latest").resources if report.resource == "users")
    return users.records


def many_runs(world: EngineWorld, extra: int = 20) -> None:
    """Store each page of users as its own run. Three of the extra users occur again, one of them as a tombstone."""
    world.limit(buffer_bytes=1)
    for n in (*range(extra), 3, 7):
        world.directory.put("users", f"users/u{n}")
    world.directory.log["users"].append(tombstone(b"users", b"users/u11"))


def test_commit_counts_a_full_read_by_its_repeated_records(
    long_lease: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_runs(long_lease)
    opened = chunks_opened_by_commit(long_lease, monkeypatch)
    assert user_count(long_lease) == 4 + 19
    assert len(opened) == 6


def test_commit_counts_a_full_read_with_merged_runs_by_the_repeats_of_other_runs(
    long_lease: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_lease.limit(chunk_bytes=1)
    long_lease.directory.put(
        "users", "users/0"
    )  # repeated in a run that is merged with the run of its first occurrence
    many_runs(long_lease, 40)
    opened = chunks_opened_by_commit(long_lease, monkeypatch)
    assert user_count(long_lease) == 4 + 39
    (users,) = (state for state in newest(long_lease).streams if state.stream == "users")
    assert 1 < len(users.runs) < 20
    assert len(opened) == 6


def test_commit_counts_a_full_read_with_many_repeats_by_reading_its_runs(
    long_lease: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_runs(long_lease, 12)
    for n in range(8):
        long_lease.directory.put("users", f"users/u{n}")
    opened = chunks_opened_by_commit(long_lease, monkeypatch)
    assert user_count(long_lease) == 4 + 11
    (users,) = (state for state in newest(long_lease).streams if state.stream == "users")
    assert len(opened) == sum(len(run.chunks) for run in users.runs)


def test_commit_counts_a_full_read_that_another_step_resumed_by_reading_its_runs(
    long_lease: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_runs(long_lease)
    long_lease.directory.trouble["users"] = [(5, GraphTrouble("x"))]
    opened = chunks_opened_by_commit(long_lease, monkeypatch)
    assert user_count(long_lease) == 4 + 19
    assert len(opened) > 20
