"""A directory belongs to one tenant, in any case. A directory removed under a customer key returns only by consent."""

import json
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from shared.domain.audit import INSTALLATION
from shared.domain.audit_chain import verify_chain
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind, StepPlan
from shared.domain.model import CredentialKind, Tenant
from shared.engine.audit_reading import all_entries
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.catalog.upkeep import BucketContents
from tests.accepted import accept
from tests.contract.catalog.world import OTHER_ARN, World, new_id, sealed

GUID = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11"


def refusal_to_add(world: World, name: str, directory_id: str = GUID, *, readd: bool = False) -> Refuse:
    """Return the refusal to add the tenant. The early check must give the same message."""
    with pytest.raises(Refuse) as caught:
        world.add(name, directory_id, readd=readd)
    with pytest.raises(Refuse) as early:
        world.catalog.check_addable(name, directory_id, readd=readd)
    assert early.value.message == caught.value.message
    return caught.value


def installation_events(world: World) -> list[dict[str, object]]:
    """Return the events of the installation's chain, and assert that the chain is intact."""
    audit = world.catalog.tenant(INSTALLATION).audit
    assert verify_chain(INSTALLATION, all_entries(audit), [], audit.head()).fault is None
    return [json.loads(entry.line) for entry in all_entries(audit)]


def switch_to_customer_key(world: World, tenant: TenantCatalog) -> None:
    tenant.customer_keys.allow()
    accept(tenant, OTHER_ARN)
    job = world.planned(tenant, (StepPlan(phase=1, name="key-enable"),), kind=JobKind.KEY_ENABLE)
    tenant.customer_keys.switch(world.claim(tenant, job, "key-enable"), OTHER_ARN)


def rebuild_tenant(world: World, name: str, directory_id: str = GUID) -> TenantCatalog:
    """Restore a tenant as a rebuild does from the bucket, without its credential."""
    tenant_id = new_id()
    lost: Tenant = msgspec.structs.replace(
        world.add(f"{name}-as-it-was").tenant(), tenant_id=tenant_id, name=name, directory_id=directory_id
    )
    tenant = world.catalog.tenant(tenant_id)
    tenant.upkeep.restore(BucketContents(tenant=lost, data_keys=[], snapshots=[], uncommitted={}, jobs=set()))
    return tenant


@pytest.mark.parametrize("directory_id", [GUID, GUID.upper()])
def test_a_directory_is_connected_once_in_any_case_and_the_error_names_its_tenant(
    world: World, directory_id: str
) -> None:
    world.add("acme", GUID)
    error = refusal_to_add(world, "second", directory_id)
    assert error.code is Code.DIRECTORY_EXISTS
    assert "the tenant acme" in error.message
    assert [tenant.name for tenant in world.catalog.tenants()] == ["acme"]
    assert world.count("data_keys") == 1


@pytest.mark.postgresql
def test_one_of_many_concurrent_connections_of_a_directory_succeeds(world: World) -> None:
    catalogs = [world.another() for _ in range(4)]

    def add(number: int, catalog: Catalog) -> Code | None:
        try:
            world.add(f"t{number}", GUID, catalog=catalog)
        except Refuse as error:
            return error.code
        return None

    with ThreadPoolExecutor(len(catalogs)) as pool:
        outcomes = list(pool.map(add, range(len(catalogs)), catalogs))
    assert sorted(outcomes, key=str) == [Code.DIRECTORY_EXISTS] * 3 + [None]
    assert len(world.catalog.tenants()) == 1


def test_a_directory_of_a_removed_tenant_can_be_connected_again(world: World) -> None:
    world.add("acme", GUID).remove()
    world.add("again", GUID)
    assert [event["action"] for event in installation_events(world)] == [
        "tenant.added",
        "tenant.removed",
        "tenant.added",
    ]


@pytest.mark.postgresql
def test_a_directory_removed_under_a_customer_key_returns_only_by_audited_consent(world: World) -> None:
    acme = world.add("acme", GUID)
    switch_to_customer_key(world, acme)
    acme.remove()
    error = refusal_to_add(world, "again", GUID.upper())
    assert error.code is Code.DIRECTORY_WITHHELD
    assert all(words in error.message for words in ("acme", OTHER_ARN, "--again"))
    second = world.add("again", GUID.upper(), readd=True)
    assert refusal_to_add(world, "third", readd=True).code is Code.DIRECTORY_EXISTS
    event = installation_events(world)[-1]
    assert (event["action"], event["subject"]) == (
        "directory.added-again",
        {"tenant": second.tenant_id, "former": acme.tenant_id},
    )
    assert event["detail"] == {
        "name": "again",
        "directory_id": GUID.upper(),
        "former_name": "acme",
        "former_arn": OTHER_ARN,
    }
    second.remove()
    assert refusal_to_add(world, "fourth").code is Code.DIRECTORY_WITHHELD


def test_rebuilt_tenants_of_one_directory_stay_and_block_a_further_tenant(world: World) -> None:
    acme = world.add("acme", GUID)
    older = rebuild_tenant(world, "older", GUID.upper())
    assert refusal_to_add(world, "third").code is Code.DIRECTORY_EXISTS
    acme.remove()
    assert [row["claimed_directory"] for row in world.rows("tenants") if row["name"] == "older"] == [GUID]
    assert "older" in refusal_to_add(world, "third").message
    older.remove()
    world.add("third", GUID)


@pytest.mark.postgresql
def test_a_rebuilt_tenant_gets_no_credential_while_another_uses_its_directory(world: World) -> None:
    acme = world.add("acme", GUID)
    older = rebuild_tenant(world, "older", GUID.upper())
    other = rebuild_tenant(world, "other", new_id())
    values = {"client_id": new_id(), "kind": CredentialKind.SECRET, "sealed": sealed()}
    with pytest.raises(Refuse) as caught:
        older.update(**values)
    assert (caught.value.code, "acme" in caught.value.message) == (Code.DIRECTORY_EXISTS, True)
    for tenant in (acme, acme, other):
        tenant.update(**values)
    acme.remove()
    older.update(**values)


@pytest.mark.postgresql
def test_the_installation_chain_belongs_to_no_tenant_and_resumes_after_a_lost_head(world: World) -> None:
    world.add("acme", GUID)
    for name in (INSTALLATION, "(installation)"):
        with pytest.raises(Refuse) as caught:
            world.catalog.find_audited(name)
        assert caught.value.code is Code.NO_SUCH_TENANT
    audit = world.catalog.tenant(INSTALLATION).audit
    head = audit.head()
    assert head is not None
    lost = msgspec.structs.replace(head, number=7, hash="7" * 64)
    audit.resume(lost)
    entries = list(all_entries(audit))
    assert [entry.number for entry in entries] == [1, 8]
    assert verify_chain(INSTALLATION, entries, [lost], audit.head()).lost == [(2, 7)]
