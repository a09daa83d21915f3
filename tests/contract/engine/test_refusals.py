"""What Graph refuses of one object costs that object alone: it is counted, named, and kept as the parent has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Answer
from shared.domain.jobs import JobKind, JobState
from shared.domain.model import RefusedObject, ResourceReport
from shared.engine.snapshots import browse
from shared.engine.snapshots.foreground import begun_foreground
from tests.contract.engine.world import EngineWorld

OWNERS = "applications.owners"
DARK, LIGHT = "applications/dark/owners/", "applications/light/owners/"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path)
    for application in ("dark", "light"):
        made.directory.put("applications", f"applications/{application}")
        for owner in "12":
            made.directory.put(OWNERS, f"applications/{application}/owners/{owner}")
    yield made
    made.close()


def report(world: EngineWorld, resource: str) -> ResourceReport:
    (found,) = (each for each in world.of.snapshots.get("latest").resources if each.resource == resource)
    return found


def named(world: EngineWorld, stream: str) -> list[RefusedObject]:
    """The refused objects that the newest manifest names."""
    with begun_foreground(world.context, world.tenant, JobKind.BROWSE, "latest") as (_, reader):
        return next(state.refused for state in reader.streams if state.stream == stream)


def shown(world: EngineWorld, *resources: str) -> list[tuple[str, str]]:
    found = browse.refused(world.context, world.tenant, "latest", resources)
    return [(resource, each.id) for resource, each in found]


def refuse(world: EngineWorld) -> None:
    """From now on the owners of one application are refused, and those of the other are others."""
    world.directory.refusing[OWNERS] = ["dark"]
    world.directory.log[OWNERS] = []
    for owner in "13":
        world.directory.put(OWNERS, f"{LIGHT}{owner}")


def owners(world: EngineWorld) -> list[str]:
    return sorted(key for key in world.download() if "/owners/" in key)


@pytest.mark.parametrize("way", ["at once", "full", "page by page", "small buffers", "full, small buffers"])
def test_the_children_of_one_object_that_are_refused_stay_as_the_parent_has_them(world: EngineWorld, way: str) -> None:
    world.backed_up()
    refuse(world)
    if "small" in way:
        world.limit(buffer_bytes=1)
    if way == "page by page":
        world.limit(step_seconds=0.0)
    for _ in range(2):
        job = world.ask(full="full" in way)
        world.work(30)
        assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS
        assert owners(world) == [f"{DARK}1", f"{DARK}2", f"{LIGHT}1", f"{LIGHT}3"]
        told = report(world, OWNERS)
        assert (told.answer, told.records, told.stale, told.refused) == (Answer.PARTIAL, 4, False, 1)
        assert told.request_id == "request-dark"
        assert named(world, OWNERS) == [RefusedObject(id="dark", request_id="request-dark")]
    world.limit(step_seconds=300.0)
    world.directory.refusing.clear()
    world.directory.put(OWNERS, f"{DARK}9")
    world.backed_up()
    assert owners(world) == [f"{DARK}9", f"{LIGHT}1", f"{LIGHT}3"]
    assert named(world, OWNERS) == []


def test_what_was_read_of_an_object_before_it_was_refused_does_not_count(world: EngineWorld) -> None:
    world.backed_up()
    refuse(world)
    world.directory.log[OWNERS].insert(0, (b"applications.owners\0applications/dark/owners/new", b"{}"))
    world.limit(buffer_bytes=1)
    world.done()
    assert owners(world) == [f"{DARK}1", f"{DARK}2", f"{LIGHT}1", f"{LIGHT}3"]


def test_the_first_backup_has_nothing_of_what_is_refused(world: EngineWorld) -> None:
    refuse(world)
    job = world.done()
    assert f"{OWNERS} (1 object refused)" in (job.message or "")
    assert owners(world) == [f"{LIGHT}1", f"{LIGHT}3"]
    assert report(world, OWNERS).records == 2
    assert not world.of.snapshots.get("latest").complete
    assert shown(world) == shown(world, OWNERS) == [(OWNERS, "dark")]
    assert shown(world, "users") == []


@pytest.mark.parametrize("full", [False, True])
def test_an_object_that_is_refused_when_asked_for_by_id_stays_as_the_parent_has_it(
    world: EngineWorld, full: bool
) -> None:
    world.backed_up()
    if full:  # a fresh reading in which it comes without its properties
        world.directory.log["users"] = [line for line in world.directory.log["users"] if not line[0].endswith(b"/2")]
    world.directory.named = ["2"]
    world.directory.refusing["users"] = ["2"]
    for _ in range(2):
        job = world.ask(full=full)
        world.work()
        assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS
        assert world.download()["users/2"] == b'{"n":2}'
        told, managers = report(world, "users"), report(world, "users.manager")
        assert (told.answer, told.records, told.refused) == (Answer.PARTIAL, 4, 1)
        assert (managers.answer, managers.refused) == (Answer.WHOLE, 0)
        assert [each.id for each in named(world, "users")] == ["2"]
    world.directory.named = []
    world.directory.refusing.clear()
    world.directory.objects = {"2": b'{"n":"new"}'}
    world.backed_up()
    assert world.download()["users/2"] == b'{"n":"new"}'


def test_too_many_refused_objects_are_a_stream_that_is_refused(world: EngineWorld) -> None:
    world.limit(refused_objects=1)
    world.backed_up()
    before = owners(world)
    refuse(world)
    world.directory.refusing[OWNERS] = ["dark", "other"]
    world.done()
    told = report(world, OWNERS)
    assert (told.answer, told.stale, told.request_id) == (Answer.FAILED, True, "request-other")
    assert owners(world) == before
