"""What a backup counts as added, removed and changed is what a comparison with its parent finds."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.documents.changes import total_changes
from shared.domain.compare import property_changes
from shared.domain.errors import Answer, Skip
from shared.domain.jobs import JobState
from shared.domain.model import Snapshot
from shared.domain.records import prefix_tombstone, tombstone
from shared.engine.backup.changes import meaning
from shared.engine.compare.comparing import compared
from shared.engine.compare.differences import Change
from shared.engine.compare.scope import Scope
from tests.contract.engine.world import EngineWorld
from tests.tables import APPLICATIONS
from tests.unit.domain.test_compare import VALUES

pytestmark = pytest.mark.streams(*APPLICATIONS)

Counts = dict[str, tuple[int | None, int | None, int | None]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path, lease=60.0)
    for n in range(4):
        made.directory.put("users", f"users/{n}", b'{"displayName":"%d"}' % n)
        made.directory.put("groups", f"groups/g/members/{n}")
        made.directory.put("applications", f"applications/{n}")
        made.directory.put("applications.owners", f"applications/{n}/owners/a")
    made.back_up()
    yield made
    made.close()


def counted(snapshot: Snapshot) -> Counts:
    return {each.resource: (each.added, each.removed, each.changed) for each in snapshot.resources}


def found(world: EngineWorld, snapshot: Snapshot) -> Counts:
    """What a comparison with the parent counts, without what it does not know."""
    assert snapshot.parent is not None
    with compared(world.context, world.tenant, snapshot.parent, snapshot.snapshot_id, Scope()) as comparison:
        comparison.count_all()
        unknown = {each.resource for each in comparison.unknown}
        numbers = {
            report.resource: tuple(comparison.counts.get(report.resource, {}).get(change, 0) for change in Change)
            for report in snapshot.resources
        }
    return {name: (None, None, None) if name in unknown else each for name, each in numbers.items()}  # type: ignore[misc]


def test_each_resource_counts_what_differs_from_the_parent(world: EngineWorld) -> None:
    first = world.catalog.snapshots.get("latest")
    assert set(counted(first).values()) == {(None, None, None)}
    assert total_changes(first) == "first snapshot"
    world.directory.put("users", "users/0", b'{"displayName":"new"}')
    world.directory.put("users", "users/1", b'{"displayName":"1","signInActivity":{"n":1}}')
    world.directory.put("users", "users/9")
    world.directory.log["users"].append(tombstone(b"users", b"users/3"))
    world.directory.log["groups"].append(prefix_tombstone(b"groups.members", b"groups/g/members/"))
    world.directory.put("groups", "groups/g/members/2")
    world.directory.log["applications"].append(tombstone(b"applications", b"applications/1"))
    world.back_up()
    second = world.catalog.snapshots.get("latest")
    assert counted(second)["users"] == (1, 1, 1)
    assert counted(second)["groups.members"] == (0, 3, 0)
    assert counted(second)["applications.owners"] == (0, 1, 0)
    assert counted(second) == found(world, second)
    assert total_changes(second) == "1 added, 6 removed, 1 changed"
    world.back_up()
    third = world.catalog.snapshots.get("latest")
    assert set(counted(third).values()) == {(0, 0, 0)}
    assert total_changes(third) == "none"


def test_what_was_not_read_or_would_cost_a_full_pass_is_unknown(world: EngineWorld) -> None:
    world.directory.trouble["groups"] = [(0, Skip(Answer.FORBIDDEN, "status 403", "r"))]
    world.directory.put("users", "users/0", b'{"displayName":"new"}')
    world.run_job()
    stale = world.catalog.snapshots.get("latest")
    assert counted(stale)["groups.members"] == (None, None, None)
    assert counted(stale) == found(world, stale)
    assert total_changes(stale) == "1 changed; 3 resources unknown"
    world.limit(compared_lines=1)
    world.directory.log["applications"] += [tombstone(b"applications", b"applications/%d" % n) for n in range(2)]
    world.back_up()
    assert counted(world.catalog.snapshots.get("latest"))["applications.owners"] == (None, None, None)


def test_a_full_backup_reads_nothing_of_its_parent_and_counts_no_changes(world: EngineWorld) -> None:
    parent_chunks = set(world.store.names(f"{world.tenant.tenant_id}/jobs/"))
    world.directory.put("users", "users/0", b'{"displayName":"new"}')
    reads: list[str] = []
    get = world.store.get

    def counted_get(name: str) -> bytes | None:
        reads.append(name)
        return get(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.store, "get", counted_get)
        job = world.request(full=True)
        world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert not parent_chunks & set(reads)
    assert set(counted(world.catalog.snapshots.get("latest")).values()) == {(None, None, None)}


NAMES = st.sampled_from(["a", "b@odata.type", "signInActivity"])
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3).map(lambda value: json.dumps(value).encode())


@given(OBJECTS, OBJECTS)
def test_values_share_a_meaning_exactly_if_no_property_differs(before: bytes, after: bytes) -> None:
    for resource in ("users", "servicePrincipals"):
        volatile = frozenset({"signInActivity", "onPremisesLastSyncDateTime"}) if resource == "users" else frozenset()
        equal = not property_changes(before, after, volatile)
        assert (meaning(resource, before) == meaning(resource, after)) is equal
