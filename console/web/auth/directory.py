"""The fourth step of the set-up: the command that connects a directory, written from fields, and its outcome.

The console has no key, so it cannot take the secret of an application. The page waits until SQL knows the tenant.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from console.web import commands
from console.web.page import Page
from shared.domain.errors import Code, Refuse
from shared.domain.model import is_tenant_name
from shared.domain.records import is_guid

if TYPE_CHECKING:
    from console.web.page import Ask

_ID = "It has 36 characters, such as 22222222-2222-2222-2222-222222222222."
_WRONG = {
    "name": (is_tenant_name, "A name has 1 to 40 lower-case letters a to z, digits and hyphens."),
    "directory": (is_guid, _ID),
    "client": (is_guid, _ID),
}
_KINDS = ("secret", "certificate")


def show(ask: "Ask") -> Page:
    """Show the fields, and for complete ones the command, until the tenant is connected."""
    sent = {name: ask.query.text(name) for name in _WRONG}
    kind = ask.query.text("kind")
    sent["kind"] = kind if kind in _KINDS else _KINDS[0]
    submitted = "name" in ask.query
    wrong = {name: text for name, (fits, text) in _WRONG.items() if submitted and not fits(sent[name])}
    complete = submitted and not wrong
    values = {
        "sent": sent,
        "wrong": {name: wrong.get(name, "") for name in _WRONG},
        "line": _line(sent) if complete else None,
        "query": urlencode(sent),
        "connected": complete and _connected(ask, sent["name"]),
    }
    return Page(template="auth/directory.html", values=values, status=422 if wrong else 200, fragment="waiting")


def _line(sent: dict[str, str]) -> str:
    """Return the command."""
    secret = sent["kind"] == "secret"
    return commands.add_tenant(
        sent["name"],
        sent["directory"].lower(),
        sent["client"].lower(),
        secret_file="secret.txt" if secret else None,
        certificate=None if secret else "entrakeep.pem",
    )


def _connected(ask: "Ask", name: str) -> bool:
    """Return True if SQL knows the tenant."""
    try:
        ask.catalog.find(name)
    except Refuse as error:
        if error.code is not Code.NO_SUCH_TENANT:
            raise
        return False
    return True
