"""The bucket and KMS are enough: what is rebuilt from them is what was lost, and goes on as before."""

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
    made = EngineWorld(tmp_path, lease=5.0)
    yield made
    made.close()


@pytest.fixture
def lost(world: EngineWorld, tmp_path: Path) -> Iterator[EngineWorld]:
    """After two backups, the catalog is gone."""
    world.backed_up()
    world.clock.time += timedelta(hours=1)
    world.directory.put("users", "users/later")
    world.backed_up()
    other = world.over(tmp_path / "empty.sqlite3")
    yield other
    other.close()


def keyed(found: list[dict[str, Any]], *names: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(row[name] for name in names): row for row in found}


def holds_all(world: EngineWorld, other: EngineWorld, dumped: set[tuple[str, int]]) -> None:
    """What ``other`` has brought back is what ``world`` has, but for manifests whose commit never happened.

    ``dumped`` are the data keys that the other had before.
    """
    before, after = world.database, other.database
    assert rows(before, "tenants", "served_at") == rows(after, "tenants", "served_at")
    told, found = world.of.snapshots.all(), other.of.snapshots.all()
    attempts = {row["snapshot_id"] for row in rows(before, "snapshot_attempts")}
    committed = {each.snapshot_id for each in told}
    assert [each for each in found if each.snapshot_id in committed] == told
    assert {each.snapshot_id for each in found} - committed <= attempts
    runs = {each: world.of.snapshots.runs(each) for each in committed}
    assert {each: other.of.snapshots.runs(each) for each in committed} == runs
    jobs = {run.job_id for named in runs.values() for run in named} | {each.job_id for each in told}
    kept = keyed(rows(before, "data_keys"), "data_key_id", "generation")
    now = keyed(rows(after, "data_keys"), "data_key_id", "generation")
    assert {key: row for key, row in kept.items() if row["job_id"] in {None, *jobs}}.items() <= now.items()
    assert set(world.store.names(key_objects_prefix(world.tenant.tenant_id))) >= {
        key_object_blob(world.tenant.tenant_id, *key) for key in now.keys() - dumped
    }


def goes_on(world: EngineWorld) -> None:
    """Given its credential it backs up from where it stood; every snapshot is whole, before a sweep and after."""
    update_tenant(world.context, world.tenant.name, None, Secret(b"s"))
    world.clock.time += timedelta(hours=1)
    world.directory.put("users", "users/after")
    world.backed_up()
    assert world.download() == world.directory.records()
    for kind in (JobKind.VERIFY, JobKind.SWEEP, JobKind.VERIFY):
        job = world.done(kind)
        assert job.state is JobState.SUCCEEDED, job


