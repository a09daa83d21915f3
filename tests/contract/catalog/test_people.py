"""People and their grants in SQL: who is added, what ends by itself, and what can never be removed."""

import threading
from datetime import timedelta

import pytest

from shared.domain.access import Grant, Role
from shared.domain.errors import Code, Refuse
from shared.domain.people import Identity, Person
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import NOW, World, new_id

LATER = NOW + timedelta(days=3650)
OPERATOR = Grant(role=Role.OPERATOR, tenant_id=None)


def person(world: World, handle: str = "ana", *grants: Grant, way: bool = False) -> Person:
    added = world.catalog.people().add(new_id(), handle, grants=grants, reason="INC-1")
    if way:
        world.catalog.ways().add(added.person_id, Identity(authority="t", subject=handle))
    return added


def actions(world: World, tenant: TenantCatalog | None = None) -> list[str]:
    """Return the actions in the installation's audit chain or a tenant's, oldest first."""
    chain = tenant.audit if tenant else world.catalog.tenant("00000000-0000-0000-0000-000000000000").audit
    return [line.split('"action":"')[1].split('"')[0] for line in (entry.line for entry in chain.entries())]


@pytest.mark.postgresql
def test_a_person_is_listed_with_grants_and_ways_to_sign_in(world: World, acme: TenantCatalog) -> None:
    people = world.catalog.as_actor("ops@host").people()
    assert not people.exist()
    lent = Grant(role=Role.VIEWER, tenant_id=acme.tenant_id, until=LATER)
    ana = people.add(new_id(), "ana", break_glass=True, grants=[OPERATOR, lent], reason="INC-1")
    world.catalog.ways().add(ana.person_id, Identity(authority="t", subject="o"))
    assert people.exist()
    assert people.find("ana") == ana
    (detail,) = people.all(NOW)
    assert detail == people.get(ana.person_id)
    assert detail.person == ana
    assert {(each.grant, each.tenant, each.by, each.reason) for each in detail.grants} == {
        (OPERATOR, None, "ops@host", "INC-1"),
        (lent, "acme", "ops@host", "INC-1"),
    }
    assert detail.ways.identities == (Identity(authority="t", subject="o"),)
    assert (detail.ways.passkeys, detail.ways.password, detail.ways.codes) == (0, False, 0)
    assert (detail.seen_at, detail.signed_in_at, detail.invited_until) == (None, None, None)
    assert set(people.grants(ana.person_id, NOW)) == {OPERATOR, lent}
    assert actions(world)[-2:] == ["grant.given", "way.added"]
    assert actions(world, acme)[-1] == "grant.given"


