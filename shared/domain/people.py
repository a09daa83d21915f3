"""People who may sign in, how they sign in, and tokens for the API. No value contains a secret.

Passwords, codes, cookies and tokens are secrets: SQL stores their hashes alone, and these values do not contain even those.
Ids are random UUIDs, times are aware datetimes in UTC.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network

import msgspec

from shared.domain.access import RULES, Action, Grant, may
from shared.domain.backoff import Backoff
from shared.domain.errors import Code, Refuse

IDLE = timedelta(minutes=30)
"""How long a sign-in lasts without a request."""
LONGEST_SIGN_IN = timedelta(hours=8)
"""How long a sign-in lasts at most."""
CONFIRMED_FOR = timedelta(minutes=5)
"""How long a confirmation lasts."""
SEEN_EVERY = timedelta(minutes=1)
"""The last use of a sign-in or a token is stored at most this often."""
INVITATION_LASTS = timedelta(hours=72)
SET_UP_CODE_LASTS = timedelta(minutes=30)
LONGEST_TOKEN = timedelta(days=365)
NUMBER_OF_CODES = 10
"""How many one-time codes a person gets at a time."""
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
FREE_TRIES = 5
"""Failed tries before the first wait."""
TRIES_FORGOTTEN = timedelta(hours=1)
"""How long after the last failed try the count begins again."""

_SLOWING = Backoff(first=15.0, longest=900.0)
_HANDLE = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
_LONGEST_REASON = 200


class Means(StrEnum):
    """A way to sign in."""

    PASSKEY = "passkey"
    PROVIDER = "provider"
    """Microsoft Entra, or another OpenID Connect provider."""
    PASSWORD = "password"  # noqa: S105 - the word, not a secret
    """A password together with a one-time code."""


PERSON = "person:"
"""How the actor of a person begins in audit events; the handle follows."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in."""

    person_id: str
    handle: str
    break_glass: bool
    """True if the person is for the day on which nobody else can sign in. Each such sign-in is reported."""
    created_at: datetime


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey of a person. Its key is public."""

    credential_id: bytes
    public_key: bytes
    """The COSE key."""
    sign_count: int
    name: str
    added_at: datetime
    used_at: datetime | None = None
    aaguid: bytes = bytes(16)
    """The model of the authenticator; zeros if unknown."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a provider means: for Microsoft Entra ``tid`` and ``oid``, for other providers ``iss`` and ``sub``."""

    authority: str
    subject: str


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """The ways in which a person can sign in."""

    passkeys: int = 0
    identities: tuple[Identity, ...] = ()
    password: bool = False
    codes: int = 0
    """One-time codes that are not used yet."""

    def means(self) -> frozenset[Means]:
        """Return the means that work. A password works only while a code is left."""
        present = {
            Means.PASSKEY: self.passkeys > 0,
            Means.PROVIDER: bool(self.identities),
            Means.PASSWORD: self.password and self.codes > 0,
        }
        return frozenset(means for means, works in present.items() if works)


class GivenGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant with who gave it, when and why."""

    grant: Grant
    tenant: str | None
    """The tenant's name, or None for the installation."""
    by: str
    """The actor who gave it."""
    reason: str
    given_at: datetime


class PersonDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A person with grants, ways to sign in and the time of the last use."""

    person: Person
    grants: tuple[GivenGrant, ...]
    """Without grants that have ended."""
    ways: Ways
    signed_in_at: datetime | None
    """When the person last signed in, or None if never."""
    seen_at: datetime | None
    """When the person last sent a request, or None if never."""
    invited_until: datetime | None
    """When the open invitation expires, or None if there is none."""


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """One browser's signed-in time."""

    sign_in_id: str
    means: Means
    begun_at: datetime
    seen_at: datetime
    expires_at: datetime
    """The end at the latest. It ends earlier after ``IDLE`` without a request."""
    confirmed_at: datetime | None
    address: str
    """The network address that it began from."""
    browser: str
    """The browser's own name, shortened."""

    def confirmed(self, now: datetime) -> bool:
        """Return True if the person has confirmed in the last minutes."""
        return self.confirmed_at is not None and self.confirmed_at <= now < self.confirmed_at + CONFIRMED_FOR


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "who is this cookie": the sign-in, its person and the person's grants, none of them ended."""

    sign_in: SignIn
    person: Person
    grants: tuple[Grant, ...]


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A link that lets a person choose a way to sign in, once."""

    invitation_id: str
    person: Person
    by: str
    made_at: datetime
    expires_at: datetime


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token for the API."""

    token_id: str
    name: str
    tenant_id: str | None
    """Its tenant, or None for the installation."""
    tenant: str | None
    """The tenant's name."""
    actions: tuple[Action, ...]
    networks: tuple[str, ...]
    """Networks that it may be used from; empty for all."""
    person_id: str | None
    """The person who made it, or None if a command on the host did."""
    by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None


