"""A third of a directory is deleted or changed: one restore brings it back, a second plan is empty, and undo undoes it."""

import json
import random
from typing import Any

import pytest

from shared.domain.jobs import Job, JobKind, JobState, PlanProgress, RestoreProgress
from shared.domain.restore.operations import Action, Hindrance, Plan
from shared.domain.restore.scope import LinkRule, Rules
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.restore.stored_plans import stored_plan
from tests.contract.engine.simulated import RESTORER
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import ended

EXACT = Rules(links=LinkRule.EXACT, enable_policies=True)
PATHS = ("users", "groups", "servicePrincipals", "applications", "identity/conditionalAccess/policies")
SOURCES = {Hindrance.IMPOSSIBLE, Hindrance.UNRESOLVED}
"""What keeps records of this directory from coming back: their source is on-premises, or they name what comes from there."""


def run(world: EngineWorld, kind: JobKind, snapshot: str, detail: PlanProgress) -> Job:
    """Run a job to its end."""
    return ended(world, world.request(kind, snapshot=snapshot, detail=detail))


def plan_of(world: EngineWorld, job: Job) -> Plan:
    """Return the plan of a job."""
    assert isinstance(job.detail, PlanProgress)
    assert job.detail.plan is not None, job.message
    with ProcessKeys(world.context, world.catalog) as keys:
        return stored_plan(world.catalog, keys, job.detail.plan)


def objects(simulator: Simulator) -> dict[str, dict[str, Any]]:
    """Return the objects of the directory by path, without the restoring application's."""
    values = ((path, json.loads(line)) for path in PATHS for line in simulator.objects(path))
    return {f"{path}/{value['id']}": value for path, value in values if value.get("appId") != RESTORER}


def damage(simulator: Simulator, chance: random.Random) -> None:
    """Delete 40 % of the objects, half of them for good, and change 20 %. Service principals go with their applications."""
    existing = objects(simulator)
    for path, value in existing.items():
        fate = chance.random()
        if fate < 0.4 and not path.startswith("servicePrincipals"):
            paths = [
                each for each, other in existing.items() if "appId" in value and other.get("appId") == value["appId"]
            ]
            for each in paths or [path]:
                change(simulator, "delete", each)
            if fate < 0.2:
                change(simulator, "purge", path)
        elif 0.4 <= fate < 0.6 and not path.startswith(("servicePrincipals", "applications")):
            change(simulator, "update", path, {"displayName": f"Changed {value['displayName']}"})


def change(simulator: Simulator, op: str, path: str, value: dict[str, Any] | None = None) -> None:
    simulator.change(json.dumps({"op": op, "path": path, **({} if value is None else {"value": value})}).encode())


@pytest.mark.timeout(300)
def test_a_third_of_a_directory_comes_back_and_can_be_undone(world: EngineWorld, simulator: Simulator) -> None:
    world.limit(prove_seconds=10.0)
    snapshot = world.run_job().snapshot
    assert snapshot is not None
    damage(simulator, random.Random(4))
    damaged = objects(simulator)

    job = run(world, JobKind.RESTORE, snapshot, RestoreProgress(rules=EXACT))
    assert (job.state, job.message) == (JobState.SUCCEEDED, None)
    plan = plan_of(world, job)
    assert {Action.UNDELETE, Action.CREATE, Action.PATCH, Action.LINK} <= {each.action for each in plan.operations}
    again = plan_of(world, run(world, JobKind.PLAN, snapshot, PlanProgress(rules=EXACT)))
    assert again.operations == []
    assert {each.kind for each in again.impossible} <= SOURCES | {Hindrance.NOT_HELD}

    assert isinstance(job.detail, RestoreProgress)
    assert job.detail.before is not None
    undo = run(world, JobKind.RESTORE, job.detail.before, RestoreProgress(undo=job.job_id))
    assert undo.state is JobState.SUCCEEDED, undo.message
    restored = objects(simulator)
    assert restored.keys() == damaged.keys()
    differing = {path for path, value in damaged.items() if restored[path]["displayName"] != value["displayName"]}
    assert differing == set()
