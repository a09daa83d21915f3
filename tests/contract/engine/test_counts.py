"""The counts of a snapshot equal the records of its download, even if Graph refused some objects or links."""

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
from tests.tables import SMALL

pytestmark = pytest.mark.streams(*SMALL)

OWNERS, APPLICATIONS = "applications.owners", "applications"
FORBIDDEN = Skip(Answer.FORBIDDEN, "request-1")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=5.0)
    fill_directory(world)
    yield world
    world.close()


def fill_directory(world: EngineWorld) -> None:
    """Store five applications with two owners each."""
    for n in range(5):
        world.directory.put(APPLICATIONS, f"applications/{n}")
        for owner in "ab":
            world.directory.put(OWNERS, f"applications/{n}/owners/{owner}")


def delete(world: EngineWorld, application: int) -> None:
    """Delete an application. The listing of owners loses its owners too."""
    world.directory.log[APPLICATIONS].append(tombstone(b"applications", b"applications/%d" % application))
    prefix = b"applications/%d/" % application
    log = world.directory.log[OWNERS]
    world.directory.log[OWNERS] = [line for line in log if not line[0].partition(b"\0")[2].startswith(prefix)]


def back_up(world: EngineWorld, forbidden: set[str]) -> None:
    for name in forbidden:
        world.directory.trouble[name] = [(0, FORBIDDEN)]
    world.run_job()
    world.directory.trouble.clear()
    world.clock.time += timedelta(hours=1)


def check_counts(world: EngineWorld) -> None:
    snapshot = world.catalog.snapshots.get("latest")
    counts = Counter(".".join(key.split("/")[::2]) for key in world.download())
    assert {each.resource: each.records or 0 for each in snapshot.resources} == {
        name: counts[name] for stream in STREAMS.values() for name in stream.resources
    }
    assert snapshot.links == sum(counts[name] for name in LINKS)
    assert snapshot.objects == sum(counts.values()) - snapshot.links


def test_owners_are_links_and_assignments_are_objects() -> None:
    assert {OWNERS, "servicePrincipals.owners", "groups.members", "users.manager"} < LINKS
    assert not {"applications", "servicePrincipals.appRoleAssignedTo"} & LINKS


def test_owners_that_are_forbidden_are_counted_without_those_of_deleted_applications(world: EngineWorld) -> None:
    back_up(world, set())
    delete(world, 1)
    delete(world, 3)
    back_up(world, {OWNERS})
    reports = {each.resource: each for each in world.catalog.snapshots.get("latest").resources}
    assert (reports[OWNERS].records, reports[OWNERS].stale, reports[APPLICATIONS].records) == (6, True, 3)
    check_counts(world)


def test_owners_that_were_never_read_have_no_count(world: EngineWorld) -> None:
    for _ in range(2):
        back_up(world, {OWNERS})
        reports = {each.resource: each.records for each in world.catalog.snapshots.get("latest").resources}
        assert reports[OWNERS] is None


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from([OWNERS, APPLICATIONS])), st.sets(st.integers(0, 4), max_size=2)), max_size=3
    )
)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_counts_equal_the_download_after_any_refusals_and_deletions(story: list[tuple[set[str], set[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=5.0)
        fill_directory(world)
        back_up(world, set())
        for forbidden, deleted in story:
            for application in deleted:
                delete(world, application)
            back_up(world, forbidden)
            check_counts(world)
        world.close()
