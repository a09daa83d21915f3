"""An endpoint of the API, and what its handler gets and returns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from console.web.dispatch import NO_SUCH_TENANT
from console.web.security import API
from shared.domain.access import RULES, Action
from shared.domain.errors import Code, Refuse
from shared.domain.people import TokenUse

if TYPE_CHECKING:
    from console.web.front import Front
    from shared.domain.model import Tenant
    from shared.ports.catalog.database import Catalog

PREFIX = API.rstrip("/")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No fields."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of a program, after all checks."""

    front: "Front"
    use: TokenUse
    """The token that the request carries."""
    now: datetime
    tenant: "Tenant | None"
    """The tenant that the path names."""
    path: Mapping[str, str]
    query: Any
    """The query, as the endpoint's type of it."""
    body: Any
    """The body, as the endpoint's type of it."""

    @property
    def actor(self) -> str:
        """Return the actor whom audit events name."""
        return f"token:{self.use.token.name}"

    @property
    def catalog(self) -> "Catalog":
        """Return the catalog, whose audit events name the token."""
        return self.front.catalog.as_actor(self.actor)

    @property
    def of_tenant(self) -> "Tenant":
        """Return the tenant of an endpoint whose path names one."""
        assert self.tenant is not None
        return self.tenant


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an endpoint answers."""

    document: Any = None
    status: int = 200
    after: str | None = None
    """The mark of the next page; None on the last one."""
    lines: Iterator[bytes] | None = None
    """Lines of JSON to stream, in place of the document."""


Handler = Callable[[Call], Answer]
"""A plain function, which runs in a thread."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One thing that a program may ask for."""

    method: str
    path: str
    """Below ``/api/v1``. ``{name}`` is a tenant."""
    action: Action
    handler: Handler
    returns: Any
    """The type of the document."""
    pages: tuple[str, ...] = field(default=())
    """The paths of the console's pages that show or do the same."""
    command: str | None = None
    """The command that prints the same document with ``--json``."""
    query: type[msgspec.Struct] = Nothing
    body: type[msgspec.Struct] = Nothing
    status: int = 200

    def __post_init__(self) -> None:
        """Raise TypeError for an endpoint without an action, or with one that no token carries."""
        if not isinstance(self.action, Action) or not RULES[self.action].token:
            raise TypeError(f"the endpoint {self.method} {self.path} has no action that a token may carry")


def tenant_of(catalog: "Catalog", name: str, use: TokenUse, now: datetime) -> "Tenant":
    """Return a tenant. Raise Refuse ``NO_SUCH_TENANT``, alike for one that the token's maker may not see."""
    try:
        tenant = catalog.find(name)
    except Refuse as error:
        if error.code is not Code.NO_SUCH_TENANT:
            raise
        tenant = None
    if tenant is None or not use.covers(tenant.tenant_id, now):
        raise Refuse(Code.NO_SUCH_TENANT, NO_SUCH_TENANT)
    return tenant
