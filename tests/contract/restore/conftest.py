"""A tenant whose directory is the Graph simulator, with a restore identity that may write everything."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.catalog.world import new_id
from tests.contract.engine.simulated import GLOBAL_ADMINISTRATOR, RESTORER, restorer, simulated_world
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator, simulated_graph
from tests.contract.restore.carrying import set_up


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulated_graph(tmp_path_factory.mktemp("graph"), "--objects", "60") as simulator:
        principal = new_id()
        simulator.create("servicePrincipals", json.dumps({"id": principal, "appId": RESTORER}).encode())
        role = {
            "id": new_id(),
            "principalId": principal,
            "roleDefinitionId": GLOBAL_ADMINISTRATOR,
            "directoryScopeId": "/",
        }
        simulator.create("roleManagement/directory/roleAssignments", json.dumps(role).encode())
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.set("lag", {"get": 0, "list": 0})
    running.forget()


@pytest.fixture
def world(tmp_path: Path, simulator: Simulator) -> Iterator[EngineWorld]:
    with simulated_world(tmp_path, simulator, restorer(simulator)) as world:
        set_up(world)
        yield world
