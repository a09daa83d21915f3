"""An object that Graph refuses costs only itself: it is counted, named, and kept as the parent has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Answer
from shared.domain.jobs import JobKind, JobState
from shared.domain.model import RefusedObject, ResourceReport
from shared.engine.snapshots import browse
from shared.engine.snapshots.foreground import run_foreground
from tests.contract.engine.world import EngineWorld
from tests.tables import APPLICATIONS

pytestmark = pytest.mark.streams(*APPLICATIONS)

OWNERS = "applications.owners"
DARK, LIGHT = "applications/dark/owners/", "applications/light/owners/"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    for application in ("dark", "light"):
        world.directory.put("applications", f"applications/{application}")
        for owner in "12":
            world.directory.put(OWNERS, f"applications/{application}/owners/{owner}")
    yield world
    world.close()


def report(world: EngineWorld, resource: str) -> ResourceReport:
    (report,) = (each for each in world.catalog.snapshots.get("latest").resources if each.resource == resource)
    return report


def refused_objects(world: EngineWorld, stream: str) -> list[RefusedObject]:
    """Return the refused objects that the newest manifest names."""
    with run_foreground(world.context, world.tenant, JobKind.BROWSE, "latest") as (_, reader):
        return next(state.refused for state in reader.streams if state.stream == stream)


def listed_objects(world: EngineWorld, *resources: str) -> list[tuple[str, str]]:
    objects = browse.refused(world.context, world.tenant, "latest", resources)
    return [(resource, each.id) for resource, each in objects]


def refuse(world: EngineWorld) -> None:
    """Refuse the owners of one application from now on, and change those of the other."""
    world.directory.refused_ids[OWNERS] = ["dark"]
    world.directory.log[OWNERS] = []
    for owner in "13":
        world.directory.put(OWNERS, f"{LIGHT}{owner}")


def owners(world: EngineWorld) -> list[str]:
    return sorted(key for key in world.download() if "/owners/" in key)


@pytest.mark.parametrize("mode", ["at once", "full", "page by page", "small buffers", "full, small buffers"])
def test_refused_children_of_one_object_stay_as_the_parent_has_them(world: EngineWorld, mode: str) -> None:
    world.back_up()
    refuse(world)
    if "small" in mode:
        world.limit(buffer_bytes=1)
    if mode == "page by page":
        world.limit(step_seconds=0.0)
    for _ in range(2):
        job = world.request(full="full" in mode)
        world.work(30)
        assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS
        assert owners(world) == [f"{DARK}1", f"{DARK}2", f"{LIGHT}1", f"{LIGHT}3"]
        owner_report = report(world, OWNERS)
        assert (owner_report.answer, owner_report.records, owner_report.stale, owner_report.refused) == (
            Answer.PARTIAL,
            4,
            False,
            1,
        )
        assert owner_report.request_id == "request-dark"
        assert refused_objects(world, OWNERS) == [RefusedObject(id="dark", request_id="request-dark")]
    world.limit(step_seconds=300.0)
    world.directory.refused_ids.clear()
    world.directory.put(OWNERS, f"{DARK}9")
    world.back_up()
    assert owners(world) == [f"{DARK}9", f"{LIGHT}1", f"{LIGHT}3"]
    assert refused_objects(world, OWNERS) == []


def test_children_that_were_read_before_the_refusal_do_not_count(world: EngineWorld) -> None:
    world.back_up()
    refuse(world)
    world.directory.log[OWNERS].insert(0, (b"applications.owners\0applications/dark/owners/new", b"{}"))
    world.limit(buffer_bytes=1)
    world.run_job()
    assert owners(world) == [f"{DARK}1", f"{DARK}2", f"{LIGHT}1", f"{LIGHT}3"]


def test_the_first_backup_has_no_record_of_a_refused_object(world: EngineWorld) -> None:
    refuse(world)
    job = world.run_job()
    assert f"{OWNERS} (1 object refused)" in (job.message or "")
    assert owners(world) == [f"{LIGHT}1", f"{LIGHT}3"]
    assert report(world, OWNERS).records == 2
    assert not world.catalog.snapshots.get("latest").complete
    assert listed_objects(world) == listed_objects(world, OWNERS) == [(OWNERS, "dark")]
    assert listed_objects(world, "users") == []


@pytest.mark.parametrize("full", [False, True])
def test_an_object_that_is_refused_by_id_stays_as_the_parent_has_it(world: EngineWorld, full: bool) -> None:
    world.back_up()
    if full:  # a full read that returns the object without its properties
        world.directory.log["users"] = [line for line in world.directory.log["users"] if not line[0].endswith(b"/2")]
    world.directory.incomplete_ids = ["2"]
    world.directory.refused_ids["users"] = ["2"]
    for _ in range(2):
        job = world.request(full=full)
        world.work()
        assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS
        assert world.download()["users/2"] == b'{"n":2}'
        users, managers = report(world, "users"), report(world, "users.manager")
        assert (users.answer, users.records, users.refused) == (Answer.PARTIAL, 4, 1)
        assert (managers.answer, managers.refused) == (Answer.WHOLE, 0)
        assert [each.id for each in refused_objects(world, "users")] == ["2"]
    world.directory.incomplete_ids = []
    world.directory.refused_ids.clear()
    world.directory.objects = {"2": b'{"n":"new"}'}
    world.back_up()
    assert world.download()["users/2"] == b'{"n":"new"}'


def test_too_many_refused_objects_fail_the_stream(world: EngineWorld) -> None:
    world.limit(refused_objects=1)
    world.back_up()
    before = owners(world)
    refuse(world)
    world.directory.refused_ids[OWNERS] = ["dark", "other"]
    world.run_job()
    owner_report = report(world, OWNERS)
    assert (owner_report.answer, owner_report.stale, owner_report.request_id) == (Answer.FAILED, True, "request-other")
    assert owners(world) == before
