"""Commit and its write order: an id noted, a manifest stored, a row; nothing of that once the step may not go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Cancelled, GraphTrouble, KeyTrouble
from shared.domain.jobs import JobKind, JobState, Phase
from shared.domain.records import tombstone
from shared.engine.backup.commit import commit_step
from shared.engine.snapshots.foreground import begun_foreground
from shared.engine.steps.checkpoints import store_checkpoint
from shared.vault.format import CheckpointBody, Manifest
from shared.vault.keyring import DataKey
from shared.vault.names import chunk_blob
from tests.contract.engine.world import EngineWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path)
    made.limit(renew_seconds=0.02)
    yield made
    made.close()


def manifests(world: EngineWorld) -> list[str]:
    return list(world.store.names(f"{world.tenant.tenant_id}/snapshots/"))


def newest(world: EngineWorld) -> Manifest:
    with begun_foreground(world.context, world.tenant, JobKind.BROWSE, "latest") as (work, _):
        return work.blobs.manifest(world.of.snapshots.get("latest"))


def test_the_id_of_a_snapshot_is_noted_before_its_manifest_is_stored_and_that_before_its_row(
    world: EngineWorld,
) -> None:
    noted: list[object] = []

    def look(point: str) -> None:
        if point == "manifest-noted":
            noted.extend(row["snapshot_id"] for row in world.rows("snapshot_attempts"))
            assert manifests(world) == []
        if point == "manifest-stored":
            assert manifests(world) == [f"{world.tenant.tenant_id}/snapshots/{noted[0]}"]
            assert world.of.snapshots.all() == []

    world.at = look
    world.backed_up()
    assert noted == [world.of.snapshots.get("latest").snapshot_id]


def test_a_manifest_names_the_snapshot_that_it_builds_on_with_the_hash_of_its_manifest(world: EngineWorld) -> None:
    world.backed_up()
    first = world.of.snapshots.get("latest")
    assert (newest(world).parent, newest(world).parent_sha256) == (None, None)
    world.backed_up()
    assert (newest(world).parent, newest(world).parent_sha256) == (first.snapshot_id, first.manifest_sha256)
    assert world.of.snapshots.get("latest").parent == first.snapshot_id


def test_nothing_is_noted_or_stored_for_a_job_that_was_cancelled(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ask()
    with world.step("commit", Phase.COMMIT) as work:
        of_job = work.keys.job_key

        def meanwhile(job_id: str) -> DataKey:
            world.cancel(work)
            return of_job(job_id)

        monkeypatch.setattr(work.keys, "job_key", meanwhile)
        with pytest.raises(Cancelled):
            commit_step(work)
    assert world.rows("snapshot_attempts") == []
    assert manifests(world) == []


def test_no_snapshot_appears_of_a_job_cancelled_while_its_manifest_was_stored(world: EngineWorld) -> None:
    world.ask()
    with world.step("commit", Phase.COMMIT) as work:
        world.at = lambda point: world.cancel(work) if point == "manifest-stored" else None
        with pytest.raises(Cancelled):
            commit_step(work)
    assert len(manifests(world)) == 1
    assert world.of.snapshots.all() == []


def test_no_snapshot_appears_without_a_lease_and_the_next_try_has_an_id_of_its_own(world: EngineWorld) -> None:
    world.ask()

    def silence(point: str) -> None:
        if point == "manifest-stored":
            world.keys.trouble = KeyTrouble("KMS does not answer.")
            with pytest.raises(KeyTrouble):
                while True:
                    work.check()

    world.at = silence
    with world.step("commit", Phase.COMMIT) as work, pytest.raises(KeyTrouble):
        commit_step(work)
    assert world.of.snapshots.all() == []
    (left,) = manifests(world)
    world.at, world.keys.trouble = lambda _: None, None
    world.pass_time(31)
    world.work()
    (snapshot,) = world.of.snapshots.all()
    assert not left.endswith(snapshot.snapshot_id)
    assert world.of.jobs.recent(1)[0].state is JobState.SUCCEEDED


def test_no_checkpoint_is_left_for_a_job_that_was_cancelled(world: EngineWorld) -> None:
    world.ask()
    with world.step("users") as work:
        key, now = work.keys.job_key(work.claim.job_id), world.clock.now()
        body = CheckpointBody(run=None, cursor=None, more=False, full=True, cursor_issued=now, started_at=now)
        store_checkpoint(work, key, "users", body, [])
        world.cancel(work)
        with pytest.raises(Cancelled):
            store_checkpoint(work, key, "users", body, [])
        assert len(world.of.claims.checkpoints(work.claim)) == 1


def opened_by_commit(world: EngineWorld, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Makes the backup's commit; the chunks of users that it opened."""
    world.ask()
    opened: set[str] = set()
    with world.step("commit", Phase.COMMIT) as work:
        get = world.store.get

        def noted(name: str) -> bytes | None:
            opened.add(name)
            return get(name)

        monkeypatch.setattr(world.store, "get", noted)
        commit_step(work)
    (users,) = (state for state in newest(world).streams if state.stream == "users")
    return opened & {
        chunk_blob(world.tenant.tenant_id, run.job_id, chunk.name) for run in users.runs for chunk in run.chunks
    }


def counted(world: EngineWorld) -> int | None:
    (users,) = (report for report in world.of.snapshots.get("latest").resources if report.resource == "users")
    return users.records


def many_runs(world: EngineWorld, more: int = 20) -> None:
    """Makes a run of each page of users; three of so many more come again in another, one of them as gone."""
    world.limit(buffer_bytes=1)
    for n in (*range(more), 3, 7):
        world.directory.put("users", f"users/u{n}")
    world.directory.log["users"].append(tombstone(b"users", b"users/u11"))


def test_a_full_reading_is_counted_by_what_came_again(patient: EngineWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    many_runs(patient)
    opened = opened_by_commit(patient, monkeypatch)
    assert counted(patient) == 4 + 19
    assert len(opened) == 6


def test_a_full_reading_of_which_runs_were_merged_is_counted_by_what_the_others_tell_again(
    patient: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient.limit(chunk_bytes=1)
    patient.directory.put("users", "users/0")  # again, in a run that is merged with the one that told of it first
    many_runs(patient, 40)
    opened = opened_by_commit(patient, monkeypatch)
    assert counted(patient) == 4 + 39
    (users,) = (state for state in newest(patient).streams if state.stream == "users")
    assert 1 < len(users.runs) < 20
    assert len(opened) == 6


def test_a_full_reading_of_which_most_came_again_is_counted_by_reading_its_runs(
    patient: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_runs(patient, 12)
    for n in range(8):
        patient.directory.put("users", f"users/u{n}")
    opened = opened_by_commit(patient, monkeypatch)
    assert counted(patient) == 4 + 11
    (users,) = (state for state in newest(patient).streams if state.stream == "users")
    assert len(opened) == sum(len(run.chunks) for run in users.runs)


def test_a_full_reading_that_another_step_took_up_is_counted_by_reading_its_runs(
    patient: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_runs(patient)
    patient.directory.trouble["users"] = [(5, GraphTrouble("x"))]
    opened = opened_by_commit(patient, monkeypatch)
    assert counted(patient) == 4 + 19
    assert len(opened) > 20
