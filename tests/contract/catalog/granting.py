"""Rows of people and notice targets that belong to a tenant, for tests of the catalog."""

from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import NOW, World, new_id


def fill_rights(world: World, tenant: TenantCatalog) -> None:
    """Add a row to each table whose rows belong to a tenant or to the installation."""
    person, target, of_tenant = new_id(), new_id(), tenant.tenant_id
    world.insert("people", person_id=person, handle=new_id(), break_glass=False, created_at=NOW)
    grant = {"role": "viewer", "given_by": "ana", "reason": "", "given_at": NOW}
    world.insert("grants", grant_id=new_id(), person_id=person, tenant_id=of_tenant, **grant)
    token = {"hash": new_id(), "token_id": new_id(), "name": "ci", "actions": [], "networks": [], "made_by": "ana"}
    world.insert("tokens", tenant_id=of_tenant, person_id=person, made_at=NOW, expires_at=NOW, **token)
    sealed = {"data_key_id": "d" * 64, "data": b"sealed"}
    notices = {
        "name": "chat",
        "kind": "webhook",
        "place": "hooks.example",
        "notices": [],
        "made_by": "ana",
        "made_at": NOW,
    }
    world.insert("notice_targets", target_id=target, tenant_id=of_tenant, **notices, **sealed)
    world.insert("notices", tenant_id=of_tenant, notice_id=new_id(), notice="key.refused", body={}, made_at=NOW)
    delivery = {"source": "1", "notice": "key.refused", "body": {}, "made_at": NOW}
    world.insert("deliveries", delivery_id=new_id(), target_id=target, tenant_id=of_tenant, **delivery)
