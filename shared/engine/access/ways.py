"""A person's password and one-time codes."""

from collections.abc import Sequence

from shared.domain.people import Person, check_password_text
from shared.engine.access.codes import hashes_of, new_codes
from shared.engine.access.sign_in import actor_of
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.ways import NewPassword
from shared.ports.passwords import Passwords


def new_password(passwords: Passwords, password: str) -> NewPassword:
    """Return a password as a way to sign in, without codes yet. Raise Refuse ``WRONG_USE`` for an unfit one."""
    check_password_text(password)
    return NewPassword(hash=passwords.hash(password), codes=())


def replace_codes(catalog: Catalog, passwords: Passwords, person: Person) -> Sequence[str]:
    """Replace the person's one-time codes. Return the new ones to print, which are stored nowhere."""
    codes = new_codes()
    catalog.as_actor(actor_of(person)).ways().replace_codes(person.person_id, hashes_of(codes, passwords))
    return codes
