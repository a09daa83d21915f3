"""The tick: create jobs that are due, plan their steps, expire claims, send messages."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.domain.errors import EntrakeepError
from shared.domain.jobs import Job, StepPlan, steps_of
from shared.domain.schedule import next_due
from shared.engine.context import Context
from shared.engine.jobs.sending import send_due
from shared.ports.catalog.scheduler import RowsFailed, SchedulerCatalog

log = logging.getLogger(__name__)


def tick(context: Context) -> None:
    """Run every part of the tick, each in its own transaction. Several beats may do so at the same time.

    A failure of one row, such as a due time or a job, or of one part does not stop the others. Each failure is logged, and
    the last one is raised at the end.

    The tick is recorded in SQL as beat's heartbeat only if no part failed as a whole, so that commands, alerts and ``up``
    notice a beat that does only some of its work. Failed rows do not count: otherwise one tenant's trouble would report the
    whole stack as stopped. If the catalog does not answer, its error is raised at once.
    """
    scheduler = context.catalog.scheduler()
    scheduler.last_tick()  # raises once if the catalog does not answer, instead of in each of the parts
    failures = _Failures()
    with failures.of_part("times after a clock change were not corrected"):
        if scheduler.repair_after_clock_change(context.limits.claim_seconds):
            log.warning("database clock was set back: ended the claims and waits that it made longer")
    with failures.of_part("due jobs were not created"):
        _make_due(context, scheduler, failures)
    with failures.of_part("late backups were not recorded"):
        scheduler.note_late(context.limits.late_seconds)
    with failures.of_part("expiring secrets were not recorded"):
        scheduler.note_expiring()
    with failures.of_part("sweeps were not created"):
        scheduler.make_sweeps(timedelta(hours=context.limits.sweep_hours))
    with failures.of_part("jobs were not planned"):
        for job in scheduler.unplanned():
            with failures.of_row("job was not planned", tenant=job.tenant_id, job=job.job_id):
                scheduler.offer_steps(job, _planned(context, job))
    with failures.of_part("expired claims were not released"):
        scheduler.expire(context.limits.claims_lost)
    with failures.of_part("messages were not sent"):
        send_due(context)
    if not failures.parts:
        scheduler.record_tick()
    if failures.last is not None:
        raise failures.last


def _planned(context: Context, job: Job) -> list[StepPlan]:
    """Return the steps of a job. A backup reads the streams that the tenant's owner has chosen."""
    choice = context.catalog.tenant(job.tenant_id).tenant().choice
    return steps_of(job.kind, {stream.name for stream in choice.streams()})


def _make_due(context: Context, scheduler: SchedulerCatalog, failures: "_Failures") -> None:
    """Create the jobs that are due, and set the next due time of each schedule."""
    now = context.clock.now()
    refused_since = now - timedelta(seconds=context.lease_seconds)
    for due in scheduler.due(now):
        with failures.of_row("due job was not created", tenant=due.tenant_id):
            following = next_due(due.schedule.cron, due.schedule.timezone, now)
            scheduler.make_due(due, following, refused_since)


class _Failures:
    """The failures of one tick. The text of an unexpected error may leak, so only its type is logged."""

    def __init__(self) -> None:
        self.parts = 0
        """Number of parts that failed as a whole."""
        self.last: Exception | None = None
        """The last error of a part or a row."""

    @contextmanager
    def of_part(self, failure: str) -> Iterator[None]:
        """Log an exception of the block, and count the part as failed unless only single rows failed."""
        try:
            yield
        except RowsFailed as rows:  # logged by the catalog
            self.last = rows.last
        except Exception as error:
            self._add(error, failure)
            self.parts += 1

    @contextmanager
    def of_row(self, failure: str, **ids: str) -> Iterator[None]:
        """Log an exception of the block, which handles one row."""
        try:
            yield
        except Exception as error:
            self._add(error, failure, **ids)

    def _add(self, error: Exception, failure: str, **ids: str) -> None:
        log.error("%s: %s", failure, error if isinstance(error, EntrakeepError) else type(error).__name__, extra=ids)
        self.last = error
