"""Confirm: prove again who one is, within a sign-in. The browser gets a new cookie."""

from datetime import datetime

from shared.domain.errors import Code, Refuse
from shared.domain.people import Identity, SignedIn
from shared.engine.access.sign_in import Origin, hash_of, new_cookie, proved_by_passkey, proved_by_password
from shared.ports.catalog.database import Catalog
from shared.ports.passkeys import Passkeys
from shared.ports.passwords import Passwords


def check_password(
    catalog: Catalog,
    passwords: Passwords,
    signed_in: SignedIn,
    password: str,
    code: str,
    origin: Origin,
    now: datetime,
) -> None:
    """Verify password and one-time code of the person, and use the code up. Raise Refuse as at a sign-in."""
    proved_by_password(catalog, passwords, signed_in.person.handle, password, code, origin, now)


def check_passkey(
    catalog: Catalog,
    passkeys: Passkeys,
    signed_in: SignedIn,
    challenge: bytes,
    answer: str,
    origin: Origin,
    now: datetime,
) -> None:
    """Verify that a passkey of the person answered. Raise Refuse as at a sign-in, also for another person's passkey."""
    owner = proved_by_passkey(catalog, passkeys, challenge, answer, origin, now)
    if owner.person_id != signed_in.person.person_id:
        raise Refuse(Code.NOT_SIGNED_IN, _ANOTHER)


def check_identity(catalog: Catalog, signed_in: SignedIn, identity: Identity) -> None:
    """Verify that the provider means the same person. Raise Refuse ``NOT_SIGNED_IN``."""
    person = catalog.ways().identified(identity)
    if person is None or person.person_id != signed_in.person.person_id:
        raise Refuse(Code.NOT_SIGNED_IN, _ANOTHER)


def confirmed(catalog: Catalog, cookie: str, now: datetime) -> str:
    """Store that the person has confirmed. Return the new cookie. Raise Refuse ``NOT_SIGNED_IN`` if the sign-in has ended."""
    fresh = new_cookie()
    if not catalog.sign_ins().renew(hash_of(cookie), hash_of(fresh), now):
        raise Refuse(Code.NOT_SIGNED_IN, "Your sign-in has ended meanwhile. Sign in again.")
    return fresh


_ANOTHER = "That proves another person. Confirm as the person who is signed in."
