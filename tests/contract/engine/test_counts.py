"""What a snapshot says it holds is what a download of it has, whatever Graph showed of objects and their links."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.errors import Answer, Skip
from shared.domain.records import tombstone
from shared.domain.resources import LINKS, STREAMS
from tests.contract.engine.world import EngineWorld

OWNERS, APPLICATIONS = "applications.owners", "applications"
FORBIDDEN = Skip(Answer.FORBIDDEN, "request-1")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path, lease=5.0)
    directory(made)
    yield made
    made.close()


def directory(world: EngineWorld) -> None:
    """Five applications with two owners each."""
    for n in range(5):
        world.directory.put(APPLICATIONS, f"applications/{n}")
        for owner in "ab":
            world.directory.put(OWNERS, f"applications/{n}/owners/{owner}")


def delete(world: EngineWorld, application: int) -> None:
    """The listing of owners loses them with the application."""
    world.directory.log[APPLICATIONS].append(tombstone(b"applications", b"applications/%d" % application))
    below = b"applications/%d/" % application
    log = world.directory.log[OWNERS]
    world.directory.log[OWNERS] = [line for line in log if not line[0].partition(b"\0")[2].startswith(below)]


def backed_up(world: EngineWorld, forbidden: set[str]) -> None:
    for name in forbidden:
        world.directory.trouble[name] = [(0, FORBIDDEN)]
    world.done()
    world.directory.trouble.clear()
    world.clock.time += timedelta(hours=1)


def counts_hold(world: EngineWorld) -> None:
    snapshot = world.of.snapshots.get("latest")
    held = Counter(".".join(key.split("/")[::2]) for key in world.download())
    assert {each.resource: each.records or 0 for each in snapshot.resources} == {
        name: held[name] for stream in STREAMS.values() for name in stream.resources
    }
    assert snapshot.links == sum(held[name] for name in LINKS)
    assert snapshot.objects == sum(held.values()) - snapshot.links


def test_owners_are_links_and_assignments_are_objects() -> None:
    assert {OWNERS, "servicePrincipals.owners", "groups.members", "users.manager"} < LINKS
    assert not {"applications", "servicePrincipals.appRoleAssignedTo"} & LINKS


def test_owners_that_are_forbidden_are_counted_without_those_of_deleted_applications(world: EngineWorld) -> None:
    backed_up(world, set())
    delete(world, 1)
    delete(world, 3)
    backed_up(world, {OWNERS})
    reports = {each.resource: each for each in world.of.snapshots.get("latest").resources}
    assert (reports[OWNERS].records, reports[OWNERS].stale, reports[APPLICATIONS].records) == (6, True, 3)
    counts_hold(world)


def test_owners_that_were_never_read_are_not_counted_as_none(world: EngineWorld) -> None:
    for _ in range(2):
        backed_up(world, {OWNERS})
        reports = {each.resource: each.records for each in world.of.snapshots.get("latest").resources}
        assert reports[OWNERS] is None


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from([OWNERS, APPLICATIONS])), st.sets(st.integers(0, 4), max_size=2)), max_size=3
    )
)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_counts_hold_whatever_is_forbidden_and_deleted_meanwhile(story: list[tuple[set[str], set[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=5.0)
        directory(world)
        backed_up(world, set())
        for forbidden, deleted in story:
            for application in deleted:
                delete(world, application)
            backed_up(world, forbidden)
            counts_hold(world)
        world.close()