@pytest.mark.postgresql
def test_a_tenant_lists_the_people_whose_grants_cover_it(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    person(world, "everywhere", OPERATOR)
    person(world, "acmes", Grant(role=Role.VIEWER, tenant_id=acme.tenant_id))
    person(world, "others", Grant(role=Role.VIEWER, tenant_id=other.tenant_id))
    person(world, "ended", Grant(role=Role.VIEWER, tenant_id=acme.tenant_id, until=NOW))
    listed = world.catalog.people().all(NOW, acme.tenant_id)
    assert {detail.person.handle for detail in listed} == {"everywhere", "acmes"}
    assert [detail.person.handle for detail in world.catalog.people().all(NOW)] == [
        "ended",
        "others",
        "acmes",
        "everywhere",
    ]


def test_a_handle_belongs_to_one_person(world: World) -> None:
    person(world)
    with pytest.raises(Refuse) as caught:
        person(world)
    assert caught.value.code is Code.PERSON_EXISTS


def test_unknown_people_and_tenants_are_refused(world: World) -> None:
    people = world.catalog.people()
    ana = person(world)
    for call in (
        lambda: people.find("nobody"),
        lambda: people.get(new_id()),
        lambda: people.remove(new_id()),
        lambda: people.take(new_id(), Role.VIEWER, None),
        lambda: people.give(new_id(), OPERATOR, ""),
    ):
        with pytest.raises(Refuse) as caught:
            call()
        assert caught.value.code is Code.NO_SUCH_PERSON
    stranger = Grant(role=Role.VIEWER, tenant_id=new_id())
    for refused in (lambda: people.give(ana.person_id, stranger, ""), lambda: person(world, "bob", stranger)):
        with pytest.raises(Refuse) as caught:
            refused()
        assert caught.value.code is Code.NO_SUCH_TENANT
    assert [detail.person.handle for detail in people.all(NOW)] == ["ana"]


@pytest.mark.postgresql
def test_a_grant_replaces_the_one_of_the_same_role_and_tenant(world: World, acme: TenantCatalog) -> None:
    people = world.catalog.people()
    ana = person(world, "ana", Grant(role=Role.VIEWER, tenant_id=acme.tenant_id))
    lent = Grant(role=Role.VIEWER, tenant_id=acme.tenant_id, until=LATER)
    people.give(ana.person_id, lent, "for a day")
    people.give(ana.person_id, Grant(role=Role.VIEWER, tenant_id=None), "")
    assert set(people.grants(ana.person_id, NOW)) == {lent, Grant(role=Role.VIEWER, tenant_id=None)}
    assert people.grants(ana.person_id, LATER) == (Grant(role=Role.VIEWER, tenant_id=None),)
    assert people.take(ana.person_id, Role.VIEWER, acme.tenant_id)
    assert not people.take(ana.person_id, Role.VIEWER, acme.tenant_id)
    assert actions(world, acme)[-3:] == ["grant.given", "grant.given", "grant.taken"]


@pytest.mark.postgresql
def test_removing_a_tenant_removes_its_grants_alone(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    kept = Grant(role=Role.VIEWER, tenant_id=other.tenant_id)
    ana = person(world, "ana", Grant(role=Role.VIEWER, tenant_id=acme.tenant_id), kept)
    acme.remove()
    assert world.catalog.people().grants(ana.person_id, NOW) == (kept,)


@pytest.mark.postgresql
def test_the_last_operator_who_can_sign_in_stays(world: World) -> None:
    people = world.catalog.people()
    ana = person(world, "ana", OPERATOR, way=True)
    person(world, "without-a-way", OPERATOR)
    lent = person(world, "lent", Grant(role=Role.OPERATOR, tenant_id=None, until=LATER), way=True)
    for call in (
        lambda: people.take(ana.person_id, Role.OPERATOR, None),
        lambda: people.remove(ana.person_id),
        lambda: people.give(ana.person_id, Grant(role=Role.OPERATOR, tenant_id=None, until=LATER), ""),
    ):
        with pytest.raises(Refuse) as caught:
            call()
        assert caught.value.code is Code.LAST_WAY_IN
    assert people.grants(ana.person_id, NOW) == (OPERATOR,)
    people.give(lent.person_id, OPERATOR, "spread")
    people.remove(ana.person_id)
    assert actions(world)[-1] == "person.removed"


@pytest.mark.postgresql
def test_two_operators_who_take_each_others_role_at_once_leave_one(world: World) -> None:
    both = [person(world, handle, OPERATOR, way=True) for handle in ("ana", "bob")]
    outcomes: list[str] = []

    def take(catalog: Catalog, other: Person) -> None:
        try:
            catalog.people().take(other.person_id, Role.OPERATOR, None)
            outcomes.append("taken")
        except Refuse as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=take, args=(world.another(), each)) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [Code.LAST_WAY_IN, "taken"]


def test_removing_a_person_removes_every_row_of_the_person(world: World, acme: TenantCatalog) -> None:
    ana = person(world, "ana", Grant(role=Role.VIEWER, tenant_id=acme.tenant_id), way=True)
    world.catalog.people().remove(ana.person_id)
    for table in ("people", "grants", "identities"):
        assert world.count(table) == 0
