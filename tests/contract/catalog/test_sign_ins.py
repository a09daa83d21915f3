"""Sign-ins in SQL: who a cookie is, what ends one, and how failed tries slow the next ones."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import event

from shared.domain.access import Grant, Role
from shared.domain.errors import Code, Refuse
from shared.domain.people import IDLE, Means, SignIn
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.test_people import actions, person
from tests.contract.catalog.test_queries import recorded_statements
from tests.contract.catalog.world import NOW, World, new_id

TIMES = {"begun_at": NOW, "seen_at": NOW, "expires_at": NOW + timedelta(hours=8)}


def sign_in(**values: object) -> SignIn:
    defaults = {"sign_in_id": new_id(), "means": Means.PASSKEY, "confirmed_at": NOW, "address": "::1", "browser": "B"}
    return SignIn(**{**defaults, **TIMES, **values})  # type: ignore[arg-type]


@pytest.mark.postgresql
def test_a_cookie_leads_to_sign_in_person_and_grants(world: World, acme: TenantCatalog) -> None:
    lasting = Grant(role=Role.VIEWER, tenant_id=acme.tenant_id)
    lent = Grant(role=Role.ADMIN, tenant_id=acme.tenant_id, until=NOW + timedelta(minutes=1))
    ana, begun = person(world, "ana", lasting, lent), sign_in()
    world.catalog.sign_ins().begin(ana.person_id, "hash", begun)
    known = world.catalog.sign_ins().identify("hash", NOW)
    assert known is not None
    assert (known.sign_in, known.person, set(known.grants)) == (begun, ana, {lasting, lent})
    later = world.catalog.sign_ins().identify("hash", NOW + timedelta(minutes=1))
    assert later is not None
    assert later.grants == (lasting,)
    assert world.catalog.sign_ins().identify("another", NOW) is None
    detail = world.catalog.people().get(ana.person_id)
    assert (detail.signed_in_at, detail.seen_at) == (NOW, NOW)
    assert actions(world)[-1] == "sign-in.begun"


def test_a_person_without_grants_is_known(world: World) -> None:
    world.catalog.sign_ins().begin(person(world).person_id, "hash", sign_in())
    known = world.catalog.sign_ins().identify("hash", NOW)
    assert known is not None
    assert known.grants == ()


def test_a_cookie_is_identified_by_one_query(world: World) -> None:
    ana = person(world, "ana", Grant(role=Role.OPERATOR, tenant_id=None))
    world.catalog.sign_ins().begin(ana.person_id, "hash", sign_in())
    world.catalog.sign_ins().identify("hash", NOW)
    statements: list[str] = []
    engine = world.catalog._database._engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda *values: statements.append(values[2]))
    world.catalog.sign_ins().identify("hash", NOW)
    assert [statement.split()[0] for statement in statements] == ["BEGIN", "SELECT"]


@pytest.mark.postgresql
def test_many_sign_ins_are_looked_up_in_one_query(world: World, acme: TenantCatalog) -> None:
    grants = (Grant(role=Role.OPERATOR, tenant_id=None), Grant(role=Role.VIEWER, tenant_id=acme.tenant_id))
    ana, bob = person(world, "ana", *grants), person(world, "bob")
    sign_ins, first, second, over = world.catalog.sign_ins(), sign_in(), sign_in(), sign_in(expires_at=NOW)
    for number, (owner, each) in enumerate(((ana, first), (bob, second), (bob, over))):
        sign_ins.begin(owner.person_id, f"hash{number}", each)
    with recorded_statements() as statements:
        known = sign_ins.current([first.sign_in_id, second.sign_in_id, over.sign_in_id, new_id()], NOW)
    assert len([each for each in statements if "sign_ins" in each]) == 1
    assert known == {
        first.sign_in_id: sign_ins.identify("hash0", NOW),
        second.sign_in_id: sign_ins.identify("hash1", NOW),
    }
    sign_ins.renew("hash0", "new", NOW)
    assert first.sign_in_id in sign_ins.current([first.sign_in_id], NOW), "a confirmation keeps the id"


@pytest.mark.postgresql
def test_a_sign_in_ends_after_its_time_or_without_requests(world: World) -> None:
    sign_ins, ana = world.catalog.sign_ins(), person(world)
    sign_ins.begin(ana.person_id, "hash", sign_in())
    assert sign_ins.identify("hash", NOW + IDLE) is None
    sign_ins.note_seen("hash", NOW + timedelta(minutes=20))
    assert sign_ins.identify("hash", NOW + IDLE) is not None
    sign_ins.note_seen("hash", NOW + timedelta(hours=8) - timedelta(seconds=1))
    assert sign_ins.identify("hash", NOW + timedelta(hours=8)) is None
    assert world.catalog.people().get(ana.person_id).seen_at == NOW + timedelta(hours=8) - timedelta(seconds=1)


@pytest.mark.postgresql
def test_a_confirmation_replaces_the_cookie(world: World) -> None:
    sign_ins = world.catalog.sign_ins()
    sign_ins.begin(person(world).person_id, "hash", sign_in(confirmed_at=None))
    later = NOW + timedelta(minutes=10)
    assert sign_ins.renew("hash", "new", later)
    assert sign_ins.identify("hash", later) is None
    known = sign_ins.identify("new", later)
    assert known is not None
    assert known.sign_in.confirmed(later)
    assert not sign_ins.renew("hash", "third", later)
    assert not sign_ins.renew("new", "third", later + IDLE)


@pytest.mark.postgresql
def test_sign_ins_are_listed_and_ended(world: World) -> None:
    sign_ins, ana, bob = world.catalog.sign_ins(), person(world, "ana"), person(world, "bob")
    begun = [sign_in(begun_at=NOW + timedelta(seconds=n)) for n in range(3)]
    for number, each in enumerate(begun):
        sign_ins.begin(ana.person_id, f"hash{number}", each)
    sign_ins.begin(bob.person_id, "bobs", sign_in())
    assert sign_ins.of_person(ana.person_id, NOW) == begun[::-1]
    assert not sign_ins.end(bob.person_id, begun[0].sign_in_id)
    assert sign_ins.end(ana.person_id, begun[0].sign_in_id)
    assert sign_ins.end_all(ana.person_id, but=begun[2].sign_in_id) == 1
    assert sign_ins.of_person(ana.person_id, NOW) == [begun[2]]
    assert sign_ins.end_all(ana.person_id) == 1
    assert sign_ins.end_all(ana.person_id) == 0
    assert sign_ins.identify("bobs", NOW) is not None
    assert actions(world)[-3:] == ["sign-in.ended"] * 3


def test_a_break_glass_sign_in_is_an_event_of_its_own(world: World) -> None:
    glass = world.catalog.people().add(new_id(), "glass", break_glass=True)
    world.catalog.sign_ins().begin(glass.person_id, "hash", sign_in())
    assert actions(world)[-2:] == ["sign-in.begun", "break-glass.used"]


def test_the_sign_in_of_a_removed_person_is_refused_and_ends(world: World) -> None:
    ana = person(world)
    world.catalog.sign_ins().begin(ana.person_id, "hash", sign_in())
    world.catalog.people().remove(ana.person_id)
    assert world.catalog.sign_ins().identify("hash", NOW) is None
    with pytest.raises(Refuse) as caught:
        world.catalog.sign_ins().begin(ana.person_id, "hash", sign_in())
    assert caught.value.code is Code.NO_SUCH_PERSON


@pytest.mark.postgresql
def test_the_sixth_failed_try_waits_and_waits_double(world: World) -> None:
    tries, names = world.catalog.tries(), ("handle:ana", "address:::1")
    assert [tries.begin(names) for _ in range(5)] == [timedelta(0)] * 5
    assert timedelta(0) < tries.begin(names) <= timedelta(seconds=15)
    assert timedelta(0) < tries.begin(["handle:ana"]) <= timedelta(seconds=15)
    assert tries.begin(["handle:bob"]) == timedelta(0)
    world.pass_time(15)
    assert tries.begin(names) == timedelta(0)
    assert timedelta(seconds=15) < tries.begin(names) <= timedelta(seconds=30)
    assert actions(world) == ["sign-in.slowed", "sign-in.slowed"]


@pytest.mark.postgresql
def test_a_success_forgets_the_handles_tries_and_half_of_those_of_the_address(world: World) -> None:
    tries, names = world.catalog.tries(), ("handle:ana", "address:::1")
    for _ in range(4):
        tries.begin(["address:::1"])
    tries.begin(names)
    tries.succeed(*names)
    assert {row["who"]: row["failed"] for row in world.rows("tries")} == {"address:::1": 2}


def test_tries_are_forgotten_after_an_hour(world: World) -> None:
    for _ in range(5):
        world.catalog.tries().begin(["handle:ana"])
    world.pass_time(3601)
    world.catalog.tries().begin(["handle:bob"])
    assert [row["who"] for row in world.rows("tries")] == ["handle:bob"]


@pytest.mark.postgresql
def test_concurrent_tries_are_counted_one_by_one(world: World) -> None:
    results: list[timedelta] = []

    def guess(catalog: Catalog) -> None:
        results.extend(catalog.tries().begin(["handle:ana", "address:::1"]) for _ in range(4))

    threads = [threading.Thread(target=guess, args=(world.another(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wait == timedelta(0) for wait in results) == 5


@pytest.mark.postgresql
def test_recent_sign_ins_for_break_glass_are_known(world: World) -> None:
    safe = world.catalog.people().add(new_id(), "safe", break_glass=True)
    for each in (safe, person(world, "ana")):
        world.catalog.sign_ins().begin(each.person_id, new_id(), sign_in())
    people = world.catalog.people()
    assert people.used_break_glass(NOW - timedelta(days=1)) == [("safe", NOW)]
    assert people.used_break_glass(NOW + timedelta(days=1)) == []
