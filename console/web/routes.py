"""The one table of routes: method, path, action, handler, and the face that answers. A route without an action fails.

Each module of pages has a section. ``{name}`` in a path is a tenant: dispatch reads it and checks the action in it.
"""

from dataclasses import dataclass

from console.web.faces import Face
from console.web.page import Handler
from console.web.pages import files, help_pages, home, preferences, probes
from shared.domain.access import Action, needs_confirmation


@dataclass(frozen=True)
class Route:
    """One thing that the console does."""

    method: str
    path: str
    action: Action
    handler: Handler
    face: Face = Face.CATALOG
    confirm: bool | None = None
    """Whether the person must have confirmed lately; None for the rule of the action, which reading never needs."""

    def __post_init__(self) -> None:
        """Raise TypeError for a route without an action."""
        if not isinstance(self.action, Action):
            raise TypeError(f"the route {self.method} {self.path} has no action")

    @property
    def needs_confirmation(self) -> bool:
        """Return True if the person must have confirmed in the last minutes."""
        if self.confirm is not None:
            return self.confirm
        return self.method != "GET" and needs_confirmation(self.action)


ROUTES: tuple[Route, ...] = (
    # probes, files, help, preferences
    Route("GET", "/healthz", Action.PUBLIC, probes.alive),
    Route("GET", "/readyz", Action.PUBLIC, probes.ready),
    Route("GET", "/static/{digest}/{file}", Action.PUBLIC, files.static),
    Route("GET", "/favicon.ico", Action.PUBLIC, files.icon),
    Route("GET", "/", Action.PUBLIC, home.home),
    Route("GET", "/tenants", Action.SELF_SEE, home.tenants),
    Route("GET", "/help", Action.PUBLIC, help_pages.contents),
    Route("GET", "/help/{topic}", Action.PUBLIC, help_pages.topic),
    Route("POST", "/preferences", Action.PUBLIC, preferences.save),
    # sign-in: console/web/auth
    # fleet, overview, snapshots, connection
    # jobs, schedule, audit, live
    # key management
    # people, me
    # notices
    # the API
)

PATHS = frozenset(route.path for route in ROUTES)
