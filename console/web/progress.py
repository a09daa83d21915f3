"""The progress of jobs as pages and streams show it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from console.documents.results import job_details
from console.documents.steps import StepDocument, troubled
from console.web.live import Look, News, Watch
from shared.domain.access import Action, may
from shared.domain.jobs import Job
from shared.ports.catalog.queries import WatchedJob

if TYPE_CHECKING:
    from console.web.front import Front
    from console.web.rendering import Rendering
    from shared.domain.model import Snapshot
    from shared.engine.requests.hindrances import Hindrance

_TEMPLATE = "jobs/progress.html"
_OVER = News(None, last=True)


def progress_values(
    watched: WatchedJob,
    hindrances: "tuple[Hindrance, ...]",
    made: "Snapshot | None" = None,
    *,
    only_trouble: bool = False,
) -> dict[str, Any]:
    """Return the values of ``jobs/progress.html``."""
    job = watched.job
    blocking = () if job.state.ended else hindrances
    document = job_details(job, watched.tenant, watched.steps, blocking, made)
    done = sum(step.state == "done" for step in document.steps)
    return {
        "job": job,
        "document": document,
        "percent": 100 * done // len(document.steps) if document.steps else None,
        "at_work": [each for each in document.steps if _at_work(each, job, only_trouble=only_trouble)],
    }


def _at_work(step: StepDocument, job: Job, *, only_trouble: bool) -> bool:
    """Return True if a step is shown one by one: a worker has it, or it has trouble. All others are counted."""
    return troubled(step) or (step.state == "running" and not job.state.ended and not only_trouble)


def looking(front: "Front", rendering: "Rendering") -> Look:
    """Return the function that sees what there is to show for each stream.

    It takes one query for all sign-ins and one for all jobs. A stream whose sign-in has ended, or who may not see the tenant
    any more, gets nothing.
    """

    def look(watches: Sequence[Watch]) -> Mapping[Watch, News]:
        now = front.clock.now()
        signed_in = front.catalog.sign_ins().current({watch.sign_in_id for watch in watches}, now)
        jobs = {each.job.job_id: each for each in front.catalog.queries().watched({each.job_id for each in watches})}
        hindrances = front.pulse.hindrances()
        texts: dict[tuple[str, bool], str] = {}

        def news_of(watch: Watch) -> News:
            visitor, watched = signed_in.get(watch.sign_in_id), jobs.get(watch.job_id)
            if visitor is None or watched is None or not may(Action.TENANT_SEE, visitor.grants, watch.tenant_id, now):
                return _OVER
            view = (watch.job_id, watch.only_trouble)
            if view not in texts:
                values = progress_values(watched, hindrances, only_trouble=watch.only_trouble)
                texts[view] = rendering.part(_TEMPLATE, values)
            return News(texts[view], last=watched.job.state.ended)

        return {watch: news_of(watch) for watch in watches}

    return look
