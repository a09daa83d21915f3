"""Objects without a GUID that an earlier restore has created: created again if they were deleted since, and never twice."""

import pytest

from shared.domain.jobs import JobKind
from shared.domain.restore.id_map import EntryState, MapEntry
from shared.ports.catalog.restores import OperationState
from tests.contract.catalog.world import new_id
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import Restore, Script, existing, objects

OLD, RESOURCE = "old-consent", "oauth2PermissionGrants"


@pytest.mark.parametrize("deleted", [True, False])
def test_a_consent_of_an_earlier_restore_is_created_unless_it_exists(
    world: EngineWorld, simulator: Simulator, deleted: bool
) -> None:
    client, target = (existing(simulator, "servicePrincipals", {"appId": new_id(), "displayName": n}) for n in "ab")
    consent = {"clientId": client, "consentType": "AllPrincipals", "resourceId": target, "scope": "User.Read"}
    if not deleted:
        existing(simulator, RESOURCE, consent)
    world.request(JobKind.PLAN)
    with world.step("plan", 1) as work:
        entry = MapEntry(
            old_id=OLD, first_id=OLD, current_id="new", resource=RESOURCE, state=EntryState.CREATED, job_id=new_id()
        )
        world.catalog.restores.record_created(work.claim, [entry])
        world.catalog.claims.finish(work.claim)
    script = Script()
    script.create(RESOURCE, OLD, consent)
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [OperationState.DONE]
    (stored,) = objects(simulator, RESOURCE, clientId=client)
    assert restore.entries()[OLD].current_id == stored["id"].lower()
