"""Policies of applications, and what applications and service principals have below them, are restored through Graph."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.domain.jobs import JobKind, JobState, PlanProgress, RestoreProgress
from shared.domain.resources import RESOURCES, Switch
from shared.domain.resources.choice import Choice
from shared.domain.restore.scope import LinkRule, Rules
from tests.contract.coverage.examples import all_examples
from tests.contract.engine.simulated import ended, plan_of, restorer, simulated_world
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import set_up

EXACT = Rules(links=LinkRule.EXACT)
DELETED = (
    "appManagementPolicies",
    "claimsMappingPolicies",
    "tokenIssuancePolicies",
    "tokenLifetimePolicies",
    "applications.federatedIdentityCredentials",
    "servicePrincipals.delegatedPermissionClassifications",
    "certificateBasedApplicationConfigurations",
    "permissionGrantPolicies",
    "agentIdentityBlueprints.sponsors",
    "agentIdentities",
)
CHANGED: dict[str, dict[str, Any]] = {
    "servicePrincipals.customSecurityAttributes": {"customSecurityAttributes": None},
    "applications.onPremisesPublishing": {"onPremisesPublishing": {"internalUrl": "http://attacker/"}},
    "servicePrincipals.remoteDesktopSecurityConfiguration": {"isRemoteDesktopProtocolEnabled": False},
    "servicePrincipals.claimsPolicy": {"includeBasicClaimSet": False},
    "adminConsentRequestPolicy": {"isEnabled": False, "reviewers": []},
    "defaultAppManagementPolicy": {"isEnabled": False},
    "servicePrincipals.synchronizationSchema": {"synchronizationRules": []},
}
OWNERS = ("users", "groups", "applications", "servicePrincipals", "agentIdentityBlueprints")
LINKED = tuple(f"{name}.appliesTo" for name in DELETED[:4])
READ = frozenset(
    (*OWNERS, *DELETED, *CHANGED, *LINKED, "agentIdentities.sponsors", "servicePrincipals.synchronizationJobs")
)
CHOICE = Choice(
    off=tuple(name for name in RESOURCES if name not in READ),
    on=tuple(name for name in READ if RESOURCES[name].switch is not Switch.STANDARD),
)
EXAMPLES = {each.resource: each for each in all_examples()}


@pytest.fixture
def world(tmp_path: Path, simulator: Simulator) -> Iterator[EngineWorld]:
    for example in all_examples():
        example.load(simulator)
    with simulated_world(tmp_path, simulator, restorer(simulator), choice=CHOICE) as world:
        set_up(world)
        yield world


def path_of(resource: str) -> str:
    """Return the path of the example of a resource."""
    example = EXAMPLES[resource]
    in_collection = example.op == "create" and not example.path.endswith("/schema")
    return f"{example.path}/{example.value['id']}" if in_collection else example.path


@pytest.mark.timeout(300)
def test_what_belongs_to_applications_comes_back(world: EngineWorld, simulator: Simulator) -> None:
    world.limit(prove_seconds=10.0)
    snapshot = world.back_up().snapshot
    assert snapshot is not None
    for resource in DELETED:
        simulator.apply("delete", path_of(resource))
    for resource, change in CHANGED.items():
        simulator.apply("update", path_of(resource), change)
    job = ended(world, world.request(JobKind.RESTORE, snapshot=snapshot, detail=RestoreProgress(rules=EXACT)))
    assert (job.state, job.message) == (JobState.SUCCEEDED, None)
    written = {each.resource for each in plan_of(world, job).operations}
    assert written == {*DELETED, *CHANGED, *LINKED, "agentIdentities.sponsors"}
    planning = world.request(JobKind.PLAN, snapshot=snapshot, detail=PlanProgress(rules=EXACT))
    again = plan_of(world, ended(world, planning))
    assert again.operations == []
    assert again.impossible == []
