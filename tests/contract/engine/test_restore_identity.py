"""The application that restores: not the one that reads, signed in before it is stored, checked for its rights."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Answer, Code, Refuse
from shared.domain.jobs import JobState, TenantChecks
from shared.domain.model import CredentialKind
from shared.domain.secret import Secret
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.requests.jobs import request_tenant_check
from shared.engine.requests.tenants import add_tenant, check_tenant, update_restore_identity
from shared.engine.restore.connection import planning_identity, restore_identity
from shared.engine.tenants.checking import CheckedResource, MayWrite
from tests.contract.engine.simulated import (
    RESTORER,
    RESTORER_SECRET,
    all_permissions,
    ended,
    reader,
    restorer,
    simulated_world,
)
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import CLIENT_ID, Simulator, simulated_graph
from tests.tables import FEW

pytestmark = pytest.mark.streams(*FEW, "administrativeUnits", "termsOfUseAgreements")

USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulated_graph(tmp_path_factory.mktemp("graph")) as simulator:
        yield simulator


@pytest.fixture
def world(tmp_path: Path, simulator: Simulator) -> Iterator[EngineWorld]:
    with simulated_world(tmp_path, simulator) as world:
        yield world


def add_restorer(world: EngineWorld, client_id: str | None = RESTORER, secret: str = RESTORER_SECRET) -> None:
    kind = CredentialKind.SECRET
    update_restore_identity(world.context, "ada", "contoso", kind, Secret(secret.encode()), client_id=client_id)


def refusal(world: EngineWorld, client_id: str | None, secret: str) -> tuple[Code, str]:
    with pytest.raises(Refuse) as caught:
        add_restorer(world, client_id, secret)
    assert world.catalog.tenant().restore_client_id is None
    return caught.value.code, caught.value.message


def by_resource(world: EngineWorld, *, restore: bool) -> dict[str, CheckedResource]:
    return {each.resource: each for each in check_tenant(world.context, "contoso", restore=restore)}


def test_the_restore_identity_is_opened_for_restores_alone(world: EngineWorld, simulator: Simulator) -> None:
    restorer(simulator)
    with ProcessKeys(world.context, world.catalog) as keys:
        assert planning_identity(world.catalog, keys).client_id == CLIENT_ID, "a plan only reads"
        with pytest.raises(Refuse, match="restore-client-id") as caught:
            restore_identity(world.catalog, keys)
        assert caught.value.code is Code.NO_RESTORE_IDENTITY
        add_restorer(world)
        for identity in (restore_identity(world.catalog, keys), planning_identity(world.catalog, keys)):
            assert (identity.client_id, identity.secret.reveal()) == (RESTORER, RESTORER_SECRET.encode())
    restorer(simulator)
    add_restorer(world, client_id=None)
    assert world.catalog.tenant().restore_client_id == RESTORER


def test_an_application_that_reads_or_cannot_sign_in_is_not_stored(world: EngineWorld, simulator: Simulator) -> None:
    restorer(simulator)
    code, message = refusal(world, CLIENT_ID.upper(), "simulated-secret")
    assert (code, "another application" in message) == (Code.WRONG_USE, True)
    assert refusal(world, RESTORER, "wrong")[0] is Code.GRAPH_SIGN_IN_FAILED
    assert refusal(world, None, RESTORER_SECRET)[0] is Code.WRONG_USE


def test_a_tenant_is_added_with_both_applications_or_not_at_all(world: EngineWorld, simulator: Simulator) -> None:
    world.context.catalog.tenant(world.tenant.tenant_id).remove()
    with pytest.raises(Refuse) as caught:
        wrong = restorer(simulator)
        add_tenant(world.context, "ada", "both", reader(), restoring=reader())
    assert caught.value.code is Code.WRONG_USE
    assert "both" not in {tenant.name for tenant in world.context.catalog.tenants()}
    tenant = add_tenant(world.context, "ada", "both", reader(), restoring=wrong).tenant
    assert tenant.restore_client_id == RESTORER
    with ProcessKeys(world.context, catalog := world.context.catalog.tenant(tenant.tenant_id)) as keys:
        assert restore_identity(catalog, keys).secret.reveal() == RESTORER_SECRET.encode()


def test_a_check_names_each_resource_that_the_reading_application_may_not_read(
    world: EngineWorld, simulator: Simulator
) -> None:
    simulator.set("apps", {"client_id": CLIENT_ID, "secret": "simulated-secret", "permissions": ["User.Read.All"]})
    checked = by_resource(world, restore=False)
    simulator.set("apps", {"client_id": CLIENT_ID, "secret": "simulated-secret", "permissions": all_permissions()})
    assert checked["users"].answer is Answer.WHOLE
    assert not checked["users"].detail
    assert checked["groups"].answer is Answer.FORBIDDEN
    assert checked["groups"].permission in checked["groups"].detail
    agreements = checked["termsOfUseAgreements"]
    assert agreements.answer is Answer.NOT_FOR_APPLICATIONS
    assert agreements.permission not in agreements.detail


def test_a_check_of_restores_names_each_missing_permission_and_directory_role(
    world: EngineWorld, simulator: Simulator
) -> None:
    restorer(simulator, ["Organization.Read.All", "User.ReadWrite.All", "Application.Read.All"])
    add_restorer(world)
    checked = by_resource(world, restore=True)
    assert checked["groups"].answer is MayWrite.FORBIDDEN
    assert "Group.ReadWrite.All" in checked["groups"].detail
    assert checked["users"].answer is MayWrite.PARTLY
    for missing in ("User-PasswordProfile.ReadWrite.All", "User Administrator", "Privileged Authentication"):
        assert missing in checked["users"].detail
    assert checked["users.manager"].answer is MayWrite.ALLOWED


def test_a_check_of_restores_knows_the_roles_that_the_application_has(world: EngineWorld, simulator: Simulator) -> None:
    restorer(simulator)
    principal = "44444444-4444-4444-4444-444444444444"
    simulator.create("servicePrincipals", b'{"id":"%b","appId":"%b"}' % (principal.encode(), RESTORER.encode()))
    role = b'{"id":"r1","principalId":"%b","roleDefinitionId":"%b","directoryScopeId":"/"}'
    simulator.create(
        "roleManagement/directory/roleAssignments", role % (principal.encode(), USER_ADMINISTRATOR.encode())
    )
    add_restorer(world)
    checked = by_resource(world, restore=True)
    assert "role User Administrator" not in checked["users"].detail
    assert "Privileged Authentication Administrator" in checked["users"].detail
    assert "Privileged Role Administrator" in checked["administrativeUnits.members"].detail


def test_a_check_of_restores_is_refused_without_a_restore_identity(world: EngineWorld) -> None:
    with pytest.raises(Refuse) as caught:
        check_tenant(world.context, "contoso", restore=True)
    assert caught.value.code is Code.NO_RESTORE_IDENTITY


def test_the_job_of_a_worker_stores_what_both_applications_may_do(world: EngineWorld, simulator: Simulator) -> None:
    alone = ended(world, request_tenant_check(world.context.catalog, "ada", "contoso").job).detail
    assert isinstance(alone, TenantChecks)
    assert alone.writing is None
    restorer(simulator, ["Organization.Read.All", "Application.Read.All"])
    add_restorer(world)
    requested = request_tenant_check(world.context.catalog, "ada", "contoso")
    assert not request_tenant_check(world.context.catalog, "ada", "contoso").new, "one check at a time"
    job = ended(world, requested.job)
    assert job.state is JobState.SUCCEEDED
    assert isinstance(job.detail, TenantChecks)
    for checks, restore in ((job.detail.reading, False), (job.detail.writing or [], True)):
        as_command = by_resource(world, restore=restore)
        assert {each.resource: (each.answer, each.detail) for each in checks} == {
            name: (row.answer, row.detail) for name, row in as_command.items()
        }
    assert {each.answer for each in job.detail.writing or []} >= {MayWrite.FORBIDDEN}


def test_the_job_keeps_what_it_read_if_the_restoring_application_cannot_sign_in(
    world: EngineWorld, simulator: Simulator
) -> None:
    restorer(simulator)
    add_restorer(world)
    simulator.set("apps", {"client_id": RESTORER, "secret": "another", "permissions": []})
    job = ended(world, request_tenant_check(world.context.catalog, "ada", "contoso").job)
    assert (job.state, job.code) == (JobState.FAILED, Code.GRAPH_SIGN_IN_FAILED)
    assert isinstance(job.detail, TenantChecks)
    assert job.detail.reading
    assert job.detail.writing is None


def test_the_job_fails_at_once_while_graph_is_in_trouble(world: EngineWorld, simulator: Simulator) -> None:
    simulator.fault("status", times=1000, status=503)
    try:
        job = ended(world, request_tenant_check(world.context.catalog, "ada", "contoso").job)
    finally:
        simulator.clear_faults()
    assert (job.state, job.code) == (JobState.FAILED, Code.GRAPH_UNREACHABLE)
