"""The tick: due times become jobs, jobs get their steps, expired claims go back, messages go out."""

import logging
from datetime import timedelta

from shared.domain.errors import Refuse
from shared.domain.schedule import next_due
from shared.engine.context import Context
from shared.engine.jobs.plan import steps_of
from shared.engine.jobs.sending import send_due

log = logging.getLogger(__name__)


def tick(context: Context) -> None:
    """Once a second, by every beat; several may do it at the same time. Each part is a transaction of its own."""
    scheduler = context.catalog.scheduler()
    now = context.clock.now()
    refused_since = now - timedelta(seconds=context.lease_seconds)
    for due in scheduler.due(now):
        try:
            following = next_due(due.schedule.cron, due.schedule.timezone, now)
        except Refuse as refusal:
            log.warning("a schedule cannot be kept: %s", refusal.message, extra={"tenant": due.tenant_id})
            continue
        scheduler.make_due(due, following, refused_since)
    scheduler.make_prunes(timedelta(hours=context.limits.sweep_hours))
    for job in scheduler.unplanned():
        scheduler.give_steps(job, steps_of(job.kind))
    scheduler.expire(context.limits.claims_lost)
    send_due(context)
    scheduler.ticked()
