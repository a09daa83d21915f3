"""The page of a tenant's schedule."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import available_timezones

from starlette.responses import RedirectResponse, Response

from console.documents.schedules import RunsDocument, runs_document
from console.documents.words import duration
from console.web import commands
from console.web.page import Page
from shared.domain.access import Action
from shared.domain.audit import Action as Event
from shared.domain.audit import event_of
from shared.domain.errors import Code, Refuse
from shared.domain.freshness import rpo_target
from shared.domain.schedule import zone_of
from shared.engine.requests.schedules import pause_schedule, resume_schedule, set_schedule
from shared.ports.catalog.audit import EventFilter

if TYPE_CHECKING:
    from console.web.page import Ask
    from shared.domain.model import Schedule
    from shared.ports.catalog.schedules import Schedules

_OFFERED = "0 */6 * * *"
"""The cron expression in the form of a tenant without a schedule."""
_DONE = {"saved": "Saved.", "paused": "Paused.", "resumed": "Resumed."}


class Paused(NamedTuple):
    """Who paused a schedule, and when."""

    actor: str
    since: datetime


class Local(NamedTuple):
    """A due time, in UTC and in the zone of the schedule."""

    utc: datetime
    local: datetime


def show(ask: "Ask") -> Page:
    """Show the schedule; with ``cron`` and ``timezone`` in the address, what these would mean."""
    schedule = _schedules(ask).get()
    if "cron" not in ask.query:
        typed = (schedule.cron, schedule.timezone) if schedule is not None else (_OFFERED, "UTC")
        return _page(ask, schedule, typed)
    return _page(ask, schedule, (ask.query.text("cron"), ask.query.text("timezone") or "UTC"), preview=True)


def save(ask: "Ask") -> Page | Response:
    """Set the schedule. What was typed stays if it is refused."""
    cron, timezone = ask.form.text("cron"), ask.form.text("timezone") or "UTC"
    try:
        set_schedule(ask.catalog, ask.visitor.actor, ask.of_tenant.name, cron, timezone, ask.now)
    except Refuse as refusal:
        if refusal.code is not Code.SETTINGS_INVALID:
            raise
        return _page(ask, _schedules(ask).get(), (cron, timezone), preview=True)
    return _done(ask, "saved")


def pause(ask: "Ask") -> Response:
    """Pause the schedule."""
    pause_schedule(ask.catalog, ask.visitor.actor, ask.of_tenant.name)
    return _done(ask, "paused")


def resume(ask: "Ask") -> Response:
    """Resume the schedule."""
    resume_schedule(ask.catalog, ask.visitor.actor, ask.of_tenant.name, ask.now)
    return _done(ask, "resumed")


def _page(ask: "Ask", schedule: "Schedule | None", typed: tuple[str, str], *, preview: bool = False) -> Page:
    """Return the page with these texts in its form. Texts that are no schedule are answered with 422."""
    cron, timezone = typed
    runs, errors = _understood(cron, timezone, ask.now)
    name = ask.of_tenant.name
    values: dict[str, Any] = {
        "schedule": schedule,
        "cron": cron,
        "timezone": timezone,
        "errors": {"cron": "", "timezone": "", **errors},
        "wrong": bool(errors),
        "runs": runs,
        "dues": _dues(runs),
        "preview": preview,
        "late": schedule is not None and schedule.next_due is not None and schedule.next_due < ask.now,
        "paused": _paused(ask) if schedule is not None and schedule.paused else None,
        "target": _target(cron, timezone, ask.now) if runs is not None else None,
        "may_set": ask.visitor.may(Action.SCHEDULE_SET, ask.of_tenant.tenant_id),
        "zones": _zones() if ask.visitor.may(Action.SCHEDULE_SET, ask.of_tenant.tenant_id) else (),
        "done": _DONE.get(ask.query.text("done")),
        "path": f"/t/{name}/schedule",
        "lines": _lines(name, typed, schedule),
    }
    return Page(template="schedule.html", values=values, status=422 if errors else 200)


def _understood(cron: str, timezone: str, now: datetime) -> tuple[RunsDocument | None, dict[str, str]]:
    """Return what the texts mean, or else the sentence for the field that is wrong."""
    try:
        zone_of(timezone)
    except Refuse as refusal:
        return None, {"timezone": refusal.message}
    try:
        return runs_document(cron, timezone, now), {}
    except Refuse as refusal:
        return None, {"cron": refusal.message}


def _dues(runs: RunsDocument | None) -> list[Local]:
    """Return the next due times in both zones."""
    parse = datetime.fromisoformat
    return [Local(parse(run.at), parse(run.local)) for run in runs.next] if runs is not None else []


def _target(cron: str, timezone: str, now: datetime) -> str | None:
    """Return the RPO target that a schedule gives, in words."""
    target: timedelta | None = rpo_target(cron, timezone, now)
    return None if target is None else duration(target)


def _paused(ask: "Ask") -> Paused | None:
    """Return who paused the schedule, as the audit trail has it, or None if that cannot be read."""
    wanted = EventFilter(action=Event.SCHEDULE_PAUSED.value, limit=1)
    for entry in ask.catalog.tenant(ask.of_tenant.tenant_id).audit.find(wanted):
        try:
            event = event_of(entry)
        except Refuse:
            return None
        return Paused(event.actor, datetime.fromisoformat(event.at))
    return None


def _schedules(ask: "Ask") -> "Schedules":
    """Return the handle of the tenant's schedule."""
    return ask.catalog.tenant(ask.of_tenant.tenant_id).schedules


@lru_cache(maxsize=1)
def _zones() -> list[str]:
    """Return the names of all time zones, which are read from many files once."""
    return sorted(available_timezones())


def _done(ask: "Ask", what: str) -> Response:
    """Lead back to the page, with a note."""
    return RedirectResponse(f"/t/{ask.of_tenant.name}/schedule?done={what}", 303)


def _lines(name: str, typed: tuple[str, str], schedule: "Schedule | None") -> list[str]:
    """Return the command lines of this page's actions."""
    lines = [commands.set_schedule(name, *typed)]
    if schedule is not None:
        lines.append(commands.resume_schedule(name) if schedule.paused else commands.pause_schedule(name))
    return lines
