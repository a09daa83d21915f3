"""Set-up and invitations: each code is used once, in time, and from a network that does not guess."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from shared.adapters.catalog import open_catalog
from shared.adapters.passwords import Argon2Passwords
from shared.domain.access import Role
from shared.domain.errors import Code, Refuse
from shared.domain.people import Identity, Means, Passkey, Person
from shared.engine.access import invitations, set_up, ways
from shared.engine.access.sign_in import Origin, hash_of
from shared.ports.catalog.database import Catalog
from tests.contract.sign_in.codes import password_with_codes
from tests.migrated import migrated_file

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HERE = Origin(address="192.0.2.1", browser="Firefox on Linux")
PASSWORDS = Argon2Passwords()
PASSWORDS._hasher = PasswordHasher(
    time_cost=1, memory_cost=64, parallelism=1
)  # quick: how slow it is, is tested elsewhere
ACCOUNT = Identity(authority="tid", subject="oid")
KEY = Passkey(credential_id=b"id", public_key=b"cose", sign_count=0, name="phone", added_at=NOW)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(migrated_file(tmp_path / "catalog.sqlite3"))
    yield opened
    opened.close()


@pytest.fixture
def ana(catalog: Catalog) -> Person:
    return catalog.people().add("00000000-0000-4000-8000-000000000001", "ana")


def refused(code: Code, call: object) -> Refuse:
    with pytest.raises(Refuse) as caught:
        call()  # type: ignore[operator]
    assert caught.value.code is code
    assert caught.value.message.endswith(".")
    return caught.value


def test_the_set_up_code_makes_a_first_person_who_is_signed_in(catalog: Catalog) -> None:
    code = set_up.new_code(catalog, NOW)
    assert code is not None
    set_up.check_code(catalog, code.lower(), HERE, NOW)
    started = set_up.set_up(catalog, code, "Ana", KEY, HERE, NOW)
    known = catalog.sign_ins().identify(hash_of(started.cookie), NOW)
    assert known is not None
    assert known.person.handle == "ana"
    assert {grant.role for grant in known.grants} == set(Role)
    assert known.sign_in.confirmed(NOW)
    assert set_up.new_code(catalog, NOW) is None
    refused(Code.INVITATION_INVALID, lambda: set_up.check_code(catalog, code, HERE, NOW))


def test_a_set_up_code_expires_after_half_an_hour(catalog: Catalog) -> None:
    code = set_up.new_code(catalog, NOW)
    assert code is not None
    late = NOW + timedelta(minutes=30)
    refused(Code.INVITATION_INVALID, lambda: set_up.check_code(catalog, code, HERE, late))
    refused(Code.INVITATION_INVALID, lambda: set_up.set_up(catalog, code, "ana", KEY, HERE, late))


def test_an_invitation_lasts_72_hours_and_works_once(catalog: Catalog, ana: Person) -> None:
    invited = invitations.invite(catalog, "ops@host", ana, NOW)
    assert invitations.shown(catalog, f" {invited.code}\n", HERE, NOW).person == ana
    late = NOW + timedelta(hours=72)
    refused(Code.INVITATION_INVALID, lambda: invitations.shown(catalog, invited.code, HERE, late))
    started = invitations.accept(catalog, invited.code, KEY, HERE, NOW)
    assert started.person == ana
    for call in (
        lambda: invitations.accept(catalog, invited.code, ACCOUNT, HERE, NOW),
        lambda: invitations.accept_hashed(catalog, invitations.hash_of_code(invited.code), ACCOUNT, HERE, NOW),
    ):
        refused(Code.INVITATION_INVALID, call)
    assert catalog.people().get(ana.person_id).ways.means() == {Means.PASSKEY}


@pytest.mark.parametrize("password", ["short", "x" * 257])
def test_a_password_of_unfit_length_is_refused(password: str) -> None:
    refused(Code.WRONG_USE, lambda: ways.new_password(PASSWORDS, password))


def test_guessed_invitations_are_slowed_by_network(catalog: Catalog) -> None:
    for number in range(5):
        origin = Origin(address=f"2001:db8::{number}", browser="")
        refused(Code.INVITATION_INVALID, lambda: invitations.shown(catalog, "guess", origin, NOW))  # noqa: B023
    neighbour = Origin(address="2001:db8::ffff", browser="")
    refused(Code.TOO_MANY_TRIES, lambda: invitations.shown(catalog, "guess", neighbour, NOW))
    refused(Code.TOO_MANY_TRIES, lambda: set_up.check_code(catalog, "guess", neighbour, NOW))
    refused(Code.INVITATION_INVALID, lambda: set_up.check_code(catalog, "guess", HERE, NOW))


def test_no_secret_is_in_the_database_or_the_audit_trail(catalog: Catalog, ana: Person, tmp_path: Path) -> None:
    way, first = password_with_codes(PASSWORDS, "correct horse battery")
    invited = invitations.invite(catalog, "ops@host", ana, NOW)
    started = invitations.accept(catalog, invited.code, way, HERE, NOW)
    codes = ways.replace_codes(catalog, PASSWORDS, ana)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"person:ana" in stored
    for secret in (invited.code, started.cookie, "correct horse battery", *first, *codes):
        assert secret.encode() not in stored
    for code in (*first, *codes):
        assert code.partition("-")[2].replace("-", "").encode() not in stored
