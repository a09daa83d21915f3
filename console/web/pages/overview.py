"""The page of a tenant: how well it is protected, what runs, and what is not ready for a bad day."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from console.documents.changes import total_changes
from console.documents.fleet import key_cause
from console.documents.job_sentences import sentence_of
from console.documents.words import duration
from console.web import commands
from console.web.page import Page
from console.web.pages.fleet import shown_as
from console.web.readiness import readiness
from shared.domain.access import Action
from shared.domain.jobs import Job, JobKind, JobState, Step
from shared.domain.schedule import next_due
from shared.engine.requests.fleet import Protection, protection_of_tenant, recent_timeline, rpo_history

if TYPE_CHECKING:
    from datetime import datetime

    from console.web.page import Ask

_JOBS = 8
"""Jobs that the page lists."""
_WELL = (JobState.SUCCEEDED, JobState.SUCCEEDED_WITH_WARNINGS)


class JobRow(NamedTuple):
    """A job of the list."""

    job: Job
    result: str


def show(ask: "Ask") -> Page:
    """Show the overview of a tenant."""
    tenant, now = ask.of_tenant, ask.now
    protection = protection_of_tenant(ask.catalog, tenant.tenant_id, now)
    timeline = recent_timeline(ask.catalog, tenant.tenant_id, now)
    recent = ask.catalog.queries().recent(tenant.tenant_id, _JOBS)
    rows = [JobRow(each.job, _result(each.job, each.steps)) for each in recent]
    newest = timeline.newest
    may = {each.name: ask.visitor.may(each, tenant.tenant_id) for each in (Action.BACKUP_ASK, Action.VERIFY_ASK)}
    values = {
        "path": f"/t/{tenant.name}",
        "protection": protection,
        "state_shown": shown_as(protection.state),
        "rpo": None if protection.rpo is None else duration(protection.rpo),
        "target": None if protection.target is None else duration(protection.target),
        "bars": _bars(rpo_history(timeline, now), protection.target),
        "newest": newest,
        "changes": total_changes(newest) if newest else None,
        "lacking": [each for each in newest.resources if each.lacking] if newest else [],
        "next": _next(protection, now),
        "running": [row for row in rows if not row.job.state.ended],
        "jobs": rows,
        "failed": _failed([row.job for row in rows]),
        "cause": key_cause(protection.key),
        "readiness": readiness(ask, protection),
        "may_back_up": may["BACKUP_ASK"],
        "may_verify": may["VERIFY_ASK"],
        "lines": [commands.show_tenant(tenant.name), commands.back_up(tenant.name), commands.verify(tenant.name)],
    }
    return Page(template="tenant/overview.html", values=values, fragment="live", polled=True)


def _bars(history: list[tuple[date, timedelta | None]], target: timedelta | None) -> list[tuple[float, str, str]]:
    """Return a bar for the highest RPO of each day. The highest bar is the highest RPO, or twice the target."""
    values = [rpo for _, rpo in history if rpo is not None]
    most = max([*values, 2 * (target or timedelta(0)), timedelta(seconds=1)])
    bars = []
    for day, rpo in history:
        if rpo is None:
            bars.append((0.0, "queued", f"{day:%d %b}: no complete snapshot"))
            continue
        kind = "ok" if target is None or rpo <= target else "bad" if rpo > 2 * target else "warn"
        bars.append((rpo / most, kind, f"{day:%d %b}: highest RPO {duration(rpo)}"))
    return bars


def _next(protection: Protection, now: "datetime") -> "datetime | None":
    """Return when the next backup is due, or None if nothing is scheduled. A target needs a schedule that is due."""
    status = protection.status
    if protection.target is None or status.cron is None or status.timezone is None or status.paused:
        return None
    return next_due(status.cron, status.timezone, now)


def _failed(jobs: list[Job]) -> Job | None:
    """Return the last backup that ended, if it failed."""
    ended = (job for job in jobs if job.kind is JobKind.BACKUP and job.state.ended)
    last = next(ended, None)
    return None if last is None or last.state in _WELL else last


def _result(job: Job, steps: Sequence[Step]) -> str:
    """Return how a job ended, or what it does, in a sentence."""
    if job.code and job.message:
        return f"{job.code}: {job.message}"
    return job.message or sentence_of(job, steps)
