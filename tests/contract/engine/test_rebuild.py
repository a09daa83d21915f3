"""The bucket and KMS suffice: a rebuild restores the lost catalog from them, and backups continue."""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from shared.domain.errors import Code, KeyRefused, KeyTrouble, StoreTrouble
from shared.domain.jobs import JobKind, JobState
from shared.domain.model import Purpose
from shared.domain.secret import Secret
from shared.engine.tenants.onboarding import update_tenant
from shared.engine.upkeep.rebuild import rebuild, stored_tenants
from shared.vault.names import jobs_prefix, key_object_blob, key_objects_prefix, manifest_blob, manifests_prefix
from tests.contract.engine.stories import STORIES, Killed, Story, copy_database, play_story, rows
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=5.0)
    yield world
    world.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[EngineWorld]:
    """Yield a world with an empty catalog, and with two snapshots in the bucket."""
    world = EngineWorld(tmp_path, lease=5.0, backups=2)
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    yield other
    other.close()
    world.close()


def index_by(records: list[dict[str, Any]], *names: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(row[name] for name in names): row for row in records}


def check_holds_all(world: EngineWorld, other: EngineWorld, dumped: set[tuple[str, int]]) -> None:
    """Check that ``other`` has restored all of ``world``, and at most manifests without a commit beside it.

    ``dumped`` are the data keys that ``other`` had before the rebuild.
    """
    before, after = world.database, other.database
    assert rows(before, "tenants", "served_at") == rows(after, "tenants", "served_at")
    expected, restored = world.catalog.snapshots.all(), other.catalog.snapshots.all()
    attempts = {row["snapshot_id"] for row in rows(before, "snapshot_attempts")}
    committed = {each.snapshot_id for each in expected}
    assert [each for each in restored if each.snapshot_id in committed] == expected
    assert {each.snapshot_id for each in restored} - committed <= attempts
    runs = {each: world.catalog.snapshots.runs(each) for each in committed}
    assert {each: other.catalog.snapshots.runs(each) for each in committed} == runs
    jobs = {run.job_id for named in runs.values() for run in named} | {each.job_id for each in expected}
    old_keys = index_by(rows(before, "data_keys"), "data_key_id", "generation")
    new_keys = index_by(rows(after, "data_keys"), "data_key_id", "generation")
    assert {key: row for key, row in old_keys.items() if row["job_id"] in {None, *jobs}}.items() <= new_keys.items()
    assert set(world.store.names(key_objects_prefix(world.tenant.tenant_id))) >= {
        key_object_blob(world.tenant.tenant_id, *key) for key in new_keys.keys() - dumped
    }


def check_continues(world: EngineWorld) -> None:
    """Check that backups continue with a new credential, and that every snapshot is whole before and after a sweep."""
    update_tenant(world.context, world.tenant.name, None, Secret(b"s"))
    world.clock.time += timedelta(hours=1)
    world.directory.put("users", "users/after")
    world.back_up()
    assert world.download() == world.directory.records()
    for kind in (JobKind.VERIFY, JobKind.SWEEP, JobKind.VERIFY):
        job = world.run_job(kind)
        assert job.state is JobState.SUCCEEDED, job


