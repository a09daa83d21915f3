"""Passwords of users that a restore creates: random, sealed before Graph gets them, and opened only to be handed out."""

import secrets
import string

import msgspec

from shared.domain.model import Sealed
from shared.engine.keys.credentials import open_secret, seal_secret
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.steps.work import Work
from shared.ports.catalog.tenant import TenantCatalog

_ALPHABETS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.+!")
_LENGTH = 24


class NewPassword(msgspec.Struct, frozen=True, kw_only=True):
    """The password of a created user."""

    key: str
    """The user's key in the snapshot."""
    user: str
    """The name to sign in with."""
    password: str
    """It must be changed at the next sign-in."""

    def __repr__(self) -> str:
        """Return a text without the password."""
        return f"NewPassword({self.key})"


def random_password() -> str:
    """Return a password with characters of each kind, as Microsoft Entra's password policy requires."""
    while True:
        password = "".join(secrets.choice("".join(_ALPHABETS)) for _ in range(_LENGTH))
        if all(not set(alphabet).isdisjoint(password) for alphabet in _ALPHABETS):
            return password


def seal_password(work: Work, password: NewPassword) -> Sealed:
    """Seal a password as a row."""
    return seal_secret(work.keys.secrets(), work.claim.tenant_id, msgspec.json.encode(password))


def open_password(catalog: TenantCatalog, keys: ProcessKeys, sealed: Sealed) -> NewPassword:
    """Return a sealed password. Raise what opening raises."""
    return msgspec.json.decode(open_secret(keys, catalog.tenant_id, sealed), type=NewPassword)
