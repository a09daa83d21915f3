"""The one table of routes: method, path, action, handler, and the face that answers. A route without an action fails.

Each module of pages has a section. ``{name}`` in a path is a tenant: dispatch reads it and checks the action in it.
"""

from console.web.pages import files, help_pages, home, preferences, probes
from console.web.table import Route
from shared.domain.access import Action

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
