"""Who may add whom and give what: nobody gets more by asking than the table of roles allows."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.domain.access import Action, Grant, Role, may
from shared.domain.errors import Code, Refuse
from shared.domain.people import Identity, Means, Person
from shared.engine.access import people, tokens
from shared.engine.access.people import Asker, WantedGrant
from shared.engine.access.sign_in import Origin, begin, hash_of
from tests.contract.catalog.world import World
from tests.migrated import migrated_file

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
HOST = Asker(actor="ops@host")
HERE = Origin(address="192.0.2.1", browser="")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(migrated_file(tmp_path / "catalog.sqlite3"))
    world.add("acme")
    world.add("other")
    yield world
    world.close()


def wanted(role: Role, tenant: str | None = None, until: datetime | None = None) -> WantedGrant:
    return WantedGrant(role=role, tenant=tenant, until=until)


def added(world: World, handle: str, *grants: WantedGrant) -> Person:
    return people.add(world.catalog, HOST, handle, grants, NOW)


def asker(world: World, handle: str) -> Asker:
    person = world.catalog.people().find(handle)
    return Asker(actor=f"person:{handle}", grants=world.catalog.people().grants(person.person_id, NOW))


def refused(code: Code, call: Callable[[], object]) -> Refuse:
    with pytest.raises(Refuse) as caught:
        call()
    assert caught.value.code is code
    return caught.value


def test_an_operator_makes_operators_and_gives_no_role_of_a_tenant(world: World) -> None:
    added(world, "ops", wanted(Role.OPERATOR))
    ops = asker(world, "ops")
    people.add(world.catalog, ops, "second", [wanted(Role.OPERATOR)], NOW)
    people.add(world.catalog, ops, "plain", [], NOW)
    for role in set(Role) - {Role.OPERATOR}:
        for tenant in ("acme", None):
            refused(Code.NOT_ALLOWED, lambda: people.give(world.catalog, ops, "ops", wanted(role, tenant), NOW))  # noqa: B023
    assert [given.grant.role for given in people._detail(world.catalog, "ops").grants] == [Role.OPERATOR]


def test_an_admin_gives_and_takes_roles_in_the_own_tenant_alone(world: World) -> None:
    added(world, "ana", wanted(Role.ADMIN, "acme"))
    added(world, "bob", wanted(Role.OPERATOR), wanted(Role.VIEWER, "other"))
    ana = asker(world, "ana")
    lent = people.give(world.catalog, ana, "Bob", wanted(Role.VIEWER, "acme", LATER), NOW, reason=" INC-1 ")
    assert {(each.grant.role, each.tenant, each.grant.until, each.by, each.reason) for each in lent.grants} == {
        (Role.OPERATOR, None, None, "ops@host", ""),
        (Role.VIEWER, "other", None, "ops@host", ""),
        (Role.VIEWER, "acme", LATER, "person:ana", "INC-1"),
    }
    people.take(world.catalog, ana, "bob", Role.VIEWER, "acme", NOW)
    for grant in (wanted(Role.VIEWER, "other"), wanted(Role.VIEWER), wanted(Role.OPERATOR)):
        refused(Code.NOT_ALLOWED, lambda: people.give(world.catalog, ana, "ana", grant, NOW))  # noqa: B023
    refused(Code.NOT_ALLOWED, lambda: people.take(world.catalog, ana, "bob", Role.VIEWER, "other", NOW))
    refused(Code.NOT_ALLOWED, lambda: people.remove(world.catalog, ana, "bob", NOW))
    refused(Code.WRONG_USE, lambda: people.take(world.catalog, ana, "bob", Role.VIEWER, "acme", NOW))


def test_an_admin_adds_people_with_a_role_in_the_own_tenant(world: World) -> None:
    added(world, "ana", wanted(Role.ADMIN, "acme"))
    ana = asker(world, "ana")
    people.add(world.catalog, ana, "viewer", [wanted(Role.VIEWER, "acme")], NOW)
    assert people.invite(world.catalog, ana, "viewer", NOW).invitation.by == "person:ana"
    refused(Code.NOT_ALLOWED, lambda: people.add(world.catalog, ana, "nobody", [], NOW))
    one = [wanted(Role.VIEWER, "acme")]
    refused(Code.NOT_ALLOWED, lambda: people.add(world.catalog, ana, "glass", one, NOW, break_glass=True))


def test_an_invitation_never_gives_more_than_its_maker_could_give(world: World) -> None:
    added(world, "ana", wanted(Role.ADMIN, "acme"))
    added(world, "ops", wanted(Role.OPERATOR))
    added(world, "both", wanted(Role.VIEWER, "acme"), wanted(Role.OPERATOR))
    added(world, "nothing")
    ana, ops = asker(world, "ana"), asker(world, "ops")
    for who in (ana, ops):
        refused(Code.NOT_ALLOWED, lambda: people.invite(world.catalog, who, "both", NOW))  # noqa: B023
    refused(Code.NOT_ALLOWED, lambda: people.invite(world.catalog, ana, "nothing", NOW))
    people.invite(world.catalog, ops, "nothing", NOW)
    people.invite(world.catalog, HOST, "both", NOW)


def test_whoever_can_sign_in_is_invited_again_by_the_host_alone(world: World) -> None:
    ops = added(world, "ops", wanted(Role.OPERATOR))
    world.catalog.ways().add(ops.person_id, Identity(authority="t", subject="o"))
    sentence = refused(Code.NOT_ALLOWED, lambda: people.invite(world.catalog, asker(world, "ops"), "ops", NOW)).message
    assert "people reset ops" in sentence
    people.invite(world.catalog, HOST, "ops", NOW)


def test_a_reset_removes_ways_and_sign_ins_and_invites(world: World) -> None:
    ops = added(world, "ops", wanted(Role.OPERATOR))
    world.catalog.ways().add(ops.person_id, Identity(authority="t", subject="o"))
    cookie = begin(world.catalog, ops, Means.PROVIDER, HERE, NOW).cookie
    invited = people.reset(world.catalog, "ops@host", "OPS", NOW)
    assert world.catalog.sign_ins().identify(hash_of(cookie), NOW) is None
    assert world.catalog.ways().invitation(hash_of(invited.code), NOW) == invited.invitation


def test_sign_ins_are_ended_by_operators_and_admins_of_the_persons_tenants(world: World) -> None:
    bob = added(world, "bob", wanted(Role.VIEWER, "acme"))
    added(world, "ana", wanted(Role.ADMIN, "acme"))
    added(world, "eve", wanted(Role.ADMIN, "other"))
    added(world, "ops", wanted(Role.OPERATOR))
    for allowed in ("ana", "ops"):
        begin(world.catalog, bob, Means.PASSKEY, HERE, NOW)
        begin(world.catalog, bob, Means.PASSKEY, HERE, NOW)
        (first, _) = world.catalog.sign_ins().of_person(bob.person_id, NOW)
        one = people.end_sign_ins(world.catalog, asker(world, allowed), "bob", NOW, sign_in_id=first.sign_in_id)
        assert one == 1
        assert people.end_sign_ins(world.catalog, asker(world, allowed), "bob", NOW) == 1
    refused(Code.NOT_ALLOWED, lambda: people.end_sign_ins(world.catalog, asker(world, "eve"), "bob", NOW))


@pytest.mark.parametrize(
    ("grant", "code"),
    [
        (wanted(Role.OPERATOR, "acme"), Code.WRONG_USE),
        (wanted(Role.VIEWER, "acme", NOW), Code.WRONG_USE),
        (wanted(Role.VIEWER, "nowhere"), Code.NO_SUCH_TENANT),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(world: World, grant: WantedGrant, code: Code) -> None:
    refused(code, lambda: people.add(world.catalog, HOST, "ana", [grant], NOW))
    assert world.catalog.people().all(NOW) == []


def make(world: World, who: Asker, *actions: str, tenant: str | None = "acme", **values: object) -> tokens.MadeToken:
    name = str(values.pop("name", "ci"))
    arguments = {"expires_at": LATER, **values}
    return tokens.make(world.catalog, who, name, tenant, actions, now=NOW, **arguments)  # type: ignore[arg-type]


def test_a_token_is_identified_by_its_text_alone(world: World) -> None:
    made = make(world, HOST, "backup.ask", "tenant.see", networks=["192.0.2.0/24"])
    assert made.text.startswith("ek1_")
    assert made.token.actions == (Action.TENANT_SEE, Action.BACKUP_ASK)
    use = tokens.identify(world.catalog, made.text, "192.0.2.9", NOW)
    assert use.token == made.token
    assert world.catalog.tokens().get(made.token.token_id).used_at == NOW
    refused(Code.NOT_ALLOWED, lambda: tokens.identify(world.catalog, made.text, "198.51.100.1", NOW))
    for text in ("", "ek1_", made.text[:-1] + ("a" if made.text[-1] != "a" else "b"), f" {made.text}", "x" * 10_000):
        refused(Code.NOT_SIGNED_IN, lambda: tokens.identify(world.catalog, text, "192.0.2.9", NOW))  # noqa: B023
    refused(Code.NOT_SIGNED_IN, lambda: tokens.identify(world.catalog, made.text, "192.0.2.9", LATER))
    assert made.text not in "".join(str(row) for row in world.rows("tokens"))


def test_a_token_never_does_more_than_its_maker_may_at_that_moment(world: World) -> None:
    ana = added(world, "ana", wanted(Role.ADMIN, "acme"), wanted(Role.RESTORER, "acme", NOW + timedelta(hours=1)))
    made = make(world, asker(world, "ana"), "schedule.set", "content.read", person_id=ana.person_id)
    acme, other = world.catalog.find("acme").tenant_id, world.catalog.find("other").tenant_id

    def use(now: datetime) -> set[Action]:
        found = tokens.identify(world.catalog, made.text, "::1", now)
        return {action for action in Action if found.may(action, acme, now)}

    assert use(NOW) == {Action.SCHEDULE_SET, Action.CONTENT_READ}
    assert use(NOW + timedelta(hours=1)) == {Action.SCHEDULE_SET}
    assert not tokens.identify(world.catalog, made.text, "::1", NOW).may(Action.SCHEDULE_SET, other, NOW)
    people.take(world.catalog, HOST, "ana", Role.ADMIN, "acme", NOW)
    assert use(NOW + timedelta(hours=1)) == set()


def test_a_token_carries_no_action_beyond_its_makers_and_none_that_tokens_never_carry(world: World) -> None:
    added(world, "vic", wanted(Role.VIEWER, "acme"))
    vic = asker(world, "vic")
    assert tokens.offered(vic, world.catalog.find("acme").tenant_id, NOW) == (Action.TENANT_SEE, Action.CONTENT_READ)
    refused(Code.NOT_ALLOWED, lambda: make(world, vic, "backup.ask"))
    refused(Code.NOT_ALLOWED, lambda: make(world, vic, "tenant.see", tenant="other"))
    refused(Code.NOT_ALLOWED, lambda: make(world, HOST, "fleet.see"))
    for action in ("key.enable", "people.grant", "token.make", "tenant.remove", "plan.approve", "<b>", "self.see"):
        refused(Code.WRONG_USE, lambda: make(world, HOST, action))  # noqa: B023
    refused(Code.WRONG_USE, lambda: make(world, HOST))
    for end in (NOW, NOW + timedelta(days=366)):
        refused(Code.WRONG_USE, lambda: make(world, HOST, "tenant.see", expires_at=end))  # noqa: B023
    assert make(world, HOST, "fleet.see", tenant=None).token.tenant_id is None


def test_a_token_is_ended_by_its_maker_and_by_an_admin(world: World) -> None:
    vic = added(world, "vic", wanted(Role.VIEWER, "acme"))
    added(world, "eve", wanted(Role.ADMIN, "other"))
    added(world, "ana", wanted(Role.ADMIN, "acme"))
    begun = begin(world.catalog, vic, Means.PASSKEY, HERE, NOW)
    signed_in = world.catalog.sign_ins().identify(hash_of(begun.cookie), NOW)
    assert signed_in is not None
    vics = make(world, asker(world, "vic"), "tenant.see", person_id=vic.person_id).token
    hosts = make(world, HOST, "tenant.see", name="host").token
    refused(Code.NO_SUCH_TOKEN, lambda: tokens.end(world.catalog, asker(world, "eve"), vics.token_id, NOW))
    tokens.end(world.catalog, people.asker_of(signed_in), vics.token_id, NOW, signed_in=signed_in)
    refused(
        Code.NO_SUCH_TOKEN,
        lambda: tokens.end(world.catalog, people.asker_of(signed_in), hosts.token_id, NOW, signed_in=signed_in),
    )
    assert tokens.find(world.catalog, "host", "acme", NOW) == hosts
    tokens.end(world.catalog, asker(world, "ana"), hosts.token_id, NOW)
    refused(Code.NO_SUCH_TOKEN, lambda: tokens.find(world.catalog, "host", "acme", NOW))


def test_a_lent_role_ends_by_itself(world: World) -> None:
    bob = added(world, "bob", wanted(Role.VIEWER, "acme", NOW + timedelta(hours=2)))
    acme = world.catalog.find("acme").tenant_id
    grants: tuple[Grant, ...] = world.catalog.people().grants(bob.person_id, NOW)
    assert may(Action.CONTENT_READ, grants, acme, NOW)
    assert not may(Action.CONTENT_READ, grants, acme, NOW + timedelta(hours=2))
    assert world.catalog.people().grants(bob.person_id, NOW + timedelta(hours=2)) == ()
