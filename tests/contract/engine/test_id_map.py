"""The id map is part of each snapshot, and makes one object of all ids that it has had."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain.jobs import JobKind, RestoreProgress
from shared.domain.records import tombstone
from shared.domain.restore.id_map import ID_MAP, EntryState, MapEntry
from shared.engine.compare.comparing import compared
from shared.engine.compare.differences import Change
from shared.engine.compare.history import history
from shared.engine.compare.scope import Scope
from shared.engine.snapshots.browse import browse
from shared.engine.upkeep.rebuild import rebuild
from tests.contract.engine.world import EngineWorld

OLD, NEW, NEWEST, BEN, SALES = (f"{n}0000000-0000-4000-8000-000000000000" for n in range(1, 6))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=60.0)
    put_ana(world, OLD)
    world.directory.put("users", f"users/{BEN}", b'{"displayName":"Ben"}')
    world.directory.put("groups", f"groups/{SALES}", b'{"displayName":"Sales"}')
    world.directory.put("groups", f"groups/{SALES}/members/{OLD}", b'{"id":"%b"}' % OLD.encode())
    world.back_up()
    yield world
    world.close()


def put_ana(world: EngineWorld, object_id: str, city: bytes = b"Rom") -> None:
    value = b'{"id":"%b","displayName":"Ana","city":"%b"}' % (object_id.encode(), city)
    world.directory.put("users", f"users/{object_id}", value)


def recreate(world: EngineWorld, old: str, new: str) -> None:
    """Delete an object for good and create it under another id, as a restore does, with its membership."""
    world.directory.log["users"].append(tombstone(b"users", f"users/{old}".encode()))
    world.directory.log["groups"].append(tombstone(b"groups.members", f"groups/{SALES}/members/{old}".encode()))
    put_ana(world, new)
    world.directory.put("groups", f"groups/{SALES}/members/{new}", b'{"id":"%b"}' % new.encode())
    entry = MapEntry(
        old_id=old, first_id=OLD, current_id=new, resource="users", state=EntryState.CREATED, job_id=OLD, mark="m"
    )
    job = world.request(JobKind.RESTORE, "latest", RestoreProgress())
    world.tick()
    (step,) = (each for each in world.catalog.jobs.steps(job.job_id) if each.phase == 1)
    claim = world.catalog.claims.claim(job.job_id, step.step_id, "w/1", 30)
    assert claim is not None
    world.catalog.restores.record_created(claim, [entry])
    world.catalog.jobs.cancel(job.job_id)
    world.messages.queue.clear()
    world.pass_time(60)
    world.clock.time += timedelta(hours=1)
    world.back_up()


def stored_map(world: EngineWorld, snapshot: str = "latest") -> dict[str, bytes]:
    return dict(browse(world.context, world.tenant, snapshot, [ID_MAP]))


def differences(world: EngineWorld, before: str, after: str) -> list[tuple[str, Change]]:
    with compared(world.context, world.tenant, before, after, Scope()) as comparison:
        return [(each.key, each.change) for each in comparison.differences()]


def snapshots(world: EngineWorld) -> list[str]:
    """Return the ids of the snapshots, the oldest first."""
    return [row.snapshot_id for row in reversed(world.catalog.snapshots.all())]


def test_a_snapshot_has_the_map_once_an_object_was_created_anew(world: EngineWorld) -> None:
    first = world.catalog.snapshots.get("latest")
    assert ID_MAP not in {report.resource for report in first.resources}
    recreate(world, OLD, NEW)
    row = world.catalog.snapshots.get("latest")
    assert stored_map(world) == {
        f"{ID_MAP}/{OLD}": b'{"first":"%b","current":"%b","resource":"users","job":"%b"}'
        % (OLD.encode(), NEW.encode(), OLD.encode())
    }
    assert (row.objects, row.links, row.complete) == (first.objects, first.links, True)
    runs = {run.run_id for run in world.catalog.snapshots.runs(row.snapshot_id) if run.stream == ID_MAP}
    put_ana(world, NEW, b"Oslo")
    world.back_up()
    latest = world.catalog.snapshots.get("latest").snapshot_id
    assert {run.run_id for run in world.catalog.snapshots.runs(latest) if run.stream == ID_MAP} == runs
    world.change("id_map", current_id=None, state="intended")
    world.request(full=True)
    world.work()
    resources = {report.resource for report in world.catalog.snapshots.get("latest").resources}
    assert ID_MAP not in resources, "a full backup reads nothing of its parent"


def test_a_recreated_object_is_one_object_in_comparisons_in_either_order(world: EngineWorld) -> None:
    recreate(world, OLD, NEW)
    put_ana(world, NEW, b"Oslo")
    world.back_up()
    first, second, third = snapshots(world)
    assert differences(world, first, second) == []
    assert differences(world, first, third) == [(f"users/{NEW}", Change.CHANGED)]
    assert differences(world, third, first) == [(f"users/{NEW}", Change.CHANGED)]
    with compared(world.context, world.tenant, first, third, Scope(ids=[OLD])) as comparison:
        (difference,) = comparison.differences()
        assert [(each.path, each.before, each.after) for each in difference.properties] == [
            ("city", b'"Rom"', b'"Oslo"')
        ]


def test_a_history_shows_an_object_under_all_its_ids(world: EngineWorld) -> None:
    recreate(world, OLD, NEW)
    put_ana(world, NEW, b"Oslo")
    world.back_up()
    recreate(world, NEW, NEWEST)
    expected = ["restored", "deleted", "changed", "restored", "deleted", "existing"]
    for object_id in (OLD, NEW.upper(), NEWEST):
        with history(world.context, world.tenant, "latest", object_id, ["users"]) as opened:
            assert [each.happened.value for each in opened.events()] == expected


def test_the_bucket_alone_brings_the_map_back(world: EngineWorld, tmp_path: Path) -> None:
    recreate(world, OLD, NEW)
    recreate(world, NEW, NEWEST)
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert outcome.trouble is None
    restored = {each.old_id: (each.first_id, each.current_id) for each in other.catalog.restores.map_entries()}
    assert restored == {OLD: (OLD, NEW), NEW: (OLD, NEWEST)}
    rebuild(other.context, world.tenant.tenant_id)
    assert len(other.catalog.restores.map_entries()) == 2
    other.close()
