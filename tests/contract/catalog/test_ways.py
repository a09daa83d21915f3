"""Ways to sign in in SQL: each secret works once, and the last way in stays."""

from datetime import timedelta

import pytest

from shared.domain.access import Role
from shared.domain.errors import Code, Refuse
from shared.domain.people import Identity, Means, Passkey
from shared.ports.catalog.ways import NewPassword, Way
from tests.contract.catalog.test_people import actions, person
from tests.contract.catalog.world import NOW, World, new_id

SOON = NOW + timedelta(minutes=30)
KEY = Passkey(credential_id=b"\x00\xff-key", public_key=b"cose\x00", sign_count=0, name="laptop", added_at=NOW)
ACCOUNT = Identity(authority="tid", subject="oid")
PASSWORD = NewPassword(hash="$argon2", codes=("$one", "$two", "$three"))


@pytest.mark.postgresql
def test_the_set_up_code_makes_the_first_person_with_every_role_once(world: World) -> None:
    ways = world.catalog.as_actor("set-up").ways()
    assert ways.make_set_up_code("old", SOON)
    assert ways.make_set_up_code("new", SOON)
    assert not ways.set_up_code_fits("old", NOW)
    assert not ways.set_up_code_fits("new", SOON)
    assert ways.set_up_code_fits("new", NOW)
    ana = ways.set_up("new", new_id(), "ana", KEY, NOW)
    assert {grant.role for grant in world.catalog.people().grants(ana.person_id, NOW)} == set(Role)
    assert not ways.set_up_code_fits("new", NOW)
    assert not ways.make_set_up_code("another", SOON)
    assert actions(world) == ["person.added", *["grant.given"] * len(Role), "way.added"]


@pytest.mark.parametrize(("hash", "time"), [("wrong", NOW), ("code", SOON)])
def test_a_wrong_or_expired_set_up_code_makes_nobody(world: World, hash: str, time: object) -> None:
    world.catalog.ways().make_set_up_code("code", SOON)
    with pytest.raises(Refuse) as caught:
        world.catalog.ways().set_up(hash, new_id(), "ana", KEY, time)  # type: ignore[arg-type]
    assert caught.value.code is Code.INVITATION_INVALID
    assert not world.catalog.people().exist()


@pytest.mark.postgresql
@pytest.mark.parametrize("way", [KEY, ACCOUNT, PASSWORD], ids=["passkey", "identity", "password"])
def test_an_invitation_adds_one_way_to_sign_in_once(world: World, way: Way) -> None:
    ways, ana = world.catalog.ways(), person(world)
    ways.invite(ana.person_id, "old", NOW, SOON)
    invitation = ways.invite(ana.person_id, "new", NOW, SOON)
    assert ways.invitation("new", NOW) == invitation
    assert ways.invitation("old", NOW) is None
    assert ways.invitation("new", SOON) is None
    assert world.catalog.people().get(ana.person_id).invited_until is None  # it expired in the past
    assert world.catalog.people().all(NOW)[0].invited_until == SOON
    assert ways.accept("new", way, NOW) == ana
    assert len(world.catalog.people().get(ana.person_id).ways.means()) == 1
    with pytest.raises(Refuse) as caught:
        ways.accept("new", way, NOW)
    assert caught.value.code is Code.INVITATION_INVALID


def test_a_passkey_or_identity_belongs_to_one_person(world: World) -> None:
    ana, bob = person(world, "ana"), person(world, "bob")
    for way in (KEY, ACCOUNT):
        world.catalog.ways().add(ana.person_id, way)
        with pytest.raises(Refuse) as caught:
            world.catalog.ways().add(bob.person_id, way)
        assert caught.value.code is Code.PERSON_EXISTS


