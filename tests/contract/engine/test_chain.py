"""A snapshot that others build on cannot go missing, or be replaced, without a word; unless retention let it go."""

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
    """After three backups."""
    made = EngineWorld(tmp_path, lease=5.0)
    for n in range(3):
        made.directory.put("users", f"users/more-{n}")
        made.backed_up()
        made.clock.time += timedelta(hours=1)
    yield made
    made.close()


def manifest(world: EngineWorld, newest: int) -> str:
    return manifest_blob(world.tenant.tenant_id, world.of.snapshots.all()[newest].snapshot_id)


def damage(world: EngineWorld, **asked: str) -> list[tuple[str, str]]:
    job = world.done(JobKind.VERIFY, **asked)
    assert (job.state is JobState.SUCCEEDED) == (not job.detail.damaged)
    return [(each.blob, each.reason) for each in job.detail.damaged]


def let_go(world: EngineWorld, newest: int) -> None:
    """As retention marks it."""
    snapshot = world.of.snapshots.all()[newest].snapshot_id
    with sqlite3.connect(world.database) as connection:
        connection.execute("UPDATE snapshots SET going = 1 WHERE snapshot_id = ?", (snapshot,))
    connection.close()


def forgotten(world: EngineWorld) -> None:
    """As retention removes the rows of what it has let go."""
    with sqlite3.connect(world.database) as connection:
        gone = "(SELECT snapshot_id FROM snapshots WHERE going)"
        connection.execute(f"DELETE FROM snapshot_runs WHERE snapshot_id IN {gone}")
        connection.execute("DELETE FROM snapshots WHERE going")
    connection.close()


def test_a_rebuild_names_a_manifest_that_is_missing_from_the_chain(world: EngineWorld, tmp_path: Path) -> None:
    middle = manifest(world, 1)
    del world.store.blobs[middle]
    other = world.over(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert [(each.blob, each.reason) for each in outcome.broken] == [(middle, Code.BLOB_MISSING)]
    assert outcome.snapshots == 2
    assert damage(other) == [(middle, "BLOB_MISSING")]
    other.close()


def test_a_manifest_that_cannot_be_opened_is_named_once(world: EngineWorld, tmp_path: Path) -> None:
    middle = manifest(world, 1)
    world.store.blobs[middle] += b"x"
    other = world.over(tmp_path / "empty.sqlite3")
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


def test_a_parent_that_retention_let_go_is_known_as_such(world: EngineWorld, tmp_path: Path) -> None:
    middle = manifest(world, 1)
    let_go(world, 1)
    assert damage(world, snapshot="latest") == []
    world.backed_up()
    del world.store.blobs[middle]
    assert damage(world) == []
    forgotten(world)
    assert damage(world) == []
    world.clock.time += timedelta(hours=1)
    world.backed_up()  # names it again: the snapshot that builds on it is still there
    assert damage(world) == []
    other = world.over(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert (outcome.broken, outcome.snapshots) == ([], 4)
    assert damage(other) == []
    other.close()


def test_a_manifest_names_no_snapshot_that_is_gone_and_on_which_none_builds(world: EngineWorld) -> None:
    first = manifest(world, 2)
    let_go(world, 2)
    world.backed_up()
    del world.store.blobs[first]
    let_go(world, 2)  # the one that builds on it
    forgotten(world)
    world.clock.time += timedelta(hours=1)
    world.backed_up()
    named = [each.parent for each in world.of.snapshots.all()]
    assert damage(world) == []
    assert first.rpartition("/")[2] not in named
