"""Links that come back with an undeleted object: read at once, and written only if they did not."""

import json

from shared.ports.catalog.restores import OperationState
from shared.ports.observer import Point
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import Restore, Script, existing, group, ids_of, user

DONE = OperationState.DONE


def test_links_that_came_back_with_an_undeleted_object_are_not_written(
    world: EngineWorld, simulator: Simulator
) -> None:
    sales = existing(simulator, "groups", group("Returning"))
    members = [existing(simulator, "users", user(f"returning{n}")) for n in range(3)]
    for member in members[:2]:
        simulator.create(f"groups/{sales}/members", json.dumps({"id": member}).encode())
    simulator.apply("delete", f"groups/{sales}")
    script = Script()
    script.undelete("groups", sales)
    for member in members:
        script.link("groups.members", sales, member, may_return=True)
    restore = Restore(world, script.plan())
    simulator.forget()
    restore.write()
    assert restore.states() == [DONE] * 4
    assert ids_of(simulator, f"groups/{sales}/members") == set(members)
    assert simulator.request_count("/v1.0/groups/{id}/members/$ref", "POST") == 1
    assert simulator.request_count("/v1.0/groups/{id}/members", "GET") == 1, "the group's members are read once"


def test_results_are_stored_while_links_that_came_back_are_compared(world: EngineWorld, simulator: Simulator) -> None:
    sales = existing(simulator, "groups", group("Stored"))
    members = [existing(simulator, "users", user(f"stored{n}")) for n in range(41)]
    for member in members:
        simulator.create(f"groups/{sales}/members", json.dumps({"id": member}).encode())
    script = Script()
    for member in members:
        script.link("groups.members", sales, member, may_return=True)
    restore = Restore(world, script.plan())
    world.limit(results_waiting=20, results_seconds=600.0)
    points: list[Point] = []
    world.on_point = points.append
    restore.write()
    assert restore.states() == [DONE] * 41
    assert points.count(Point.RESULTS_STORED) == 3


def test_members_that_graph_does_not_show_are_asked_for_once(world: EngineWorld, simulator: Simulator) -> None:
    sales = existing(simulator, "groups", group("Hidden"))
    members = [existing(simulator, "users", user(f"hidden{n}")) for n in range(3)]
    script = Script()
    for member in members:
        script.link("groups.members", sales, member, may_return=True)
    restore = Restore(world, script.plan())
    simulator.forget()
    hidden = {"method": "GET", "path": f"/groups/{sales}/members"}
    simulator.set("faults", [{"what": "status", "status": 404, "match": hidden}])
    restore.write()
    assert restore.states() == [DONE] * 3
    assert ids_of(simulator, f"groups/{sales}/members") == set(members)
    assert simulator.request_count("/v1.0/groups/{id}/members", "GET") == 1
