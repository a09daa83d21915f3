"""Verify and rebuild report a parent snapshot that is missing or replaced, unless retention removed it."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState
from shared.engine.upkeep.rebuild import rebuild
from shared.vault.names import manifest_blob
from tests.contract.engine.world import EngineWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    """Yield a world with three snapshots."""
    world = EngineWorld(tmp_path, lease=5.0)
    for n in range(3):
        world.directory.put("users", f"users/more-{n}")
        world.back_up()
        world.clock.time += timedelta(hours=1)
    yield world
    world.close()


def manifest(world: EngineWorld, newest: int) -> str:
    return manifest_blob(world.tenant.tenant_id, world.catalog.snapshots.all()[newest].snapshot_id)


def damage(world: EngineWorld, **request: str) -> list[tuple[str, str]]:
    job = world.run_job(JobKind.VERIFY, **request)
    assert (job.state is JobState.SUCCEEDED) == (not job.detail.damaged)
    return [(each.blob, each.reason) for each in job.detail.damaged]


def mark_for_removal(world: EngineWorld, newest: int) -> None:
    """Mark a snapshot as retention does."""
    snapshot = world.catalog.snapshots.all()[newest].snapshot_id
    with sqlite3.connect(world.database) as connection:
        connection.execute("UPDATE snapshots SET going = 1 WHERE snapshot_id = ?", (snapshot,))
    connection.close()


def delete_marked(world: EngineWorld) -> None:
    """Delete the rows of the marked snapshots as retention does."""
    with sqlite3.connect(world.database) as connection:
        marked = "(SELECT snapshot_id FROM snapshots WHERE going)"
        connection.execute(f"DELETE FROM snapshot_runs WHERE snapshot_id IN {marked}")
        connection.execute("DELETE FROM snapshots WHERE going")
    connection.close()


def test_a_rebuild_names_a_manifest_that_is_missing_from_the_chain(world: EngineWorld, tmp_path: Path) -> None:
    middle = manifest(world, 1)
    del world.store.blobs[middle]
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert [(each.blob, each.reason) for each in outcome.broken] == [(middle, Code.BLOB_MISSING)]
    assert outcome.snapshots == 2
    assert damage(other) == [(middle, "BLOB_MISSING")]
    other.close()


def test_a_manifest_that_cannot_be_opened_is_named_once(world: EngineWorld, tmp_path: Path) -> None:
    middle = manifest(world, 1)
    world.store.blobs[middle] += b"x"
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert [(each.blob, each.reason) for each in outcome.broken] == [(middle, Code.BLOB_DAMAGED)]
    other.close()


@pytest.mark.parametrize("harm", [b"", b"x"])
def test_a_verify_of_one_snapshot_names_a_parent_that_is_missing_or_changed(world: EngineWorld, harm: bytes) -> None:
    parent = manifest(world, 1)
    if harm:
        world.store.blobs[parent] += harm
    else:
        del world.store.blobs[parent]
    expected = [(parent, "BLOB_DAMAGED" if harm else "BLOB_MISSING")]
    assert damage(world, snapshot="latest") == expected
    assert damage(world) == expected
    assert world.download() == world.directory.records()


def test_a_parent_that_retention_removed_is_not_reported(world: EngineWorld, tmp_path: Path) -> None:
    middle = manifest(world, 1)
    mark_for_removal(world, 1)
    assert damage(world, snapshot="latest") == []
    world.back_up()
    del world.store.blobs[middle]
    assert damage(world) == []
    delete_marked(world)
    assert damage(world) == []
    world.clock.time += timedelta(hours=1)
    world.back_up()  # its manifest names the parent again, as a child of the parent still exists
    assert damage(world) == []
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert (outcome.broken, outcome.snapshots) == ([], 4)
    assert damage(other) == []
    other.close()


def test_a_manifest_names_no_removed_snapshot_without_children(world: EngineWorld) -> None:
    first = manifest(world, 2)
    mark_for_removal(world, 2)
    world.back_up()
    del world.store.blobs[first]
    mark_for_removal(world, 2)  # the child of the first one
    delete_marked(world)
    world.clock.time += timedelta(hours=1)
    world.back_up()
    named = [each.parent for each in world.catalog.snapshots.all()]
    assert damage(world) == []
    assert first.rpartition("/")[2] not in named
