"""Backups and checks of the whole table, by applications that lack permissions in directories that lack licences.

Whatever is refused, the report says so, and nothing that was not read is called empty or deleted.
"""

import dataclasses
import random
from collections.abc import Iterator

import pytest

from shared.domain.errors import Answer
from shared.domain.jobs import JobState
from shared.domain.model import ResourceReport
from shared.domain.resources import RESOURCES, STREAMS, Resource
from shared.domain.resources.choice import BETA, FAMILIES, Choice
from shared.domain.resources.permissions import permissions_to_read
from shared.engine.requests.tenants import check_tenant
from tests.contract.engine.simulated import ended, graph_access, simulated_world
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import CLIENT_ID, SECRET, Simulator, simulated_graph

pytestmark = pytest.mark.streams(*STREAMS)

EVERYTHING = Choice().changed(with_=[BETA, *FAMILIES])
PERMISSIONS = tuple(permissions_to_read(RESOURCES.values()))
LICENCES = ("P1", "P2", "Governance")
COMBINATIONS = (0, *(pytest.param(seed, marks=pytest.mark.chaos) for seed in range(1, 8)))
"""Seeds of what is granted."""
NOT_READ = frozenset({Answer.FORBIDDEN, Answer.UNLICENSED, Answer.NOT_FOR_APPLICATIONS, Answer.UNAVAILABLE})


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulated_graph(tmp_path_factory.mktemp("graph"), "--objects", "40") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, simulator: Simulator) -> Iterator[EngineWorld]:
    """Yield a world whose directory has been backed up with every permission and licence."""
    with simulated_world(tmp_path_factory.mktemp("world"), simulator, choice=EVERYTHING, lease=20.0) as world:
        world.limit(proof_seconds=0.0)
        grant(simulator, PERMISSIONS, LICENCES)
        back_up(world)
        yield world


def sign_in_again(world: EngineWorld, simulator: Simulator) -> None:
    """Drop the tokens, which name the permissions at the time when they were issued."""
    access = graph_access(simulator, simulator.url)
    world.context = dataclasses.replace(world.context, access=access, targets=access)


def grant(simulator: Simulator, permissions: tuple[str, ...], licences: tuple[str, ...]) -> None:
    simulator.set("apps", {"client_id": CLIENT_ID, "secret": SECRET, "permissions": list(permissions)})
    simulator.set("licences", list(licences))


def back_up(world: EngineWorld) -> dict[str, ResourceReport]:
    job = ended(world, world.request())
    assert job.state in (JobState.SUCCEEDED, JobState.SUCCEEDED_WITH_WARNINGS), job
    return {each.resource: each for each in world.catalog.snapshots.get("latest").resources}


def granted_all(row: Resource, permissions: tuple[str, ...], licences: tuple[str, ...]) -> bool:
    """Return True if what the table names for the row's stream, and for the owners of its children, is granted."""
    stream = STREAMS[row.stream]
    owners = [row for name, row in RESOURCES.items() if stream.children is not None and name == stream.children.owner]
    rows = [*(RESOURCES[name] for name in stream.resources), *owners]
    return not row.for_people and all(
        each.permission_read in permissions and (each.licence == "none" or each.licence in licences) for each in rows
    )


def test_with_every_permission_of_the_table_everything_is_read(world: EngineWorld) -> None:
    reports = {each.resource: each for each in world.catalog.snapshots.all()[-1].resources}
    unread = {name: each.answer.value for name, each in reports.items() if each.answer is not Answer.WHOLE}
    assert {name for name in unread if not RESOURCES[name].for_people} == set(), unread
    assert set(reports) == set(RESOURCES)


@pytest.mark.parametrize("seed", COMBINATIONS)
def test_what_is_refused_is_reported_and_kept(world: EngineWorld, simulator: Simulator, seed: int) -> None:
    chance = random.Random(seed)
    permissions = tuple(name for name in PERMISSIONS if name == "Organization.Read.All" or chance.random() < 0.6)
    licences = tuple(name for name in LICENCES if chance.random() < 0.5)
    before = world.download()
    counts = {each.resource: each.records for each in world.catalog.snapshots.get("latest").resources}
    grant(simulator, permissions, licences)
    sign_in_again(world, simulator)
    checked = {each.resource: each for each in check_tenant(world.context, "contoso")}
    reports = back_up(world)
    for name, row in RESOURCES.items():
        report, check = reports[name], checked[name]
        if granted_all(row, permissions, licences):
            assert (report.answer, report.stale) == (Answer.WHOLE, False), name
        if report.answer is not Answer.WHOLE:
            assert report.answer in NOT_READ, name
            assert report.stale is (counts[name] is not None), name
        assert report.records == counts[name], name
        assert check.answer is report.answer, name
        if check.answer is Answer.FORBIDDEN:
            assert row.permission_read in check.detail, name
        if check.answer is Answer.UNLICENSED:
            assert row.licence in check.detail, name
    assert {each.answer for each in reports.values()} >= {Answer.WHOLE, Answer.FORBIDDEN}
    assert world.download() == before