@given(earlier=STORIES, later=STORIES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_rebuild_after_any_story_restores_everything(earlier: Story, later: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=5.0)
        world.limit(settled_hours=0.0)
        play_story(world, [("backup", ""), *earlier])
        dump = copy_database(world.database, Path(folder) / "dump.sqlite3")
        play_story(world, later)
        for other in (world.with_catalog(Path(folder) / "empty.sqlite3"), world.with_catalog(dump)):
            dumped = other.catalog.upkeep.known_blobs().data_keys
            outcome = rebuild(other.context, world.tenant.tenant_id)
            assert (outcome.trouble, outcome.broken) == (None, [])
            check_holds_all(world, other, dumped)
            known_blobs = other.catalog.upkeep.known_blobs()
            second = rebuild(other.context, world.tenant.tenant_id)
            assert (second.snapshots, second.data_keys, other.catalog.upkeep.known_blobs()) == (0, 0, known_blobs)
            blobs = dict(world.store.blobs)
            check_continues(other)
            world.store.blobs = blobs
            other.close()
        world.close()


@given(story=STORIES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_rebuild_of_an_intact_catalog_changes_nothing(story: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=5.0)
        world.limit(settled_hours=0.0)
        play_story(world, [("backup", ""), *story])
        known_blobs, snapshots = world.catalog.upkeep.known_blobs(), world.catalog.snapshots.all()
        outcome = rebuild(world.context, world.tenant.tenant_id)
        assert (outcome.snapshots, outcome.data_keys, outcome.broken) == (0, 0, [])
        assert (world.catalog.upkeep.known_blobs(), world.catalog.snapshots.all()) == (known_blobs, snapshots)
        world.close()


def test_the_bucket_names_its_tenant(empty: EngineWorld) -> None:
    empty.store.put("lost+found/keys/x/1", b"")
    assert stored_tenants(empty.context) == [empty.tenant.tenant_id]
    outcome = rebuild(empty.context, empty.tenant.tenant_id)
    assert (outcome.tenant, outcome.known, outcome.snapshots, outcome.data_keys) == (empty.tenant, False, 2, 3)


def test_manifests_are_counted_as_they_are_opened(empty: EngineWorld) -> None:
    counts: list[int] = []
    rebuild(empty.context, empty.tenant.tenant_id, counts.append)
    assert counts == [1, 2]


def test_a_backup_without_a_credential_is_refused_and_names_the_command(empty: EngineWorld) -> None:
    rebuild(empty.context, empty.tenant.tenant_id)
    job = empty.run_job()
    assert (job.state, job.code) == (JobState.FAILED, Code.GRAPH_SIGN_IN_FAILED)
    assert "entrakeep tenant update" in (job.message or "")


def test_a_refused_key_prevents_the_rebuild_of_its_tenant_and_no_row_is_written(empty: EngineWorld) -> None:
    empty.keys.trouble = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")
    outcome = rebuild(empty.context, empty.tenant.tenant_id)
    assert outcome.trouble is not None
    assert (outcome.trouble.code, outcome.tenant) == (Code.KEY_ACCESS_REVOKED, None)
    assert empty.context.catalog.tenants() == []
    empty.keys.trouble = None
    assert rebuild(empty.context, empty.tenant.tenant_id).snapshots == 2


@pytest.mark.parametrize("trouble", [KeyTrouble("KMS is busy.", 0.0), StoreTrouble("The store is away.")])
def test_trouble_is_reported_and_a_repeated_rebuild_succeeds(
    empty: EngineWorld, trouble: KeyTrouble | StoreTrouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        if isinstance(trouble, KeyTrouble):
            patch.setattr(empty.keys, "trouble", trouble)
        else:
            patch.setattr(empty.store, "get", lambda _: (_ for _ in ()).throw(trouble))
        outcome = rebuild(empty.context, empty.tenant.tenant_id)
    assert outcome.trouble is not None
    assert outcome.trouble.code is trouble.code
    assert rebuild(empty.context, empty.tenant.tenant_id).snapshots == 2


def test_damaged_blobs_are_named_and_left_out_and_all_others_are_restored(empty: EngineWorld) -> None:
    tenant = empty.tenant.tenant_id
    first, second = sorted(empty.store.names(manifests_prefix(tenant)))
    sealed = empty.store.blobs[first]
    empty.store.blobs[first] = sealed[:-1] + bytes([sealed[-1] ^ 1])
    empty.store.blobs[key_object_blob(tenant, "f" * 64, 1)] = b"{}"
    outcome = rebuild(empty.context, tenant)
    assert {(each.blob, each.reason) for each in outcome.broken} == {
        (first, Code.BLOB_DAMAGED),
        (key_object_blob(tenant, "f" * 64, 1), Code.BLOB_DAMAGED),
    }
    assert [manifest_blob(tenant, each.snapshot_id) for each in empty.catalog.snapshots.all()] == [second]


def test_a_manifest_without_its_key_object_is_left_out(empty: EngineWorld) -> None:
    tenant = empty.tenant.tenant_id
    for blob in list(empty.store.names(key_objects_prefix(tenant))):
        empty.store.delete(blob)
    outcome = rebuild(empty.context, tenant)
    assert {each.reason for each in outcome.broken} == {Code.BLOB_MISSING}
    assert (outcome.tenant, empty.context.catalog.tenants()) == (None, [])


def test_a_key_object_under_another_name_counts_as_broken(empty: EngineWorld) -> None:
    tenant = empty.tenant.tenant_id
    one, two, *_ = empty.store.names(key_objects_prefix(tenant))
    empty.store.blobs[one] = empty.store.blobs[two]
    assert one in {each.blob for each in rebuild(empty.context, tenant).broken}


def test_a_rebuild_restores_the_manifest_with_a_child_among_several_of_a_job(
    world: EngineWorld, tmp_path: Path
) -> None:
    def on_point(point: str) -> None:
        if point == "manifest-stored":
            world.on_point = lambda _: None
            raise Killed

    world.on_point = on_point
    world.request()
    with pytest.raises(Killed):
        world.work()
    world.messages.queue.clear()
    world.pass_time(31)
    world.work()
    (first,) = world.catalog.snapshots.all()
    (uncommitted,) = set(world.catalog.upkeep.known_blobs().attempts) - {first.snapshot_id}
    world.clock.time += timedelta(hours=1)
    world.back_up()
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    assert rebuild(other.context, world.tenant.tenant_id).snapshots == 2
    assert other.catalog.snapshots.all() == world.catalog.snapshots.all()
    assert other.catalog.upkeep.known_blobs().attempts == {uncommitted: first.job_id}
    other.close()


def test_a_tenant_with_key_objects_only_is_not_restored(world: EngineWorld, tmp_path: Path) -> None:
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert (outcome.tenant, outcome.trouble, outcome.broken) == (None, None, [])
    assert other.context.catalog.tenants() == []
    other.close()


def test_the_data_key_of_the_credentials_is_restored_for_the_next_update(empty: EngineWorld) -> None:
    rebuild(empty.context, empty.tenant.tenant_id)
    assert empty.catalog.keys.find(Purpose.SECRETS, None) is not None
    update_tenant(empty.context, "acme", None, Secret(b"s"))
    assert len(list(empty.store.names(key_objects_prefix(empty.tenant.tenant_id)))) == 3


def test_a_rebuilt_catalog_knows_the_jobs_of_the_bucket(empty: EngineWorld) -> None:
    rebuild(empty.context, empty.tenant.tenant_id)
    assert empty.catalog.upkeep.known_blobs().jobs >= set(empty.store.folders(jobs_prefix(empty.tenant.tenant_id)))
