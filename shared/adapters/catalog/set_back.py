"""Times that lie in the future because the database's clock was set back: nothing waits for them.

A claim, a message or a refusal is given a time by that clock. Once it was set back an hour, each would last an hour longer.
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
from shared.domain.model import StepState

SLACK = timedelta(seconds=5)
"""A tick further in the future than this was written before the clock went back."""


def clock_went_back(connection: Connection, now: datetime) -> bool:
    """Return whether beat last ticked at a time that has not come yet."""
    return connection.execute(select(beats.c.beat).where(beats.c.ticked_at > now + SLACK)).first() is not None


def bring_back(connection: Connection, now: datetime, claim_seconds: float) -> None:
    """Let what was to happen at a time of the clock before happen now. ``claim_seconds``: how long a claim lasts at most."""
    running, queued = steps.c.state == StepState.RUNNING.value, steps.c.state == StepState.QUEUED.value
    longest = now + timedelta(seconds=claim_seconds)
    _now(connection, steps, steps.c.claim_until, longest, now, running)
    _now(connection, steps, steps.c.send_at, now, now, queued)
    _now(connection, steps, steps.c.retry_at, now, now, queued)
    _now(connection, jobs, jobs.c.birth_until, longest, now)
    _now(connection, refusals, refusals.c.at, now, now)
    for time in (key_health.c.next_probe, key_health.c.looked_at):
        _now(connection, key_health, time, now, now)
    for events in (key_events, backup_events):
        _now(connection, events, events.c.tell_at, now, now)
    connection.execute(delete(workers).where(workers.c.seen_at > now))  # those alive are seen again within seconds
    connection.execute(update(beats).where(beats.c.ticked_at > now).values(ticked_at=now))


def _now(
    connection: Connection,
    table: Table,
    time: "Column[Any]",
    after: datetime,
    now: datetime,
    *where: ColumnElement[bool],
) -> None:
    connection.execute(update(table).where(time > after, *where).values({time.name: now}))
