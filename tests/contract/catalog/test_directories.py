"""One directory is one tenant, however it is written, and one removed under its owner's key comes back by consent alone."""

import json
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from shared.domain.audit import INSTALLATION
from shared.domain.audit_chain import verify_chain
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind, StepPlan
from shared.domain.model import CredentialKind, Tenant
from shared.engine.audit import all_entries
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.catalog.upkeep import BucketContents
from tests.contract.catalog.world import OTHER_ARN, World, new_id, sealed

GUID = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11"


def refused(world: World, name: str, directory_id: str = GUID, *, again: bool = False) -> Refuse:
    """What keeps the tenant from being added, which is the same before anything was done for it."""
    with pytest.raises(Refuse) as caught:
        world.add(name, directory_id, again=again)
    with pytest.raises(Refuse) as early:
        world.catalog.check_addable(name, directory_id, readd=again)
    assert early.value.message == caught.value.message
    return caught.value


def told(world: World) -> list[dict[str, object]]:
    """The events of the installation's chain, which fits."""
    audit = world.catalog.tenant(INSTALLATION).audit
    assert verify_chain(INSTALLATION, all_entries(audit), [], audit.head()).fault is None
    return [json.loads(entry.line) for entry in all_entries(audit)]


def under_its_own_key(world: World, tenant: TenantCatalog) -> None:
    tenant.customer_keys.allow()
    tenant.customer_keys.accept(actor="ada", version="1", sha256="a" * 64, arn=OTHER_ARN)
    job = world.planned(tenant, (StepPlan(phase=1, name="key-enable"),), kind=JobKind.KEY_ENABLE)
    tenant.customer_keys.switch(world.claim(tenant, job, "key-enable"), OTHER_ARN)


def brought_back(world: World, name: str, directory_id: str = GUID) -> TenantCatalog:
    """A tenant that a rebuild finds in the bucket, without its credential."""
    tenant_id = new_id()
    found: Tenant = msgspec.structs.replace(
        world.add(f"{name}-as-it-was").tenant(), tenant_id=tenant_id, name=name, directory_id=directory_id
    )
    tenant = world.catalog.tenant(tenant_id)
    tenant.upkeep.restore(BucketContents(tenant=found, data_keys=[], snapshots=[], uncommitted={}, jobs=set()))
    return tenant


@pytest.mark.parametrize("written", [GUID, GUID.upper()])
def test_a_directory_is_connected_once_in_whatever_case_and_its_tenant_is_named(world: World, written: str) -> None:
    world.add("acme", GUID)
    error = refused(world, "second", written)
    assert error.code is Code.DIRECTORY_EXISTS
    assert "the tenant acme" in error.message
    assert [tenant.name for tenant in world.catalog.tenants()] == ["acme"]
    assert world.count("data_keys") == 1


def test_of_many_that_connect_a_directory_at_once_one_does(world: World) -> None:
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


def test_a_directory_whose_tenant_is_gone_is_connected_again_without_a_word(world: World) -> None:
    world.add("acme", GUID).remove()
    world.add("again", GUID)
    assert [event["action"] for event in told(world)] == ["tenant.added", "tenant.removed", "tenant.added"]


def test_a_directory_removed_under_its_owners_key_is_added_again_by_consent_which_is_audited(world: World) -> None:
    acme = world.add("acme", GUID)
    under_its_own_key(world, acme)
    acme.remove()
    error = refused(world, "again", GUID.upper())
    assert error.code is Code.DIRECTORY_WITHHELD
    assert all(said in error.message for said in ("acme", OTHER_ARN, "--again"))
    again = world.add("again", GUID.upper(), again=True)
    assert refused(world, "third", again=True).code is Code.DIRECTORY_EXISTS
    event = told(world)[-1]
    assert (event["action"], event["subject"]) == (
        "directory.added-again",
        {"tenant": again.tenant_id, "former": acme.tenant_id},
    )
    assert event["detail"] == {
        "name": "again",
        "directory_id": GUID.upper(),
        "former_name": "acme",
        "former_arn": OTHER_ARN,
    }
    again.remove()
    assert refused(world, "fourth").code is Code.DIRECTORY_WITHHELD


def test_tenants_of_one_directory_that_a_rebuild_finds_stay_and_none_is_added(world: World) -> None:
    acme = world.add("acme", GUID)
    older = brought_back(world, "older", GUID.upper())
    assert refused(world, "third").code is Code.DIRECTORY_EXISTS
    acme.remove()
    assert [row["claimed_directory"] for row in world.rows("tenants") if row["name"] == "older"] == [GUID]
    assert "older" in refused(world, "third").message
    older.remove()
    world.add("third", GUID)


def test_a_tenant_that_a_rebuild_finds_gets_no_credential_beside_one_that_works(world: World) -> None:
    acme = world.add("acme", GUID)
    older = brought_back(world, "older", GUID.upper())
    other = brought_back(world, "other", new_id())
    values = {"client_id": new_id(), "kind": CredentialKind.SECRET, "sealed": sealed()}
    with pytest.raises(Refuse) as caught:
        older.update(**values)
    assert (caught.value.code, "acme" in caught.value.message) == (Code.DIRECTORY_EXISTS, True)
    for tenant in (acme, acme, other):
        tenant.update(**values)
    acme.remove()
    older.update(**values)


def test_the_installations_chain_is_no_tenants_and_goes_on_behind_a_head_that_sql_has_lost(world: World) -> None:
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
