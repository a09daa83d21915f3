"""A third of a directory is deleted or changed: one restore brings it back, a second plan is empty, and undo undoes it."""

import random
from typing import Any

import pytest

from shared.domain.jobs import Job, JobKind, JobState, PlanProgress, RestoreProgress
from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.scope import LinkRule, Rules
from tests.contract.engine.simulated import RESTORER, ended, plan_of
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import objects

EXACT = Rules(links=LinkRule.EXACT, enable_policies=True)
PATHS = ("users", "groups", "servicePrincipals", "applications", "identity/conditionalAccess/policies")
SOURCES = {Hindrance.IMPOSSIBLE, Hindrance.UNRESOLVED}
"""What keeps records of this directory from coming back: their source is on-premises, or they name what comes from there."""


def run(world: EngineWorld, kind: JobKind, snapshot: str, detail: PlanProgress) -> Job:
    """Run a job to its end."""
    return ended(world, world.request(kind, snapshot=snapshot, detail=detail))


def directory_of(simulator: Simulator) -> dict[str, dict[str, Any]]:
    """Return the objects of the directory by path, without the restoring application's."""
    values = ((path, value) for path in PATHS for value in objects(simulator, path))
    return {f"{path}/{value['id']}": value for path, value in values if value.get("appId") != RESTORER}


def damage(simulator: Simulator, chance: random.Random) -> None:
    """Delete 40 % of the objects, half of them for good, and change 20 %. Service principals go with their applications."""
    existing = directory_of(simulator)
    for path, value in existing.items():
        fate = chance.random()
        if fate < 0.4 and not path.startswith("servicePrincipals"):
            paths = [
                each for each, other in existing.items() if "appId" in value and other.get("appId") == value["appId"]
            ]
            for each in paths or [path]:
                simulator.apply("delete", each)
            if fate < 0.2:
                simulator.apply("purge", path)
        elif 0.4 <= fate < 0.6 and not path.startswith(("servicePrincipals", "applications")):
            simulator.apply("update", path, {"displayName": f"Changed {value['displayName']}"})


@pytest.mark.timeout(300)
def test_a_third_of_a_directory_comes_back_and_can_be_undone(world: EngineWorld, simulator: Simulator) -> None:
    world.limit(prove_seconds=10.0)
    snapshot = world.run_job().snapshot
    assert snapshot is not None
    damage(simulator, random.Random(4))
    damaged = directory_of(simulator)

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
    restored = directory_of(simulator)
    assert restored.keys() == damaged.keys()
    differing = {path for path, value in damaged.items() if restored[path]["displayName"] != value["displayName"]}
    assert differing == set()
