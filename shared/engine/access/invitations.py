"""Invitations: a person chooses the first way to sign in, once, by the link that an admin hands out."""

from datetime import datetime

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.people import INVITATION_LASTS, Identity, Invitation, Means, Passkey, Person
from shared.engine.access.sign_in import Origin, Started, actor_of, begin, hash_of, new_cookie
from shared.engine.access.slowing import begin_try, of_address
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.ways import Way

_INVALID = "This invitation does not exist, was used, or has expired: ask for another one."


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation with the code of its link, which is stored nowhere."""

    invitation: Invitation
    code: str


def invite(catalog: Catalog, actor: str, person: Person, now: datetime) -> Invited:
    """Make an invitation for a person, in place of an earlier one."""
    code = new_cookie()
    ways = catalog.as_actor(actor).ways()
    return Invited(invitation=ways.invite(person.person_id, hash_of(code), now, now + INVITATION_LASTS), code=code)


def hash_of_code(code: str) -> str:
    """Return what SQL stores of an invitation's code."""
    return hash_of(code.strip())


def shown(catalog: Catalog, code: str, origin: Origin, now: datetime) -> Invitation:
    """Return the invitation with this code. Raise Refuse ``INVITATION_INVALID`` or ``TOO_MANY_TRIES``."""
    hashed, address = hash_of_code(code), of_address(origin.address)
    begin_try(catalog, address)
    invitation = _open(catalog, hashed, now)
    catalog.tries().succeed(f"invitation:{hashed}", address)
    return invitation


def accept(catalog: Catalog, code: str, way: Way, origin: Origin, now: datetime) -> Started:
    """Use the invitation: add the way to sign in, and sign in.

    Raise Refuse ``INVITATION_INVALID``, ``TOO_MANY_TRIES``, and ``PERSON_EXISTS`` if the passkey belongs to a person.
    """
    shown(catalog, code, origin, now)
    return accept_hashed(catalog, hash_of_code(code), way, origin, now)


def accept_hashed(catalog: Catalog, hashed: str, way: Way, origin: Origin, now: datetime) -> Started:
    """Use the invitation whose code has this hash, which was shown before the browser went to a provider.

    Raise Refuse ``INVITATION_INVALID``, and ``PERSON_EXISTS`` if the passkey or identity belongs to a person.
    """
    person = _open(catalog, hashed, now).person
    catalog.as_actor(actor_of(person)).ways().accept(hashed, way, now)
    return begin(catalog, person, means_of(way), origin, now)


def means_of(way: Way) -> Means:
    """Return the means that a new way to sign in is of."""
    if isinstance(way, Passkey):
        return Means.PASSKEY
    return Means.PROVIDER if isinstance(way, Identity) else Means.PASSWORD


def _open(catalog: Catalog, hashed: str, now: datetime) -> Invitation:
    """Return the open invitation. Raise Refuse ``INVITATION_INVALID``."""
    invitation = catalog.ways().invitation(hashed, now)
    if invitation is None:
        raise Refuse(Code.INVITATION_INVALID, _INVALID)
    return invitation
