"""Bring forward times that lie in the future because the database's clock was set back.

That clock sets the times of claims, messages and refusals. If it is set back by an hour, each would last an hour
longer.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, select, update

from shared.adapters.catalog.schema import (
    backup_events,
    beats,
    jobs,
    key_events,
    key_health,
    refusals,
    steps,
    workers,
)
from shared.domain.jobs import StepState
from shared.domain.limits import LIMITS


def clock_went_back(connection: Connection, now: datetime) -> bool:
    """Return True if beat last ticked at a time that is still in the future."""
    return (
        connection.execute(
            select(beats.c.beat).where(beats.c.ticked_at > now + timedelta(seconds=LIMITS.clock_slack_seconds))
        ).first()
        is not None
    )


def repair_times(connection: Connection, now: datetime, claim_seconds: float) -> None:
    """Set each time to ``now`` that is too far in the future because the clock was set back.

    ``claim_seconds`` is the longest duration of a claim: a claim or a reservation may end that much after ``now``.
    """
    running, queued = steps.c.state == StepState.RUNNING.value, steps.c.state == StepState.QUEUED.value
    longest = now + timedelta(seconds=claim_seconds)
    _set_to_now(connection, steps, steps.c.claim_until, longest, now, running)
    _set_to_now(connection, steps, steps.c.send_at, now, now, queued)
    _set_to_now(connection, steps, steps.c.retry_at, now, now, queued)
    _set_to_now(connection, jobs, jobs.c.birth_until, longest, now)
    _set_to_now(connection, refusals, refusals.c.at, now, now)
    for time in (key_health.c.next_probe, key_health.c.looked_at):
        _set_to_now(connection, key_health, time, now, now)
    for events in (key_events, backup_events):
        _set_to_now(connection, events, events.c.tell_at, now, now)
    connection.execute(delete(workers).where(workers.c.seen_at > now))  # live workers report again within seconds
    connection.execute(update(beats).where(beats.c.ticked_at > now).values(ticked_at=now))


def _set_to_now(
    connection: Connection,
    table: Table,
    time: "Column[Any]",
    after: datetime,
    now: datetime,
    *where: ColumnElement[bool],
) -> None:
    """Set a column to now in the rows where it is later than ``after``."""
    connection.execute(update(table).where(time > after, *where).values({time.name: now}))
