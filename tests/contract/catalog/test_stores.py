"""The blob store of the catalog: chosen once, confirmed by its mark, or adopted by a command."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.domain.audit import Action, event_of
from shared.ports.catalog.stores import KnownStore
from tests.contract.catalog.world import World

A, B = "a" * 36, "b" * 36


@pytest.mark.postgresql
def test_one_of_several_concurrent_choices_of_a_store_wins(world: World) -> None:
    assert world.catalog.stores().known_stores() is None
    ids = [f"{n}" * 36 for n in range(4)]
    catalogs = [world.another() for _ in ids]
    with ThreadPoolExecutor(4) as pool:
        chosen = list(pool.map(lambda n: catalogs[n].stores().choose(ids[n], f"place:{n}"), range(4)))
    assert {each.store_id for each in chosen} == {chosen[0].store_id}
    assert not any(each.marked for each in chosen)


def test_a_mark_replaces_a_chosen_store_id_but_not_an_id_confirmed_by_a_mark(world: World) -> None:
    stores = world.catalog.stores()
    stores.choose(A, "here:")
    stores.record_mark(B, "there:")
    assert stores.known_stores() == KnownStore(store_id=B, place="there:", marked=True)
    stores.record_mark(A, "here:")
    assert stores.known_stores() == KnownStore(store_id=B, place="there:", marked=True)
    stores.record_mark(B, "here:")
    assert stores.known_stores() == KnownStore(store_id=B, place="here:", marked=True)


@pytest.mark.postgresql
def test_adopting_a_store_replaces_the_known_store_and_is_audited_for_each_tenant(world: World) -> None:
    tenants = [world.add("acme"), world.add("other")]
    stores = world.catalog.as_actor("ada").stores()
    stores.record_mark(A, "here:")
    stores.adopt(B, "there:")
    assert stores.known_stores() == KnownStore(store_id=B, place="there:", marked=True)
    for tenant in tenants:
        event = event_of(tenant.audit.recent(1)[0])
        assert (event.action, event.actor) == (Action.STORE_ADOPTED, "ada")
        assert event.detail == {"store": B, "before": A, "place": "there:"}
