"""What a handler gets and returns: ``Ask`` and ``Page``."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from console.web.front import Front
    from console.web.visitor import Visitor
    from shared.domain.key_health import KeyHealth
    from shared.domain.model import Tenant
    from shared.domain.people import SignedIn
    from shared.ports.catalog.database import Catalog


class Form(Mapping[str, str]):
    """The fields of a posted form or of a query. A field that was not sent is an empty text."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs
        self._first = dict(reversed(pairs))

    def __getitem__(self, name: str) -> str:
        return self._first[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def text(self, name: str) -> str:
        """Return the field's first value without outer spaces, or an empty text."""
        return self._first.get(name, "").strip()

    def all(self, name: str) -> list[str]:
        """Return all values of a field that may be sent several times."""
        return [value for key, value in self.pairs if key == name]

    def flag(self, name: str) -> bool:
        """Return True if a check box was ticked."""
        return name in self._first


def decoded(encoded: bytes) -> Form:
    """Return the fields of a form or a query. Raise Refuse ``WRONG_USE`` if they are not text."""
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=LIMITS.web_fields
        )
    except ValueError:
        raise Refuse(Code.WRONG_USE, "The request's fields are not text in UTF-8, or there are too many.") from None
    if any("\0" in part for pair in pairs for part in pair):
        raise Refuse(Code.WRONG_USE, "The request's fields contain a NUL character, which no text may have.")
    return Form(pairs)


def _no_table(*_: object) -> "Response":
    raise LookupError("this request has no table of routes")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request, after all checks: who asks, about which tenant, with which fields."""

    front: "Front"
    visitor: "Visitor"
    now: datetime
    request: "Request"
    tenant: "Tenant | None" = None
    """The tenant that the path names."""
    health: "KeyHealth | None" = None
    """The health of that tenant's KMS key."""
    path: Mapping[str, str] = field(default_factory=dict)
    """The path's parameters."""
    query: Form = field(default_factory=lambda: Form([]))
    form: Form = field(default_factory=lambda: Form([]))
    """The fields of a posted form; empty for other bodies."""
    body: bytes = b""
    knows: Callable[[str], bool] = lambda _: False
    """Return True for the path of one of our pages."""
    rerun: "Callable[[Ask, str, list[tuple[str, str]], Visitor], Response]" = _no_table
    """Return what the route that posts to a path answers to these fields, once the visitor has confirmed."""
    headers: list[tuple[str, str]] = field(default_factory=list)
    """Headers to add to the answer, whichever it is, such as a cookie."""

    @property
    def catalog(self) -> "Catalog":
        """Return the catalog, whose audit events name the visitor."""
        return self.front.catalog.as_actor(self.visitor.actor)

    @property
    def of_tenant(self) -> "Tenant":
        """Return the tenant of a route whose path names one."""
        assert self.tenant is not None
        return self.tenant

    @property
    def signed_in(self) -> "SignedIn":
        """Return the sign-in of a route that needs one. Raise Refuse ``NOT_SIGNED_IN``."""
        if self.visitor.signed_in is None:
            raise Refuse(Code.NOT_SIGNED_IN, "Sign in first.")
        return self.visitor.signed_in

    @property
    def from_htmx(self) -> bool:
        """Return True if htmx asks for a part of a page."""
        return "hx-request" in self.request.headers


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page to render: a template with its values."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    fragment: str | None = None
    """The block of the template that htmx gets; None for the whole page."""
    scripts: bool = True
    """False for pages without scripts, whose bytes do not depend on a nonce."""
    polled: bool = False
    """True if the page polls itself: htmx gets 304 while nothing has changed."""


Handler = Callable[[Ask], "Page | Response"]
"""A plain function, which runs in a thread."""
