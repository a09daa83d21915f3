"""The expiry of an application's client secret, read from the application's own object.

Graph never shows a secret, but shows its first characters as a hint. (Graph: "application resource type",
"passwordCredential".)
"""

from datetime import datetime
from urllib.parse import quote

import msgspec

from shared.adapters.graph.transport import Transport
from shared.domain.errors import GraphTrouble, Skip
from shared.domain.secret import Secret

_HINT = 3
"""Length of the hint in characters."""


class _Password(msgspec.Struct, rename="camel"):
    """A client secret as Graph shows it."""

    hint: str | None = None
    end_date_time: datetime | None = None


class _Application(msgspec.Struct, rename="camel"):
    """The application's object, with its client secrets."""

    password_credentials: list[_Password] = []


async def secret_expiry(transport: Transport, client_id: str, secret: Secret) -> datetime | None:
    """Return when the secret expires, or None if the application may not read itself or Graph names no expiry.

    If several secrets have the same hint, the first to expire counts: an early warning is better than none.
    """
    name = quote(client_id, safe="")
    url = f"{transport.root()}/applications(appId='{name}')?$select=passwordCredentials"
    try:
        application = await transport.get(url, _application, tries=1)
    except (GraphTrouble, Skip):
        return None
    hint = secret.reveal()[:_HINT].decode(errors="replace")
    ends = [each.end_date_time for each in application.password_credentials if each.hint == hint]
    return min((end for end in ends if end is not None and end.tzinfo is not None), default=None)


async def _application(body: bytes) -> _Application:
    """Decode the application's object. Raises ValueError if the body is not of that form."""
    return msgspec.json.decode(body, type=_Application)