class TokenUse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "whose is this token": the token, not ended, and its maker's grants."""

    token: Token
    grants: tuple[Grant, ...] | None
    """The maker's grants, or None if a command on the host made it."""

    def covers(self, tenant_id: str | None, now: datetime) -> bool:
        """Return True if the token counts in the tenant, and its maker may still see it."""
        if self.token.tenant_id not in (None, tenant_id):
            return False
        return self.grants is None or may(Action.TENANT_SEE, self.grants, tenant_id, now)

    def may(self, action: Action, tenant_id: str | None, now: datetime) -> bool:
        """Return True if the token carries the action there, and its maker may still do it.

        A token of a tenant counts in that tenant alone, one of the installation in each tenant too.
        """
        if action not in self.token.actions or not RULES[action].token:
            return False
        if self.token.tenant_id not in (None, tenant_id):
            return False
        return self.grants is None or may(action, self.grants, tenant_id, now)


def check_handle(handle: str) -> str:
    """Return the handle in lower case. Raise Refuse ``WRONG_USE`` if it cannot be one."""
    lower = handle.lower()
    if not _HANDLE.fullmatch(lower):
        raise Refuse(
            Code.WRONG_USE,
            "A handle has 1 to 64 letters a to z, digits and . _ @ + -, and begins with a letter or digit.",
        )
    return lower


def check_name(name: str) -> str:
    """Return the name of a token or a passkey without outer spaces. Raise Refuse ``WRONG_USE`` if it cannot be one."""
    stripped = name.strip()
    if not _NAME.fullmatch(stripped):
        raise Refuse(
            Code.WRONG_USE,
            "A name has 1 to 64 letters a to z, digits, spaces and . _ -, and begins with a letter or digit.",
        )
    return stripped


def check_password_text(password: str) -> None:
    """Raise Refuse ``WRONG_USE`` for a password that is too short or too long. A one-time code goes with each use."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Refuse(
            Code.WRONG_USE, f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; spaces are welcome."
        )


def check_reason(reason: str) -> str:
    """Return the reason without outer spaces. Raise Refuse ``WRONG_USE`` if it is too long or not one line of text."""
    stripped = reason.strip()
    if len(stripped) > _LONGEST_REASON or not stripped.isprintable():
        raise Refuse(Code.WRONG_USE, f"A reason is one line of at most {_LONGEST_REASON} characters.")
    return stripped


def no_such_token(name: str | None = None) -> Refuse:
    """Return the refusal for a token that does not exist, or that the asker may not see."""
    words = "no such token" if name is None else f"no token '{name}'"
    return Refuse(Code.NO_SUCH_TOKEN, f"There is {words}; it may have ended. See 'entrakeep token list'.")


def check_networks(networks: Iterable[str]) -> tuple[str, ...]:
    """Return the networks in their usual form. Raise Refuse ``WRONG_USE`` for a text that is not a network."""
    try:
        return tuple(str(ip_network(each.strip(), strict=False)) for each in networks)
    except ValueError:
        raise Refuse(Code.WRONG_USE, "A network is an address such as 192.0.2.0/24 or 2001:db8::/32.") from None


def within(networks: Iterable[str], address: str) -> bool:
    """Return True if the address is in one of the networks, or if there are none."""
    all_networks = [ip_network(each) for each in networks]
    if not all_networks:
        return True
    try:
        own = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(own, "ipv4_mapped", None)
    return any((mapped or own) in network for network in all_networks)


def tries_wait(tries: int) -> timedelta:
    """Return how long to wait after this number of failed tries: nothing for the first, then doubling waits."""
    return timedelta(seconds=_SLOWING.wait(tries - FREE_TRIES)) if tries >= FREE_TRIES else timedelta(0)
