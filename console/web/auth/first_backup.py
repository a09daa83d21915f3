"""The last step of the set-up: the first backup as it runs, an hourly schedule, and what is not ready for a bad day."""

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.documents.job_sentences import sentence_of
from console.web import commands
from console.web.page import Page
from console.web.readiness import readiness
from shared.domain.access import Action
from shared.domain.jobs import JobKind
from shared.engine.requests.fleet import protection_of_tenant
from shared.engine.requests.jobs import request_backup
from shared.engine.requests.schedules import set_schedule
from shared.ports.catalog.queries import JobFilter

if TYPE_CHECKING:
    from console.web.page import Ask

_HOURLY = "0 * * * *"
_TIMEZONE = "UTC"


def show(ask: "Ask") -> Page:
    """Show the newest backup as it runs. Once there is one, show what is not ready."""
    tenant = ask.of_tenant
    wanted = JobFilter(tenant_id=tenant.tenant_id, kinds=(JobKind.BACKUP,), limit=1)
    job = next((job for job, _ in ask.catalog.queries().jobs(wanted)), None)
    ended = job is not None and job.state.ended
    values = {
        "job": job,
        "sentence": (job.message or sentence_of(job, ())) if job else "",
        "ended": ended,
        "points": readiness(ask, protection_of_tenant(ask.catalog, tenant.tenant_id, ask.now)) if ended else [],
        "may_begin": ask.visitor.may(Action.SCHEDULE_SET, tenant.tenant_id),
        "lines": [
            commands.back_up(tenant.name),
            commands.set_schedule(tenant.name, _HOURLY, _TIMEZONE),
        ],
    }
    return Page(template="auth/first_backup.html", values=values, fragment="progress")


def begin(ask: "Ask") -> Response:
    """Request the first backup, and set the schedule if that was ticked."""
    name = ask.of_tenant.name
    if ask.form.flag("hourly"):
        set_schedule(ask.catalog, ask.visitor.actor, name, _HOURLY, _TIMEZONE, ask.now)
    request_backup(ask.catalog, ask.visitor.actor, name)
    return RedirectResponse(f"/t/{name}/set-up", 303)
