"""Pages of jobs: lists, one job, and what may be asked of jobs."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from starlette.responses import RedirectResponse, Response

from console.documents.job_sentences import result_of, sentence_of
from console.documents.words import duration
from console.web import commands
from console.web.addresses import address
from console.web.auth import confirm
from console.web.page import Page
from shared.domain.access import Action, needs_confirmation
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobKind, JobState, Origin, row_of
from shared.engine.requests.jobs import cancel_job, request_backup, request_verify, retry_job
from shared.ports.catalog.queries import JobFilter

if TYPE_CHECKING:
    from console.web.page import Ask

_E = TypeVar("_E", bound=StrEnum)
RETRY_ACTIONS: Mapping[JobKind, Action] = {
    JobKind.BACKUP: Action.JOB_RETRY,
    JobKind.PLAN: Action.PLAN_MAKE,
    JobKind.KEY_ENABLE: Action.KEY_ENABLE,
    JobKind.KEY_UPDATE: Action.KEY_UPDATE,
}
"""What retrying a job takes, by kind: no less than asking for it. Restores, which need an approval, are not retried here."""
UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


class JobRow(NamedTuple):
    """A row of the list."""

    job: Job
    tenant: str
    result: str
    """How it ended, or what it waits for."""
    took: str | None


def of_all(ask: "Ask") -> Page:
    """Show the jobs of all tenants, newest first."""
    return _listed(ask, None)


def of_tenant(ask: "Ask") -> Page:
    """Show the jobs of a tenant, newest first."""
    return _listed(ask, ask.of_tenant.tenant_id)


def back_up(ask: "Ask") -> Response:
    """Request a backup, and show its job. If one is queued or running, that one is shown."""
    name = ask.of_tenant.name
    requested = request_backup(ask.catalog, ask.visitor.actor, name, full=ask.form.flag("full"))
    return _shown(name, requested.job.job_id, existing=not requested.new)


def verify(ask: "Ask") -> Response:
    """Request a verify, and show its job. If one is queued or running, that one is shown."""
    tenant = ask.of_tenant
    wanted = JobFilter(tenant_id=tenant.tenant_id, kinds=(JobKind.VERIFY,), states=UNFINISHED, limit=1)
    for job, _ in ask.catalog.queries().jobs(wanted):
        return _shown(tenant.name, job.job_id, existing=True)
    snapshot = ask.form.text("snapshot") or None
    shallow = ask.form.flag("shallow")
    job = request_verify(ask.catalog, ask.visitor.actor, tenant.name, snapshot, shallow=shallow)
    return _shown(tenant.name, job.job_id)


def cancel(ask: "Ask") -> Response:
    """Cancel a job, and show it."""
    job = own_job(ask)
    cancel_job(ask.catalog, ask.visitor.actor, job.job_id)
    return _shown(ask.of_tenant.name, job.job_id)


def retry(ask: "Ask") -> Page | Response:
    """Request an ended job again, and show the new one. Raise Refuse ``NOT_ALLOWED``, and as ``retry_job`` does."""
    job = own_job(ask)
    action = action_to_retry(job)
    if action is None:
        line = commands.retry_job(job.job_id)
        raise Refuse(Code.WRONG_USE, f"A {job.kind} job cannot be retried here. Use the command line: '{line}'.")
    if not ask.visitor.may(action, job.tenant_id):
        raise Refuse(Code.NOT_ALLOWED, f"Your roles do not include retrying a {job.kind} job.")
    if needs_confirmation(action) and not ask.visitor.confirmed(ask.now):
        return confirm.first(ask)
    requested = retry_job(ask.catalog, ask.visitor.actor, job.job_id)
    return _shown(ask.of_tenant.name, requested.job.job_id, existing=not requested.new)


def action_to_retry(job: Job) -> Action | None:
    """Return what retrying a job takes, or None if jobs of its kind are not retried in the console."""
    return RETRY_ACTIONS.get(job.kind) if isinstance(job.kind, JobKind) else None


def own_job(ask: "Ask") -> Job:
    """Return the job that the path names. Raise Refuse ``NO_SUCH_JOB``, alike for jobs of other tenants."""
    return ask.catalog.tenant(ask.of_tenant.tenant_id).jobs.get(ask.path["job"])


def chosen(kind: type[_E], text: str) -> _E | None:
    """Return the member of a list of values that a filter names, or None for an empty text. Raise Refuse ``WRONG_USE``."""
    try:
        return kind(text) if text else None
    except ValueError:
        raise Refuse(Code.WRONG_USE, f"The filter has no value '{text}'.") from None


def _shown(name: str, job_id: str, *, existing: bool = False) -> Response:
    """Lead to a job's page. ``existing`` adds a note that it is not a new one."""
    return RedirectResponse(f"/t/{name}/jobs/{job_id}{'?existing=yes' if existing else ''}", 303)


def _listed(ask: "Ask", tenant_id: str | None) -> Page:
    """Return a page of jobs that pass the filter in the address."""
    query, limit = ask.query, ask.front.limits.web_rows
    state, kind = chosen(JobState, query.text("state")), chosen(JobKind, query.text("kind"))
    origin = chosen(Origin, query.text("by"))
    wanted = JobFilter(
        tenant_id=tenant_id,
        states=() if state is None else (state,),
        kinds=() if kind is None else (kind,),
        origin=origin,
        after=query.text("after") or None,
        limit=limit + 1,
    )
    jobs = ask.catalog.queries().jobs(wanted)
    rows = [_row(job, tenant) for job, tenant in jobs[:limit]]
    filters = {name: value.value for name, value in (("state", state), ("kind", kind), ("by", origin)) if value}
    path = ask.request.url.path
    values = {
        "path": path,
        "rows": rows,
        "filters": {"state": "", "kind": "", "by": "", **filters},
        "narrow": bool(filters),
        "next": address(path, {**filters, "after": rows[-1].job.job_id}) if len(jobs) > limit else None,
        "first": address(path, filters) if wanted.after else None,
        "states": _options(JobState),
        "kinds": _options(kind for kind in JobKind),
        "origins": [("", "Anybody"), (Origin.HAND.value, "A person"), (Origin.SCHEDULE.value, "The schedule")],
        "may_back_up": tenant_id is not None and ask.visitor.may(Action.BACKUP_ASK, tenant_id),
        "line": commands.list_jobs(ask.tenant.name if ask.tenant else None, [state.value] if state else []),
        "backup_line": commands.back_up(ask.tenant.name) if ask.tenant else None,
    }
    return Page(template="jobs/list.html", values=values)


def _row(job: Job, tenant: str) -> JobRow:
    """Return the row of a job."""
    took = duration(job.finished_at - job.started_at) if job.finished_at and job.started_at else None
    if job.state is JobState.FAILED and job.code and job.message:
        result = f"{job.code}: {job.message}"
    elif job.state is JobState.SUCCEEDED:
        result = f"{result_of(job)}."
    else:
        result = job.message or sentence_of(job, ())
    return JobRow(job=job, tenant=tenant, result=result, took=took)


def _options(values: Iterable[StrEnum]) -> list[tuple[str, str]]:
    """Return the choices of a filter."""
    return [("", "All"), *((value.value, value.value.replace("_", " ")) for value in values)]


def retryable(job: Job) -> bool:
    """Return True if an ended job of this kind can be requested again."""
    row = row_of(job.kind)
    return job.state.ended and row is not None and row.may_retry
