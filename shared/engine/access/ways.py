"""A person's own ways to sign in: passwords with codes are made, codes replaced, ways added and removed."""

from collections.abc import Sequence

import msgspec

from shared.domain.people import Means, Person, check_password_text
from shared.engine.access.codes import hashes_of, new_codes
from shared.engine.access.sign_in import actor_of
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.ways import NewPassword, Way
from shared.ports.passwords import Passwords


class PasswordWay(msgspec.Struct, frozen=True, kw_only=True):
    """A password as a way to sign in, and the one-time codes to print, which are stored nowhere."""

    way: NewPassword
    codes: Sequence[str]


def password_way(passwords: Passwords, password: str) -> PasswordWay:
    """Return a password with new one-time codes as a way to sign in. Raise Refuse ``WRONG_USE`` for an unfit password."""
    check_password_text(password)
    codes = new_codes()
    way = NewPassword(hash=passwords.hash(password), codes=hashes_of(codes, passwords))
    return PasswordWay(way=way, codes=codes)


def replace_codes(catalog: Catalog, passwords: Passwords, person: Person) -> Sequence[str]:
    """Replace the person's one-time codes. Return the new ones to print, which are stored nowhere."""
    codes = new_codes()
    catalog.as_actor(actor_of(person)).ways().replace_codes(person.person_id, hashes_of(codes, passwords))
    return codes


def add(catalog: Catalog, person: Person, way: Way) -> None:
    """Add a way to sign in. Raise Refuse ``PERSON_EXISTS`` if the passkey or identity belongs to a person."""
    catalog.as_actor(actor_of(person)).ways().add(person.person_id, way)


def remove_passkey(catalog: Catalog, person: Person, credential_id: bytes) -> None:
    """Remove a passkey, if the person has it. Raise Refuse ``LAST_WAY_IN``."""
    catalog.as_actor(actor_of(person)).ways().remove_passkey(person.person_id, credential_id)


def remove(catalog: Catalog, person: Person, means: Means) -> None:
    """Remove all of these means, if the person has some. Raise Refuse ``LAST_WAY_IN``."""
    catalog.as_actor(actor_of(person)).ways().remove(person.person_id, means)