@pytest.mark.postgresql
def test_a_passkey_is_found_by_its_id_and_remembers_its_use(world: World) -> None:
    ways, ana = world.catalog.ways(), person(world)
    ways.add(ana.person_id, KEY)
    ways.note_use(KEY.credential_id, 7, SOON)
    found = ways.passkey(KEY.credential_id)
    assert found is not None
    assert (found.person, found.passkey.sign_count, found.passkey.used_at) == (ana, 7, SOON)
    assert ways.passkeys(ana.person_id) == [found.passkey]
    assert (found.passkey.public_key, found.passkey.credential_id) == (KEY.public_key, KEY.credential_id)
    assert ways.passkey(b"another") is None


@pytest.mark.postgresql
def test_an_identity_leads_to_its_person(world: World) -> None:
    ana = person(world)
    world.catalog.ways().add(ana.person_id, ACCOUNT)
    assert world.catalog.ways().identified(ACCOUNT) == ana
    assert world.catalog.ways().identified(Identity(authority="other", subject="oid")) is None


@pytest.mark.postgresql
def test_a_one_time_code_works_once(world: World) -> None:
    ways, ana = world.catalog.ways(), person(world)
    ways.add(ana.person_id, PASSWORD)
    assert ways.password(ana.person_id) == "$argon2"
    assert ways.code(ana.person_id, 2) == "$two"
    assert ways.use_code(ana.person_id, "$two", NOW)
    assert not ways.use_code(ana.person_id, "$two", NOW)
    assert ways.code(ana.person_id, 2) is None
    assert world.catalog.people().get(ana.person_id).ways.codes == 2
    ways.replace_codes(ana.person_id, ["$new"])
    assert (ways.code(ana.person_id, 1), ways.code(ana.person_id, 3)) == ("$new", None)
    assert actions(world)[-1] == "codes.made"


@pytest.mark.postgresql
def test_the_last_way_to_sign_in_stays(world: World) -> None:
    ways, ana = world.catalog.ways(), person(world)
    ways.add(ana.person_id, KEY)
    for call in (
        lambda: ways.remove_passkey(ana.person_id, KEY.credential_id),
        lambda: ways.remove(ana.person_id, Means.PASSKEY),
    ):
        with pytest.raises(Refuse) as caught:
            call()
        assert caught.value.code is Code.LAST_WAY_IN
    ways.add(ana.person_id, PASSWORD)
    assert ways.remove_passkey(ana.person_id, KEY.credential_id)
    assert not ways.remove_passkey(ana.person_id, KEY.credential_id)
    assert not ways.remove(ana.person_id, Means.PROVIDER)
    ways.use_code(ana.person_id, "$one", NOW)
    ways.add(ana.person_id, ACCOUNT)
    assert ways.remove(ana.person_id, Means.PASSWORD)
    assert world.count("secrets_hashed") == 0
    assert actions(world)[-1] == "way.removed"


def test_a_password_without_a_code_left_is_no_way_in(world: World) -> None:
    ways, ana = world.catalog.ways(), person(world)
    ways.add(ana.person_id, KEY)
    ways.add(ana.person_id, NewPassword(hash="$", codes=("$one",)))
    ways.use_code(ana.person_id, "$one", NOW)
    with pytest.raises(Refuse):
        ways.remove_passkey(ana.person_id, KEY.credential_id)


@pytest.mark.postgresql
def test_a_reset_removes_every_way_to_sign_in(world: World) -> None:
    ways, ana = world.catalog.ways(), person(world)
    for way in (KEY, ACCOUNT, PASSWORD):
        ways.add(ana.person_id, way)
    ways.reset(ana.person_id)
    assert world.catalog.people().get(ana.person_id).ways.means() == set()
    assert actions(world)[-1] == "person.reset"


def test_ways_of_a_removed_person_are_refused(world: World) -> None:
    ways = world.catalog.ways()
    for call in (
        lambda: ways.add(new_id(), KEY),
        lambda: ways.invite(new_id(), "h", NOW, SOON),
        lambda: ways.reset(new_id()),
        lambda: ways.replace_codes(new_id(), []),
    ):
        with pytest.raises(Refuse) as caught:
            call()
        assert caught.value.code is Code.NO_SUCH_PERSON
