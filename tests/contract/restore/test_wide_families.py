"""Governance and external identities: what is deleted or changed comes back, and what cannot is left to an administrator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.domain.jobs import Job, JobKind, JobState, PlanProgress, RestoreProgress
from shared.domain.resources import RESOURCES, STREAMS, Resource, Switch
from shared.domain.resources.choice import Choice
from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.restore.operations import Hindrance, Plan
from shared.domain.restore.scope import LinkRule, Rules
from tests.contract.coverage.example import Example
from tests.contract.coverage.examples import external_identities, first, governance
from tests.contract.engine.simulated import ended, plan_of, restorer, simulated_world
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import set_up
from tests.tables import only, table

EXACT = Rules(links=LinkRule.EXACT)
FAMILIES = ("governance", "external-identities")
NEEDED = ("users", "groups", "applications", "servicePrincipals", "organization")
"""Resources that the families name."""
ROWS = [row for row in RESOURCES.values() if row.family in FAMILIES]
EXAMPLES = [each for each in (*governance.EXAMPLES, *external_identities.EXAMPLES) if each.op == "create"]
SWITCHED = tuple(row.resource for row in ROWS if row.switch is not Switch.STANDARD)


@pytest.fixture
def wide(tmp_path: Path, simulator: Simulator) -> Iterator[EngineWorld]:
    """Yield a world with an example of each resource of the families, and a table of these alone."""
    streams = [name for name, stream in STREAMS.items() if RESOURCES[stream.resource] in ROWS]
    named = [each for each in first.EXAMPLES if each.path in NEEDED]
    for each in sorted((*named, *governance.EXAMPLES, *external_identities.EXAMPLES), key=lambda each: each.depth):
        simulator.apply(each.op, each.path, None if each.op == "delete" else each.value)
    with (
        table(only((*NEEDED, *streams))),
        simulated_world(tmp_path, simulator, restorer(simulator), choice=Choice(on=SWITCHED)) as world,
    ):
        set_up(world)
        world.limit(prove_seconds=10.0)
        yield world


def restoring_of(row: Resource) -> Restoring:
    assert row.restoring is not None
    return row.restoring


def comes_back(example: Example) -> bool:
    """Return True if a restore creates or links the example after its deletion."""
    restoring = restoring_of(RESOURCES[example.resource])
    if restoring.kind is RestoreKind.LINK:
        return True
    return restoring.kind is RestoreKind.OBJECT and restoring.create is not SafeCreate.NEVER


def changed(example: Example) -> dict[str, Any] | None:
    """Return a change of an example that stays, or None if a restore would not take it back."""
    restoring = restoring_of(RESOURCES[example.resource])
    if comes_back(example):
        return None
    texts = ("description", "displayName", "definition", "role", "isEnabled", "emailSettings", "inboundTrust")
    name = next((each for each in texts if each in restoring.writable and each in example.value), None)
    return {name: {"role": "owner", "definition": ["{}"], "isEnabled": False}.get(name, "Changed")} if name else None


def place(example: Example) -> str:
    """Return the path of the example itself."""
    key = STREAMS[RESOURCES[example.resource].stream].key
    alone = example.value.get(key) in example.path.split("/") or key not in example.value
    return (
        example.path
        if alone or restoring_of(RESOURCES[example.resource]).kind is RestoreKind.SINGLETON
        else (f"{example.path}/{example.value[key]}")
    )


def run(world: EngineWorld, kind: JobKind, snapshot: str, detail: PlanProgress) -> Job:
    """Run a job to its end."""
    return ended(world, world.request(kind, snapshot=snapshot, detail=detail))


def planned(world: EngineWorld, snapshot: str) -> Plan:
    return plan_of(world, run(world, JobKind.PLAN, snapshot, PlanProgress(rules=EXACT)))


@pytest.mark.timeout(300)
def test_governance_and_external_identities_come_back(wide: EngineWorld, simulator: Simulator) -> None:
    snapshot = wide.run_job().snapshot
    assert snapshot is not None
    deleted = [each for each in EXAMPLES if each.resource and comes_back(each)]
    for each in sorted(deleted, key=lambda each: -each.depth):
        simulator.apply("delete", place(each))
    gone = tuple(f"{place(each)}/" for each in deleted)
    for each in EXAMPLES:
        if each.resource and not place(each).startswith(gone) and (change := changed(each)) is not None:
            simulator.apply("update", place(each), change)

    job = run(wide, JobKind.RESTORE, snapshot, RestoreProgress(rules=EXACT))
    plan = plan_of(wide, job)
    assert {each.resource for each in plan.operations} >= {each.resource for each in deleted}
    assert (job.state, job.message) == (JobState.SUCCEEDED, None)
    again = planned(wide, snapshot)
    assert [(each.resource, each.properties, each.reason) for each in again.operations] == []
    assert {each.kind for each in again.impossible} <= {Hindrance.ADMINISTRATOR, Hindrance.IMPOSSIBLE}
