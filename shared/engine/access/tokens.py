"""Tokens for the API: made within their maker's rights, shown once, and identified with each request."""

import re
import secrets
import uuid
import zlib
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

import msgspec

from shared.domain.access import CARRIED, OF_THE_INSTALLATION, Action, token_actions
from shared.domain.errors import Code, EntrakeepError, Refuse
from shared.domain.people import (
    LONGEST_TOKEN,
    SEEN_EVERY,
    SignedIn,
    Token,
    TokenUse,
    check_name,
    check_networks,
    no_such_token,
    within,
)
from shared.engine.access.people import Asker
from shared.engine.access.sign_in import hash_of
from shared.ports.catalog.database import Catalog

_BYTES = 32
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH, _SUM_LENGTH = 43, 6
"""Digits to the base 62 that hold 256 bits, and a CRC-32."""
_FORM = re.compile(rf"ek1_([0-9A-Za-z]{{{_LENGTH}}})([0-9A-Za-z]{{{_SUM_LENGTH}}})")
_UNKNOWN = "This token does not exist, was ended, or has expired: make another one."


class MadeToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new token with its text, which is shown once and stored nowhere."""

    token: Token
    text: str


def make(
    catalog: Catalog,
    asker: Asker,
    name: str,
    tenant: str | None,
    actions: Collection[str],
    expires_at: datetime,
    now: datetime,
    *,
    networks: Collection[str] = (),
    person_id: str | None = None,
) -> MadeToken:
    """Make a token for a tenant, or for ``tenant`` None the installation.

    ``person_id`` is the person who makes it: the token then never may more than the person may at that moment. Raise Refuse
    ``WRONG_USE`` for a name, network, action or time that does not fit, ``NOT_ALLOWED``, ``NO_SUCH_TENANT``.
    """
    tenant_id = None if tenant is None else catalog.find(tenant).tenant_id
    if not asker.may(Action.TOKEN_MAKE, tenant_id, now):
        raise Refuse(Code.NOT_ALLOWED, "You have no role there, so a token of yours could do nothing.")
    if not now < expires_at <= now + LONGEST_TOKEN:
        raise Refuse(Code.WRONG_USE, f"A token ends in the future, and after {LONGEST_TOKEN.days} days at most.")
    token = Token(
        token_id=str(uuid.uuid4()),
        name=check_name(name),
        tenant_id=tenant_id,
        tenant=tenant,
        actions=_checked(asker, tenant_id, actions, now),
        networks=check_networks(networks),
        person_id=person_id,
        by=asker.actor,
        made_at=now,
        expires_at=expires_at,
        used_at=None,
    )
    text = _new_text()
    catalog.as_actor(asker.actor).tokens().add(hash_of(text), token)
    return MadeToken(token=token, text=text)


def identify(catalog: Catalog, text: str, address: str, now: datetime) -> TokenUse:
    """Return the token with this text, which a request from this address carries.

    It is one query, and once a minute a second one that stores the use. Raise Refuse ``NOT_SIGNED_IN`` if there is no such
    token, ``NOT_ALLOWED`` from a network that is not one of the token's.
    """
    if not is_token(text):
        raise Refuse(Code.NOT_SIGNED_IN, "This is not a whole token: it begins with ek1_ and its checksum fits.")
    use = catalog.tokens().identify(hash_of(text), now)
    if use is None:
        raise Refuse(Code.NOT_SIGNED_IN, _UNKNOWN)
    if not within(use.token.networks, address):
        raise Refuse(Code.NOT_ALLOWED, "The token may not be used from this network.")
    if use.token.used_at is None or now - use.token.used_at >= SEEN_EVERY:
        with suppress(EntrakeepError):  # a full disk must not keep programs from reading
            catalog.tokens().note_used(use.token.token_id, now)
    return use


def end(catalog: Catalog, asker: Asker, token_id: str, now: datetime, *, signed_in: SignedIn | None = None) -> Token:
    """End a token: one's own, one of a tenant that one is admin of, or for an operator one of the installation.

    Return it. Raise Refuse ``NO_SUCH_TOKEN``, also for a token that the asker may not end.
    """
    tokens = catalog.as_actor(asker.actor).tokens()
    token = tokens.get(token_id)
    is_own = signed_in is not None and signed_in.person.person_id == token.person_id
    needed = Action.INSTALLATION_PEOPLE if token.tenant_id is None else Action.PEOPLE_GRANT
    if not is_own and not asker.may(needed, token.tenant_id, now):
        raise no_such_token()
    tokens.end(token_id)
    return token


def find(catalog: Catalog, name: str, tenant: str | None, now: datetime) -> Token:
    """Return the valid token with this name in the tenant or the installation. Raise Refuse ``NO_SUCH_TOKEN``."""
    tenant_id = None if tenant is None else catalog.find(tenant).tenant_id
    named = (each for each in catalog.tokens().all(now) if (each.name, each.tenant_id) == (name, tenant_id))
    token = next(named, None)
    if token is None:
        raise no_such_token(name)
    return token


def offered(asker: Asker, tenant_id: str | None, now: datetime) -> tuple[Action, ...]:
    """Return the actions that the asker may give to a token for the tenant or the installation, in the table's order."""
    grants = asker.grants
    allowed = CARRIED if grants is None else token_actions(grants, tenant_id, now)
    return tuple(each for each in Action if each in allowed and (tenant_id is None or each not in OF_THE_INSTALLATION))


def is_token(text: str) -> bool:
    """Return True if the text has the form and the checksum of a token."""
    match = _FORM.fullmatch(text)
    return match is not None and _checksum(match[1]) == match[2]


def _checked(asker: Asker, tenant_id: str | None, actions: Collection[str], now: datetime) -> tuple[Action, ...]:
    """Return the actions in the table's order. Raise Refuse ``WRONG_USE``, ``NOT_ALLOWED``."""
    names = {each.strip() for each in actions}
    if not names:
        raise Refuse(Code.WRONG_USE, "A token needs at least one action.")
    known = {action.value for action in CARRIED}
    for name in sorted(names - known):
        raise Refuse(Code.WRONG_USE, f"'{name[:40]}' is no action that a token may carry. docs/access.md lists them.")
    allowed = offered(asker, tenant_id, now)
    chosen = tuple(action for action in Action if action.value in names)
    for action in chosen:
        if action not in allowed:
            raise Refuse(
                Code.NOT_ALLOWED, f"You may not give the action {action} to this token: it is beyond your roles there."
            )
    return chosen


def _new_text() -> str:
    """Return a new token: ``ek1_``, 256 random bits, and a checksum by which scanners and typing errors are recognised."""
    text = _base62(int.from_bytes(secrets.token_bytes(_BYTES)), _LENGTH)
    return f"ek1_{text}{_checksum(text)}"


def _checksum(text: str) -> str:
    """Return the CRC-32 of the text in base 62."""
    return _base62(zlib.crc32(text.encode()), _SUM_LENGTH)


def _base62(number: int, length: int) -> str:
    """Return the number in base 62 with leading zeros."""
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
