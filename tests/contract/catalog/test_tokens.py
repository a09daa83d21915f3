"""Tokens in SQL: whose one is, when it ends, and what goes with it."""

from datetime import timedelta

import pytest

from shared.domain.access import Action, Grant, Role
from shared.domain.errors import Code, Refuse
from shared.domain.people import Token
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.test_people import actions, person
from tests.contract.catalog.world import NOW, World, new_id

LATER = NOW + timedelta(days=3650)


def token(**values: object) -> Token:
    defaults: dict[str, object] = {
        "token_id": new_id(),
        "name": "ci",
        "tenant_id": None,
        "tenant": None,
        "actions": (Action.BACKUP_ASK, Action.TENANT_SEE),
        "networks": ("192.0.2.0/24",),
        "person_id": None,
        "by": "ops@host",
        "made_at": NOW,
        "expires_at": LATER,
        "used_at": None,
    }
    return Token(**{**defaults, **values})  # type: ignore[arg-type]


@pytest.mark.postgresql
def test_a_token_leads_to_its_actions_and_its_makers_grants(world: World, acme: TenantCatalog) -> None:
    tokens, grant = world.catalog.tokens(), Grant(role=Role.ADMIN, tenant_id=acme.tenant_id)
    ana = person(world, "ana", grant, Grant(role=Role.VIEWER, tenant_id=None, until=NOW))
    hers = token(tenant_id=acme.tenant_id, tenant="acme", person_id=ana.person_id)
    hosts = token(name="host")
    tokens.add("hers", hers)
    tokens.add("hosts", hosts)
    use = tokens.identify("hers", NOW)
    assert use is not None
    assert (use.token, use.grants) == (hers, (grant,))
    use = tokens.identify("hosts", NOW)
    assert use is not None
    assert (use.token, use.grants) == (hosts, None)
    assert tokens.identify("hers", LATER) is None
    assert tokens.identify("another", NOW) is None
    assert actions(world, acme)[-1] == "token.made"
    assert actions(world)[-1] == "token.made"


@pytest.mark.postgresql
def test_tokens_are_listed_by_tenant_and_maker_and_ended(world: World, acme: TenantCatalog) -> None:
    tokens, ana = world.catalog.tokens(), person(world)
    of_acme, hers = (
        token(tenant_id=acme.tenant_id, tenant="acme"),
        token(person_id=ana.person_id, made_at=NOW + timedelta(seconds=1)),
    )
    tokens.add("acme", of_acme)
    tokens.add("hers", hers)
    tokens.note_used(hers.token_id, LATER)
    assert tokens.get(hers.token_id).used_at == LATER
    assert [each.token_id for each in tokens.all(NOW)] == [hers.token_id, of_acme.token_id]
    assert tokens.all(NOW, tenant_id=acme.tenant_id) == [of_acme]
    assert [each.token_id for each in tokens.all(NOW, person_id=ana.person_id)] == [hers.token_id]
    assert tokens.all(LATER) == []
    tokens.end(of_acme.token_id)
    assert tokens.identify("acme", NOW) is None
    with pytest.raises(Refuse) as caught:
        tokens.end(of_acme.token_id)
    assert caught.value.code is Code.NO_SUCH_TOKEN
    assert actions(world, acme)[-1] == "token.ended"


def test_a_name_belongs_to_one_valid_token_of_a_tenant(world: World, acme: TenantCatalog) -> None:
    tokens = world.catalog.tokens()
    tokens.add("old", token(expires_at=NOW))
    tokens.add("installation", token())
    tokens.add("acme", token(tenant_id=acme.tenant_id, tenant="acme"))
    with pytest.raises(Refuse, match="already"):
        tokens.add("again", token(tenant_id=acme.tenant_id, tenant="acme"))


@pytest.mark.postgresql
def test_tokens_go_with_their_tenant_and_their_maker(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    tokens, ana = world.catalog.tokens(), person(world)
    tokens.add("acme", token(tenant_id=acme.tenant_id, tenant="acme"))
    tokens.add("hers", token(tenant_id=other.tenant_id, person_id=ana.person_id))
    acme.remove()
    assert tokens.identify("acme", NOW) is None
    world.catalog.people().remove(ana.person_id)
    assert tokens.identify("hers", NOW) is None


def test_a_token_of_an_unknown_tenant_is_refused(world: World) -> None:
    with pytest.raises(Refuse) as caught:
        world.catalog.tokens().add("hash", token(tenant_id=new_id()))
    assert caught.value.code is Code.NO_SUCH_TENANT
