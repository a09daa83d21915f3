"""Signing in and confirming: who gets in, what is refused alike, and how guessing becomes slow."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from shared.adapters.passkeys import Fido2Passkeys
from shared.adapters.passwords import Argon2Passwords
from shared.domain.errors import Code, Refuse
from shared.domain.people import FREE_TRIES, Identity, Means, Passkey, Person, SignedIn
from shared.engine.access import confirm, sign_in
from shared.engine.access.codes import hashes_of, new_codes
from shared.engine.access.sign_in import Origin, hash_of
from shared.ports.catalog.ways import NewPassword
from tests.contract.catalog.world import World, new_id
from tests.contract.sign_in.authenticator import Authenticator
from tests.migrated import migrated_file

ORIGIN = Origin(address="192.0.2.7", browser="Firefox on Linux")
SITE = "https://backups.example"
PASSKEYS = Fido2Passkeys(SITE)
PASSWORDS = Argon2Passwords()
PASSWORDS._hasher = PasswordHasher(
    time_cost=1, memory_cost=64, parallelism=1
)  # quick: how slow it is, is tested elsewhere
CHALLENGE, WORD = b"c" * 32, "correct horse battery"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(migrated_file(tmp_path / "catalog.sqlite3"))
    yield world
    world.close()


def person(world: World, handle: str) -> Person:
    return world.catalog.people().add(new_id(), handle)


def with_password(world: World, handle: str = "ana") -> list[str]:
    """Add a person with a password. Return the codes."""
    codes = new_codes()
    way = NewPassword(hash=PASSWORDS.hash(WORD), codes=hashes_of(codes, PASSWORDS))
    world.catalog.ways().add(person(world, handle).person_id, way)
    return codes


def with_passkey(world: World, handle: str = "ana") -> Authenticator:
    """Add a person with a passkey. Return the authenticator."""
    phone = Authenticator(SITE)
    ana = person(world, handle)
    made = PASSKEYS.created(CHALLENGE, phone.create(PASSKEYS.creation_options(CHALLENGE, b"p", handle, ())))
    way = Passkey(
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name="phone",
        added_at=NOW,
    )
    world.catalog.ways().add(ana.person_id, way)
    return phone


def by_password(
    world: World, code: str, password: str = WORD, handle: str = "ana", origin: Origin = ORIGIN
) -> sign_in.Started:
    return sign_in.by_password(world.catalog, PASSWORDS, handle, password, code, origin, NOW)


def by_passkey(world: World, phone: Authenticator, challenge: bytes = CHALLENGE) -> sign_in.Started:
    answer = phone.get(PASSKEYS.request_options(challenge, ()))
    return sign_in.by_passkey(world.catalog, PASSKEYS, CHALLENGE, answer, ORIGIN, NOW)


def identified(world: World, cookie: str) -> SignedIn | None:
    return world.catalog.sign_ins().identify(hash_of(cookie), NOW)


def refused(code: Code = Code.NOT_SIGNED_IN, match: str | None = None) -> "pytest.RaisesExc[Refuse]":
    return pytest.raises(Refuse, match=match, check=lambda error: error.code is code)


def test_password_and_code_sign_in_and_confirm(world: World) -> None:
    started = by_password(world, with_password(world)[0])
    signed_in = identified(world, started.cookie)
    assert signed_in is not None
    assert signed_in.person.handle == "ana"
    assert (signed_in.sign_in.means, signed_in.sign_in.browser) == (Means.PASSWORD, "Firefox on Linux")
    assert signed_in.sign_in.confirmed(NOW)
    assert by_password(world, new_code(world), handle="ANA ".strip()).person == signed_in.person


def new_code(world: World) -> str:
    """Replace ana's codes and return one of the new ones."""
    codes = new_codes()
    world.catalog.ways().replace_codes(world.catalog.people().find("ana").person_id, hashes_of(codes, PASSWORDS))
    return codes[4]


def test_a_code_is_read_as_people_type_it(world: World) -> None:
    code = with_password(world)[2]
    typed = code.lower().replace("0", "o").replace("1", "l").replace("-", " - ")
    assert by_password(world, typed).person.handle == "ana"


def test_a_replayed_code_is_refused(world: World) -> None:
    code = with_password(world)[0]
    by_password(world, code)
    with refused():
        by_password(world, code)


