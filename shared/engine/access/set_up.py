"""The first set-up: a code from the terminal makes the first person, who has every role and is asked to spread them."""

import uuid
from datetime import datetime

from shared.domain.errors import Code, Refuse
from shared.domain.people import PERSON, SET_UP_CODE_LASTS, check_handle
from shared.engine.access.codes import new_set_up_code, read_set_up_code
from shared.engine.access.invitations import means_of
from shared.engine.access.sign_in import Origin, Started, begin, hash_of
from shared.engine.access.slowing import begin_try, of_address
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.ways import Way


def new_code(catalog: Catalog, now: datetime) -> str | None:
    """Return a new set-up code, in place of any other, or None if there is a person already."""
    code = new_set_up_code()
    return code if catalog.ways().make_set_up_code(_hash(code), now + SET_UP_CODE_LASTS) else None


def check_code(catalog: Catalog, code: str, origin: Origin, now: datetime) -> None:
    """Raise Refuse ``INVITATION_INVALID`` unless the set-up code fits, or ``TOO_MANY_TRIES``."""
    hashed, address = _hash(code), of_address(origin.address)
    begin_try(catalog, address)
    if not catalog.ways().set_up_code_fits(hashed, now):
        raise Refuse(
            Code.INVITATION_INVALID,
            "This code does not fit: it was used, has expired, or the set-up is done. Make another with 'entrakeep people "
            "code'.",
        )
    catalog.tries().succeed(f"set-up:{hashed}", address)


def set_up(
    catalog: Catalog, code: str, handle: str, way: Way, origin: Origin, now: datetime, person_id: str | None = None
) -> Started:
    """Use the set-up code: add the first person with this way to sign in, and sign in.

    ``person_id`` is the id that a passkey was made for. Raise Refuse ``WRONG_USE`` for the handle, and as ``check_code``.
    """
    lower = check_handle(handle)
    check_code(catalog, code, origin, now)
    ways = catalog.as_actor(PERSON + lower).ways()
    person = ways.set_up(_hash(code), person_id or str(uuid.uuid4()), lower, way, now)
    return begin(catalog, person, means_of(way), origin, now)


def _hash(code: str) -> str:
    """Return what SQL stores of a set-up code."""
    return hash_of(read_set_up_code(code))
