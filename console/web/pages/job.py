"""The page of one job: what it does, step by step, and its live progress."""

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response, StreamingResponse

from console.documents.steps import troubled
from console.web import commands
from console.web.live import Live, Watch
from console.web.page import Page
from console.web.pages.jobs import action_to_retry, retryable
from console.web.progress import progress_values
from shared.domain.access import Action
from shared.domain.audit import Action as Audited
from shared.domain.audit import Event, event_of
from shared.domain.errors import COMPLETE, Code, Refuse
from shared.domain.jobs import Job, JobKind
from shared.domain.resources import RESOURCES
from shared.domain.resources.advice import reading_advice
from shared.ports.catalog.audit import EventFilter
from shared.ports.catalog.queries import WatchedJob

if TYPE_CHECKING:
    from console.documents.results import JobDetails, ResourceDocument
    from console.web.page import Ask
    from shared.domain.model import Snapshot

_VIEWS = ("", "steps", "trouble")


class Lack(NamedTuple):
    """A resource that a backup did not read whole."""

    read: "ResourceDocument"
    advice: str | None
    """What to do, and who must do it."""


def show(ask: "Ask") -> Page:
    """Show a job."""
    watched = _watched(ask)
    job = watched.job
    view = ask.query.text("view") if ask.query.text("view") in _VIEWS else ""
    made = _made(ask, job)
    values = progress_values(watched, ask.front.pulse.hindrances(), made, only_trouble=view == "trouble")
    document: JobDetails = values["document"]
    action, events = action_to_retry(job), _events(ask, job)
    cancelling = not job.state.ended and any(event.action == Audited.JOB_CANCELLED for event in events)
    values |= {
        "view": view,
        "path": f"/t/{ask.of_tenant.name}/jobs/{job.job_id}",
        "existing": ask.query.flag("existing"),
        "events": events,
        "cancelling": cancelling,
        "lacking": [_lack(each) for each in document.resources if each.answer not in (None, *COMPLETE)],
        "steps": [each for each in document.steps if view != "trouble" or troubled(each)],
        "flower": _flower(ask),
        "cancels": not (job.state.ended or cancelling) and ask.visitor.may(Action.JOB_CANCEL, job.tenant_id),
        "retries": retryable(job) and action is not None and ask.visitor.may(action, job.tenant_id),
        "lines": _lines(job),
    }
    return Page(template="jobs/job.html", values=values, fragment="job")


def live(ask: "Ask") -> Response:
    """Stream the progress of a job. Raise Refuse ``NO_SUCH_JOB``, alike for jobs that the visitor may not see."""
    job = _visible(ask, ask.path["job"])
    streams: Live = ask.request.app.state.live
    assert ask.visitor.signed_in is not None
    watch = Watch(
        job_id=job.job_id,
        tenant_id=job.tenant_id,
        sign_in_id=ask.visitor.signed_in.sign_in.sign_in_id,
        only_trouble=ask.query.text("view") == "trouble",
    )
    if streams.full(watch.sign_in_id):
        most = ask.front.limits.live_streams
        raise Refuse(Code.TOO_MANY_TRIES, f"This sign-in watches {most} jobs already, which is the most.")
    return StreamingResponse(streams.events(watch), media_type="text/event-stream")


def _watched(ask: "Ask") -> WatchedJob:
    """Return the job that the path names. Raise Refuse ``NO_SUCH_JOB``, alike for jobs of other tenants."""
    for watched in ask.catalog.queries().watched([ask.path["job"]]):
        if watched.job.tenant_id == ask.of_tenant.tenant_id:
            return watched
    raise Refuse(Code.NO_SUCH_JOB, "There is no such job, or you may not see it.")


def _visible(ask: "Ask", job_id: str) -> Job:
    """Return a job of any tenant that the visitor may see. Raise Refuse ``NO_SUCH_JOB``."""
    for watched in ask.catalog.queries().watched([job_id]):
        if ask.visitor.may(Action.TENANT_SEE, watched.job.tenant_id):
            return watched.job
    raise Refuse(Code.NO_SUCH_JOB, "There is no such job, or you may not see it.")


def _lack(read: "ResourceDocument") -> Lack:
    """Return a resource that was not read whole, with what to do."""
    row = RESOURCES.get(read.resource)
    return Lack(read, reading_advice(read.answer, row) if row is not None and read.answer is not None else None)


def _made(ask: "Ask", job: Job) -> "Snapshot | None":
    """Return the snapshot that a backup made, or None if there is none or it was removed."""
    if job.kind is not JobKind.BACKUP or job.snapshot is None:
        return None
    try:
        return ask.catalog.tenant(job.tenant_id).snapshots.get(job.snapshot)
    except Refuse as refusal:
        if refusal.code is not Code.NO_SUCH_SNAPSHOT:
            raise
        return None


def _events(ask: "Ask", job: Job) -> list[Event]:
    """Return the audit events about a job, oldest first: who asked for it, and who cancelled it.

    An event that cannot be read is left out here: the page of the audit trail reports it.
    """
    entries = ask.catalog.tenant(job.tenant_id).audit.find(EventFilter(job=job.job_id, limit=ask.front.limits.web_rows))
    events = []
    for entry in reversed(entries):
        with suppress(Refuse):
            events.append(event_of(entry))
    return events


def _flower(ask: "Ask") -> str | None:
    """Return the address of Flower's tasks, or None if none is set or the visitor may not see it."""
    url = ask.front.settings.flower_url
    return f"{url.rstrip('/')}/task/" if url and ask.visitor.may(Action.FLOWER_LINK) else None


def _lines(job: Job) -> list[str]:
    """Return the command lines that do what this page shows."""
    lines = [commands.show_job(job.job_id)]
    if not job.state.ended:
        lines.append(commands.cancel_job(job.job_id))
    elif retryable(job):
        lines.append(commands.retry_job(job.job_id))
    return lines
