"""The tick: create jobs that are due, plan their steps, expire claims, send messages."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.domain.errors import EntrakeepError
from shared.domain.schedule import next_due
from shared.engine.context import Context
from shared.engine.jobs.planning import steps_of
from shared.engine.jobs.sending import send_due
from shared.ports.catalog.scheduler import SchedulerCatalog

log = logging.getLogger(__name__)


def tick(context: Context) -> None:
    """Run every part of the tick, each in its own transaction. Several beats may do so at the same time.

    A failure of one due time, one job or one part does not stop the others. Each failure is logged, and the last one is
    raised at the end. The tick is recorded in SQL as beat's heartbeat even then. Only if the catalog does not answer is it
    not recorded: that is raised at once.
    """
    scheduler = context.catalog.scheduler()
    scheduler.last_tick()  # raises once if the catalog does not answer, instead of in each of the parts
    failed: list[Exception] = []
    with _collect_failure(failed, "times after a clock change were not corrected"):
        if scheduler.repair_after_clock_change(context.limits.claim_seconds):
            log.warning("database clock was set back: ended the claims and waits that it made longer")
    with _collect_failure(failed, "due jobs were not created"):
        _make_due(context, scheduler, failed)
    with _collect_failure(failed, "late backups were not recorded"):
        scheduler.note_late(context.limits.late_seconds)
    with _collect_failure(failed, "expiring secrets were not recorded"):
        scheduler.note_expiring()
    with _collect_failure(failed, "prune jobs were not created"):
        scheduler.make_sweeps(timedelta(hours=context.limits.sweep_hours))
    with _collect_failure(failed, "jobs were not planned"):
        for job in scheduler.unplanned():
            with _collect_failure(failed, "job was not planned", tenant=job.tenant_id, job=job.job_id):
                scheduler.offer_steps(job, steps_of(job.kind))
    with _collect_failure(failed, "expired claims were not released"):
        scheduler.expire(context.limits.claims_lost)
    with _collect_failure(failed, "messages were not sent"):
        send_due(context)
    scheduler.record_tick()
    if failed:
        raise failed[-1]


def _make_due(context: Context, scheduler: SchedulerCatalog, failed: list[Exception]) -> None:
    """Create the jobs that are due, and set the next due time of each schedule."""
    now = context.clock.now()
    refused_since = now - timedelta(seconds=context.lease_seconds)
    for due in scheduler.due(now):
        with _collect_failure(failed, "due job was not created", tenant=due.tenant_id):
            following = next_due(due.schedule.cron, due.schedule.timezone, now)
            scheduler.make_due(due, following, refused_since)


@contextmanager
def _collect_failure(failed: list[Exception], failure: str, **ids: str) -> Iterator[None]:
    """Log an exception of the block and add it to ``failed``. Log only the type of an unexpected one: its text may leak."""
    try:
        yield
    except Exception as error:
        log.error("%s: %s", failure, error if isinstance(error, EntrakeepError) else type(error).__name__, extra=ids)
        failed.append(error)
