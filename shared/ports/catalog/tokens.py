"""Tokens for the API. SQL has the SHA-256 of a token alone."""

from datetime import datetime
from typing import Protocol

from shared.domain.people import Token, TokenUse


class Tokens(Protocol):
    """Tokens of tenants and of the installation.

    Making and ending one is an event of the tenant's audit chain, or else of the installation's.
    """

    def add(self, hash: str, token: Token) -> None:
        """Store a token. Raise Refuse ``WRONG_USE`` if a valid token of this tenant has the name, ``NO_SUCH_TENANT``."""

    def identify(self, hash: str, now: datetime) -> TokenUse | None:
        """Return the token with its maker's grants, or None if it has ended. This is one query."""

    def note_used(self, token_id: str, now: datetime) -> None:
        """Store that the token was used."""

    def all(self, now: datetime, *, tenant_id: str | None = None, person_id: str | None = None) -> list[Token]:
        """Return the tokens that have not ended, newest first: all, those of a tenant, or those of their maker."""

    def get(self, token_id: str) -> Token:
        """Return a token. Raise Refuse ``NO_SUCH_TOKEN``."""

    def end(self, token_id: str) -> None:
        """End a token. Raise Refuse ``NO_SUCH_TOKEN``."""