@given(earlier=STORIES, later=STORIES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happened_nothing_is_missing_from_what_is_rebuilt(earlier: Story, later: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=5.0)
        world.limit(settled_hours=0.0)
        play_story(world, [("backup", ""), *earlier])
        dump = copy_database(world.database, Path(folder) / "dump.sqlite3")
        play_story(world, later)
        for other in (world.over(Path(folder) / "empty.sqlite3"), world.over(dump)):
            dumped = other.of.upkeep.known_blobs().data_keys
            outcome = rebuild(other.context, world.tenant.tenant_id)
            assert (outcome.trouble, outcome.broken) == (None, [])
            holds_all(world, other, dumped)
            known = other.of.upkeep.known_blobs()
            again = rebuild(other.context, world.tenant.tenant_id)
            assert (again.snapshots, again.data_keys, other.of.upkeep.known_blobs()) == (0, 0, known)
            blobs = dict(world.store.blobs)
            goes_on(other)
            world.store.blobs = blobs
            other.close()
        world.close()


@given(story=STORIES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_where_nothing_is_lost_a_rebuild_changes_nothing(story: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=5.0)
        world.limit(settled_hours=0.0)
        play_story(world, [("backup", ""), *story])
        known, snapshots = world.of.upkeep.known_blobs(), world.of.snapshots.all()
        outcome = rebuild(world.context, world.tenant.tenant_id)
        assert (outcome.snapshots, outcome.data_keys, outcome.broken) == (0, 0, [])
        assert (world.of.upkeep.known_blobs(), world.of.snapshots.all()) == (known, snapshots)
        world.close()


def test_the_bucket_says_whose_it_is(lost: EngineWorld) -> None:
    lost.store.put("lost+found/keys/x/1", b"")
    assert stored_tenants(lost.context) == [lost.tenant.tenant_id]
    outcome = rebuild(lost.context, lost.tenant.tenant_id)
    assert (outcome.tenant, outcome.known, outcome.snapshots, outcome.data_keys) == (lost.tenant, False, 2, 3)


def test_manifests_are_counted_as_they_are_opened(lost: EngineWorld) -> None:
    told: list[int] = []
    rebuild(lost.context, lost.tenant.tenant_id, told.append)
    assert told == [1, 2]


def test_until_it_is_given_its_credential_a_backup_is_refused_with_what_to_do(lost: EngineWorld) -> None:
    rebuild(lost.context, lost.tenant.tenant_id)
    job = lost.done()
    assert (job.state, job.code) == (JobState.FAILED, Code.GRAPH_SIGN_IN_FAILED)
    assert "entrakeep tenant update" in (job.message or "")


def test_a_refused_key_keeps_its_tenant_back_and_nothing_is_written(lost: EngineWorld) -> None:
    lost.keys.trouble = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")
    outcome = rebuild(lost.context, lost.tenant.tenant_id)
    assert outcome.trouble is not None
    assert (outcome.trouble.code, outcome.tenant) == (Code.KEY_ACCESS_REVOKED, None)
    assert lost.context.catalog.tenants() == []
    lost.keys.trouble = None
    assert rebuild(lost.context, lost.tenant.tenant_id).snapshots == 2


@pytest.mark.parametrize("trouble", [KeyTrouble("KMS is busy.", 0.0), StoreTrouble("The store is away.")])
def test_trouble_is_told_and_the_next_time_it_works(
    lost: EngineWorld, trouble: KeyTrouble | StoreTrouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        if isinstance(trouble, KeyTrouble):
            patched.setattr(lost.keys, "trouble", trouble)
        else:
            patched.setattr(lost.store, "get", lambda _: (_ for _ in ()).throw(trouble))
        outcome = rebuild(lost.context, lost.tenant.tenant_id)
    assert outcome.trouble is not None
    assert outcome.trouble.code is trouble.code
    assert rebuild(lost.context, lost.tenant.tenant_id).snapshots == 2


def test_what_is_damaged_is_left_out_by_name_and_the_rest_comes_back(lost: EngineWorld) -> None:
    tenant = lost.tenant.tenant_id
    first, second = sorted(lost.store.names(manifests_prefix(tenant)))
    lost.store.blobs[first] = lost.store.blobs[first][:-1] + b"?"
    lost.store.blobs[key_object_blob(tenant, "f" * 64, 1)] = b"{}"
    outcome = rebuild(lost.context, tenant)
    assert {(each.blob, each.reason) for each in outcome.broken} == {
        (first, Code.BLOB_DAMAGED),
        (key_object_blob(tenant, "f" * 64, 1), Code.BLOB_DAMAGED),
    }
    assert [manifest_blob(tenant, each.snapshot_id) for each in lost.of.snapshots.all()] == [second]


def test_without_its_key_object_a_manifest_is_left_out(lost: EngineWorld) -> None:
    tenant = lost.tenant.tenant_id
    for blob in list(lost.store.names(key_objects_prefix(tenant))):
        lost.store.delete(blob)
    outcome = rebuild(lost.context, tenant)
    assert {each.reason for each in outcome.broken} == {Code.BLOB_MISSING}
    assert (outcome.tenant, lost.context.catalog.tenants()) == (None, [])


def test_a_key_object_under_another_name_is_none(lost: EngineWorld) -> None:
    tenant = lost.tenant.tenant_id
    one, two, *_ = lost.store.names(key_objects_prefix(tenant))
    lost.store.blobs[one] = lost.store.blobs[two]
    assert one in {each.blob for each in rebuild(lost.context, tenant).broken}


def test_of_several_manifests_of_a_job_the_one_that_was_built_upon_counts(world: EngineWorld, tmp_path: Path) -> None:
    def killed(point: str) -> None:
        if point == "manifest-stored":
            world.at = lambda _: None
            raise Killed

    world.at = killed
    world.ask()
    with pytest.raises(Killed):
        world.work()
    world.messages.taken.clear()
    world.pass_time(31)
    world.work()
    (first,) = world.of.snapshots.all()
    (uncommitted,) = set(world.of.upkeep.known_blobs().attempts) - {first.snapshot_id}
    world.clock.time += timedelta(hours=1)
    world.backed_up()
    other = world.over(tmp_path / "empty.sqlite3")
    assert rebuild(other.context, world.tenant.tenant_id).snapshots == 2
    assert other.of.snapshots.all() == world.of.snapshots.all()
    assert other.of.upkeep.known_blobs().attempts == {uncommitted: first.job_id}
    other.close()


def test_a_tenant_of_whom_only_keys_lie_there_is_told_and_not_made(world: EngineWorld, tmp_path: Path) -> None:
    other = world.over(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert (outcome.tenant, outcome.trouble, outcome.broken) == (None, None, [])
    assert other.context.catalog.tenants() == []
    other.close()


def test_the_credentials_key_comes_back_so_that_an_update_needs_no_new_one(lost: EngineWorld) -> None:
    rebuild(lost.context, lost.tenant.tenant_id)
    assert lost.of.keys.find(Purpose.SECRETS, None) is not None
    update_tenant(lost.context, "acme", None, Secret(b"s"))
    assert len(list(lost.store.names(key_objects_prefix(lost.tenant.tenant_id)))) == 3


def test_jobs_of_the_bucket_are_known_afterwards(lost: EngineWorld) -> None:
    rebuild(lost.context, lost.tenant.tenant_id)
    assert lost.of.upkeep.known_blobs().jobs >= set(lost.store.folders(jobs_prefix(lost.tenant.tenant_id)))
