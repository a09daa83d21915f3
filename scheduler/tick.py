"""The tick: due times become jobs, jobs get their steps, expired claims go back, messages go out."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.domain.errors import EntrakeepError
from shared.domain.schedule import next_due
from shared.engine.context import Context
from shared.engine.jobs.plan import steps_of
from shared.engine.jobs.sending import send_due
from shared.ports.scheduler import SchedulerCatalog

log = logging.getLogger(__name__)


def tick(context: Context) -> None:
    """Once a second, by every beat; several may do it at the same time. Each part is a transaction of its own.

    What goes wrong with a due time, a job or a part keeps nothing else from being done: it is logged, and the last of it is
    raised when the rest is done. Beat lives all the same; only without the catalog does it not say so.
    """
    scheduler = context.catalog.scheduler()
    scheduler.last_tick()  # a catalog that is away says so here, once, and not in each of the parts
    failed: list[Exception] = []
    with _apart(failed, "times of a clock that was set back are kept"):
        if scheduler.bring_back(context.limits.claim_seconds):
            log.warning("the database's clock was set back: claims and waits that it made longer have ended")
    with _apart(failed, "due times become no jobs"):
        _make_due(context, scheduler, failed)
    with _apart(failed, "late backups are not noted"):
        scheduler.note_late(context.limits.late_seconds)
    with _apart(failed, "secrets that expire are not noted"):
        scheduler.note_expiring()
    with _apart(failed, "tenants get no prunes"):
        scheduler.make_prunes(timedelta(hours=context.limits.sweep_hours))
    with _apart(failed, "jobs get no steps"):
        for job in scheduler.unplanned():
            with _apart(failed, "a job gets no steps", tenant=job.tenant_id, job=job.job_id):
                scheduler.give_steps(job, steps_of(job.kind))
    with _apart(failed, "expired claims do not go back"):
        scheduler.expire(context.limits.claims_lost)
    with _apart(failed, "messages do not go out"):
        send_due(context)
    scheduler.ticked()
    if failed:
        raise failed[-1]


def _make_due(context: Context, scheduler: SchedulerCatalog, failed: list[Exception]) -> None:
    now = context.clock.now()
    refused_since = now - timedelta(seconds=context.lease_seconds)
    for due in scheduler.due(now):
        with _apart(failed, "a due time becomes no job", tenant=due.tenant_id):
            following = next_due(due.schedule.cron, due.schedule.timezone, now)
            scheduler.make_due(due, following, refused_since)


@contextmanager
def _apart(failed: list[Exception], what: str, **ids: str) -> Iterator[None]:
    """What goes wrong in the block is logged and kept. The text of an unexpected exception is not ours to show here."""
    try:
        yield
    except Exception as error:
        log.error("%s: %s", what, error if isinstance(error, EntrakeepError) else type(error).__name__, extra=ids)
        failed.append(error)
