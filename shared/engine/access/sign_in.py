"""Sign people in: by a passkey, by an identity of the provider, or by a password with a one-time code.

Each try counts as failed before its outcome is known, by handle and by network address. Refusals are alike for unknown
people, and take as long.
"""

import hashlib
import secrets
import uuid
from datetime import datetime

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.people import LONGEST_SIGN_IN, PERSON, Identity, Means, Person, SignIn, check_handle
from shared.engine.access.codes import parts_of_code
from shared.engine.access.slowing import begin_try, of_address
from shared.ports.catalog.database import Catalog
from shared.ports.passkeys import PasskeyRefused, Passkeys
from shared.ports.passwords import Passwords

_NO_HASH = "none"
"""A text that is no hash. Comparing with it takes as long as with a hash."""
_COOKIE_BYTES = 32


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sign-in comes from."""

    address: str
    browser: str


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A new sign-in."""

    person: Person
    cookie: str
    """The secret for the browser. SQL has its hash alone."""


def by_password(
    catalog: Catalog, passwords: Passwords, handle: str, password: str, code: str, origin: Origin, now: datetime
) -> Started:
    """Sign in by handle, password and one-time code. Raise Refuse ``NOT_SIGNED_IN`` or ``TOO_MANY_TRIES``."""
    person = proved_by_password(catalog, passwords, handle, password, code, origin, now)
    return begin(catalog, person, Means.PASSWORD, origin, now)


def by_passkey(
    catalog: Catalog, passkeys: Passkeys, challenge: bytes, answer: str, origin: Origin, now: datetime
) -> Started:
    """Sign in the owner of the passkey that answered. Raise Refuse ``NOT_SIGNED_IN`` or ``TOO_MANY_TRIES``."""
    person = proved_by_passkey(catalog, passkeys, challenge, answer, origin, now)
    return begin(catalog, person, Means.PASSKEY, origin, now)


def by_identity(catalog: Catalog, identity: Identity, origin: Origin, now: datetime) -> Started:
    """Sign in the person whom a provider means. Nobody is made by signing in. Raise Refuse ``NOT_SIGNED_IN``."""
    person = catalog.ways().identified(identity)
    if person is None:
        raise Refuse(Code.NOT_SIGNED_IN, _NOT_INVITED)
    return begin(catalog, person, Means.PROVIDER, origin, now)


def begin(catalog: Catalog, person: Person, means: Means, origin: Origin, now: datetime) -> Started:
    """Begin the sign-in of a person who has just proved who they are, which confirms too.

    A provider may have remembered an older sign-in, so its word confirms nothing here.
    """
    cookie = new_cookie()
    sign_in = SignIn(
        sign_in_id=str(uuid.uuid4()),
        means=means,
        begun_at=now,
        seen_at=now,
        expires_at=now + LONGEST_SIGN_IN,
        confirmed_at=None if means is Means.PROVIDER else now,
        address=origin.address,
        browser=origin.browser,
    )
    catalog.as_actor(actor_of(person)).sign_ins().begin(person.person_id, hash_of(cookie), sign_in)
    return Started(person=person, cookie=cookie)


def proved_by_password(
    catalog: Catalog, passwords: Passwords, handle: str, password: str, code: str, origin: Origin, now: datetime
) -> Person:
    """Return the person with this handle, password and code, and use the code up. Raise Refuse as ``by_password``."""
    person, names = _find(catalog, handle), (_of_handle(handle), of_address(origin.address))
    begin_try(catalog, *names)
    ways, (number, text) = catalog.ways(), parts_of_code(code)
    hashed = ways.password(person.person_id) if person else None
    code_hash = ways.code(person.person_id, number) if person else None
    right = passwords.verify(hashed or _NO_HASH, password)
    right &= passwords.verify(code_hash or _NO_HASH, text)
    if person is None or code_hash is None or not right or not ways.use_code(person.person_id, code_hash, now):
        raise Refuse(Code.NOT_SIGNED_IN, _WRONG)
    catalog.tries().succeed(*names)
    return person


def proved_by_passkey(
    catalog: Catalog, passkeys: Passkeys, challenge: bytes, answer: str, origin: Origin, now: datetime
) -> Person:
    """Return the owner of the passkey that answered the challenge. Raise Refuse as ``by_passkey``."""
    address = of_address(origin.address)
    begin_try(catalog, address)
    try:
        match = catalog.ways().passkey(passkeys.credential_id(answer))
        if match is None:
            raise Refuse(Code.NOT_SIGNED_IN, _UNKNOWN_PASSKEY)
        passkey = match.passkey
        count = passkeys.verify(challenge, answer, passkey.credential_id, passkey.public_key)
    except PasskeyRefused as error:
        raise Refuse(Code.NOT_SIGNED_IN, str(error)) from None
    if passkey.sign_count and count <= passkey.sign_count:
        raise Refuse(Code.NOT_SIGNED_IN, _COPIED)
    catalog.ways().note_use(passkey.credential_id, count, now)
    catalog.tries().succeed(_of_passkey(passkey.credential_id), address)
    return match.person


def actor_of(person: Person) -> str:
    """Return the actor that audit events name for a person."""
    return PERSON + person.handle


def new_cookie() -> str:
    """Return a new secret for a browser: 256 random bits."""
    return secrets.token_urlsafe(_COOKIE_BYTES)


def hash_of(secret: str) -> str:
    """Return what SQL stores of a cookie or a code of 256 random bits."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _find(catalog: Catalog, handle: str) -> Person | None:
    """Return the person with this handle, or None."""
    try:
        return catalog.people().find(check_handle(handle))
    except Refuse as error:
        if error.code not in (Code.NO_SUCH_PERSON, Code.WRONG_USE):
            raise
        return None


def _of_handle(handle: str) -> str:
    """Return the name under which tries for a handle count, whatever was typed."""
    return f"handle:{hash_of(handle.strip().lower())}"


def _of_passkey(credential_id: bytes) -> str:
    return f"passkey:{hashlib.sha256(credential_id).hexdigest()}"


_WRONG = (
    "Handle, password and one-time code do not fit together, or the code was used already. Type the code with its number, "
    "as printed."
)
_UNKNOWN_PASSKEY = "Nobody here has this passkey: it was removed, or belongs to another console. Use another way."
_COPIED = (
    "This passkey has been used elsewhere in between, so it may have been copied. Sign in another way and remove it."
)
_NOT_INVITED = (
    "You signed in at the provider, but nobody here is connected with that account. Ask for an invitation, and open its "
    "link."
)