def test_refusals_are_alike_whatever_is_wrong_and_whoever_is_meant(world: World) -> None:
    codes = with_password(world)
    person(world, "bob")
    sentences = set()
    tries = [
        ("ana", "wrong", codes[0]),
        ("ana", WORD, codes[1][:-1] + "?"),
        ("ana", WORD, codes[0].replace("1-", "2-", 1)),
        ("ana", WORD, ""),
        ("bob", WORD, codes[0]),
        ("nobody", WORD, codes[0]),
        ("<script>" + "\u202e" * 5 + "a" * 10_000, WORD, codes[0]),
    ]
    for number, (handle, password, code) in enumerate(tries):
        with refused() as caught:
            by_password(world, code, password, handle, Origin(address=f"198.51.100.{number}", browser=""))
        sentences.add(str(caught.value))
    assert len(sentences) == 1
    by_password(world, codes[0])


def test_tries_beyond_the_limit_wait_even_with_the_right_password(world: World) -> None:
    codes = with_password(world)
    for number in range(FREE_TRIES):
        with refused():
            by_password(world, codes[0], "wrong", origin=Origin(address=f"192.0.2.{number}", browser=""))
    with refused(Code.TOO_MANY_TRIES, r"Wait 1\d seconds, then try again"):
        by_password(world, codes[0])


def test_tries_beyond_the_limit_from_one_network_slow_every_handle(world: World) -> None:
    codes = with_password(world)
    for number in range(FREE_TRIES):
        with refused():
            by_password(world, "", handle=f"guess{number}")
    with refused(Code.TOO_MANY_TRIES):
        by_password(world, codes[0])
    assert by_password(world, codes[0], origin=Origin(address="198.51.100.1", browser="")).person.handle == "ana"


def test_a_passkey_signs_its_owner_in(world: World) -> None:
    phone = with_passkey(world)
    started = by_passkey(world, phone)
    signed_in = identified(world, started.cookie)
    assert signed_in is not None
    assert signed_in.sign_in.means is Means.PASSKEY


def test_a_passkey_of_another_challenge_site_or_console_is_refused(world: World) -> None:
    phone = with_passkey(world)
    with refused():
        by_passkey(world, phone, b"d" * 32)
    stranger = Authenticator(SITE)
    stranger.create(PASSKEYS.creation_options(CHALLENGE, b"p", "eve", ()))
    with refused(match="Nobody here has this passkey"):
        by_passkey(world, stranger)
    phone.origin = "https://evil.example"
    with refused():
        by_passkey(world, phone)


def test_a_copied_passkey_is_noticed_by_its_counter(world: World) -> None:
    phone = with_passkey(world)
    by_passkey(world, phone)
    phone.count -= 1
    with refused(match="may have been copied"):
        by_passkey(world, phone)


def test_a_provider_signs_in_whom_it_means_and_makes_nobody(world: World) -> None:
    identity = Identity(authority="tenant", subject="object")
    with refused(match="invitation"):
        sign_in.by_identity(world.catalog, identity, ORIGIN, NOW)
    assert not world.catalog.people().exist()
    world.catalog.ways().add(person(world, "ana").person_id, identity)
    assert sign_in.by_identity(world.catalog, identity, ORIGIN, NOW).person.handle == "ana"


def test_each_sign_in_and_confirmation_has_a_cookie_of_its_own(world: World) -> None:
    phone = with_passkey(world)
    first, second = by_passkey(world, phone).cookie, by_passkey(world, phone).cookie
    assert first != second
    third = confirm.confirmed(world.catalog, second, NOW + timedelta(minutes=6))
    assert identified(world, second) is None
    assert identified(world, third) is not None
    assert identified(world, first) is not None
    with refused():
        confirm.confirmed(world.catalog, second, NOW)


def test_another_person_confirms_nothing(world: World) -> None:
    ana, bob = with_passkey(world, "ana"), with_passkey(world, "bob")
    signed_in = identified(world, by_passkey(world, ana).cookie)
    assert signed_in is not None
    options = PASSKEYS.request_options(CHALLENGE, ())
    with refused(match="another person"):
        confirm.check_passkey(world.catalog, PASSKEYS, signed_in, CHALLENGE, bob.get(options), ORIGIN, NOW)
    confirm.check_passkey(world.catalog, PASSKEYS, signed_in, CHALLENGE, ana.get(options), ORIGIN, NOW)
    other = Identity(authority="t", subject="bob")
    world.catalog.ways().add(world.catalog.people().find("bob").person_id, other)
    with refused(match="another person"):
        confirm.check_identity(world.catalog, signed_in, other)
