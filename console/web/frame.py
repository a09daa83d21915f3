"""What surrounds each page: navigation, the tenant and its key, the person, and banners."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from console.web.visitor import Visitor
from shared.domain.access import Action
from shared.domain.key_health import KeyCondition, regained

if TYPE_CHECKING:
    from console.web.page import Ask
    from shared.domain.model import Tenant
    from shared.engine.requests.hindrances import Hindrance

_SHOWN_FOR = timedelta(days=1)
THEMES = ("system", "light", "dark")


class Entry(NamedTuple):
    """A page in the navigation."""

    label: str
    path: str
    """The path of its route."""
    action: Action
    icon: str
    key: str = ""
    """The letter that opens it after ``g``."""


_INSTALLATION = (
    Entry("Fleet", "/fleet", Action.FLEET_SEE, "layout-dashboard", "f"),
    Entry("Jobs", "/jobs", Action.FLEET_SEE, "list-checks", "j"),
    Entry("Audit", "/audit", Action.AUDIT_SEE, "scroll-text", "a"),
    Entry("People", "/people", Action.INSTALLATION_PEOPLE, "users-round", "p"),
    Entry("Notices", "/notices", Action.NOTICES_SET, "bell"),
)
_TENANT = (
    Entry("Overview", "/t/{name}", Action.TENANT_SEE, "activity", "o"),
    Entry("Snapshots", "/t/{name}/snapshots", Action.TENANT_SEE, "camera", "s"),
    Entry("Jobs", "/t/{name}/jobs", Action.TENANT_SEE, "list-checks", "j"),
    Entry("Schedule", "/t/{name}/schedule", Action.TENANT_SEE, "calendar-clock", "c"),
    Entry("Audit", "/t/{name}/audit", Action.AUDIT_SEE, "scroll-text", "a"),
)
_SETTINGS = (
    Entry("Key management", "/t/{name}/settings/key-management", Action.TENANT_SEE, "key-round", "k"),
    Entry("Connection", "/t/{name}/settings/connection", Action.TENANT_SEE, "plug"),
    Entry("Notices", "/t/{name}/settings/notices", Action.NOTICES_SET, "bell"),
    Entry("People", "/t/{name}/people", Action.PEOPLE_GRANT, "users-round", "p"),
)


ENTRIES = (*_INSTALLATION, *_TENANT, *_SETTINGS)


class Link(NamedTuple):
    """A link of the navigation, as shown."""

    label: str
    href: str
    icon: str
    key: str
    current: bool


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The values of ``frame.html``."""

    scripts: bool
    theme: str
    keys: bool
    """True if single keys are shortcuts."""
    dense: bool
    """True for rows of the usual height."""
    handle: str | None = None
    installation: tuple[Link, ...] = ()
    of_tenant: tuple[Link, ...] = ()
    settings: tuple[Link, ...] = ()
    hindrances: "tuple[Hindrance, ...]" = ()
    revoked: bool = False
    break_glass: tuple[tuple[str, datetime], ...] = ()
    """Handles and times of sign-ins for break-glass in the last day, which everybody sees."""
    regained: bool = False
    """True if the tenant's key answers again since a short while ago."""
    may_check_key: bool = False
    path: str = "/"
    """The path of this page, to come back to."""


def frame_of(
    ask: "Ask | None", active: str, paths: frozenset[str], *, scripts: bool, theme: str | None = None
) -> Frame:
    """Return the frame of a page, or with None of a page for whom nobody knows.

    ``active`` is the path of its route, ``paths`` those of all routes: the navigation shows only pages that exist.
    """
    if ask is None:
        return Frame(scripts=scripts, theme=_theme(theme), keys=False, dense=True)
    cookies = ask.request.cookies
    visitor, tenant = ask.visitor, ask.tenant
    person = visitor.signed_in.person.handle if visitor.signed_in else None
    return Frame(
        scripts=scripts,
        theme=_theme(cookies.get("theme")),
        keys=cookies.get("keys") != "off",
        dense=cookies.get("rows") != "comfortable",
        handle=person,
        installation=tuple(_links(_INSTALLATION, visitor, None, active, paths)) if person else (),
        of_tenant=tuple(_links(_TENANT, visitor, tenant, active, paths)) if tenant else (),
        settings=tuple(_links(_SETTINGS, visitor, tenant, active, paths)) if tenant else (),
        hindrances=ask.front.pulse.hindrances() if person else (),
        break_glass=_break_glass(ask) if person else (),
        revoked=ask.health is not None and ask.health.condition is KeyCondition.REVOKED,
        regained=ask.health is not None and tenant is not None and regained(ask.health, tenant.created_at, ask.now),
        may_check_key=tenant is not None and visitor.may(Action.KEY_CHECK, tenant.tenant_id),
        path=ask.request.url.path,
    )


def _break_glass(ask: "Ask") -> tuple[tuple[str, datetime], ...]:
    """Return who has signed in for break-glass in the last day, at most a minute old."""

    def read() -> tuple[tuple[str, datetime], ...]:
        return tuple(ask.front.catalog.people().used_break_glass(ask.now - _SHOWN_FOR))

    return ask.front.kept.get("break-glass", ask.front.clock.monotonic(), read)


def _links(
    entries: tuple[Entry, ...], visitor: Visitor, tenant: "Tenant | None", active: str, paths: frozenset[str]
) -> Iterator[Link]:
    """Yield the links to pages that exist and that the visitor may see."""
    for entry in entries:
        if entry.path in paths and visitor.may(entry.action, tenant.tenant_id if tenant else None):
            href = entry.path.replace("{name}", tenant.name) if tenant else entry.path
            yield Link(entry.label, href, entry.icon, entry.key, _is_below(active, entry.path))


def _is_below(active: str, path: str) -> bool:
    """Return True if the active page is this one or one below it. The overview has none below it."""
    return active == path or (path != "/t/{name}" and active.startswith(f"{path}/"))


def _theme(value: str | None) -> str:
    return value if value in THEMES else "system"
