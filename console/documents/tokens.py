"""Documents of tokens for the API."""

import msgspec

from console.documents.times import Moment, moment
from shared.domain.access import Action
from shared.domain.people import Token
from shared.engine.access.tokens import MadeToken


class TokenDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A token for the API, without its text."""

    token_id: str
    """The token's id."""
    name: str
    """The token's name, which audit events show."""
    tenant: str | None
    """The tenant in which it counts; null for the installation, which covers each tenant."""
    actions: list[Action]
    """What it may do."""
    networks: list[str]
    """Networks that it may be used from; empty for all."""
    by: str
    """Who made it."""
    made_at: Moment
    """When it was made."""
    expires_at: Moment
    """When it ends."""
    used_at: Moment | None
    """When it was last used, to the minute; null if never."""


class NewTokenDocument(TokenDocument, frozen=True, kw_only=True):
    """A new token, with its text."""

    token: str
    """The text that goes into ``Authorization: Bearer``. It is shown once, and stored nowhere."""


def token_document(token: Token) -> TokenDocument:
    """Return the document of a token."""
    return TokenDocument(**_fields(token))  # type: ignore[arg-type]


def new_token_document(made: MadeToken) -> NewTokenDocument:
    """Return the document of a new token."""
    return NewTokenDocument(token=made.text, **_fields(made.token))  # type: ignore[arg-type]


def _fields(token: Token) -> dict[str, object]:
    """Return the fields of a token's document."""
    return {
        "token_id": token.token_id,
        "name": token.name,
        "tenant": token.tenant,
        "actions": list(token.actions),
        "networks": list(token.networks),
        "by": token.by,
        "made_at": moment(token.made_at),
        "expires_at": moment(token.expires_at),
        "used_at": moment(token.used_at),
    }
