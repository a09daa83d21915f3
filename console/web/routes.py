"""The one table of routes: method, path, action, handler, and the face that answers. A route without an action fails.

Each module of pages has a section. ``{name}`` in a path is a tenant: dispatch reads it and checks the action in it.
"""

from console.web.pages import files, fleet, help_pages, home, job, jobs, overview, preferences, probes
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
    Route("GET", "/fleet", Action.FLEET_SEE, fleet.show),
    Route("GET", "/t/{name}", Action.TENANT_SEE, overview.show),
    # jobs, schedule, audit, live
    Route("GET", "/jobs", Action.FLEET_SEE, jobs.of_all),
    Route("GET", "/t/{name}/jobs", Action.TENANT_SEE, jobs.of_tenant),
    Route("GET", "/t/{name}/jobs/{job}", Action.TENANT_SEE, job.show),
    Route("POST", "/t/{name}/jobs/{job}/cancel", Action.JOB_CANCEL, jobs.cancel),
    Route("POST", "/t/{name}/jobs/{job}/retry", Action.TENANT_SEE, jobs.retry),
    Route("POST", "/t/{name}/backup", Action.BACKUP_ASK, jobs.back_up),
    Route("POST", "/t/{name}/verify", Action.VERIFY_ASK, jobs.verify),
    Route("GET", "/live/jobs/{job}", Action.SELF_SEE, job.live),
    # key management
    # people, me
    # notices
    # the API
)
