"""The chart of a tenant's snapshots over time: one mark for each short part of it, however many snapshots there are."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from console.documents.words import counted
from shared.domain.jobs import Job
from shared.ports.catalog.fleet import Moment

WIDTH = 1000
"""The width of the chart in its own units."""
_PARTS = 200


class Mark(NamedTuple):
    """A mark of the chart."""

    x: float
    """Its place from 0 to ``WIDTH``."""
    kind: str
    """``ok`` for complete snapshots, ``warn`` for incomplete ones, ``bad`` for backups that failed."""
    title: str


def marks(moments: Iterable[Moment], failed: Iterable[Job], begins: datetime, ends: datetime) -> list[Mark]:
    """Return the marks from left to right. In each part of the chart the best snapshot and the failures have one each."""
    length = ends - begins
    snapshots: dict[int, list[Moment]] = {}
    for moment in moments:
        if begins <= moment.created_at <= ends:
            snapshots.setdefault(_part(moment.created_at - begins, length), []).append(moment)
    failures: dict[int, list[Job]] = {}
    for job in failed:
        if begins <= job.created_at <= ends:
            failures.setdefault(_part(job.created_at - begins, length), []).append(job)
    chart = [_snapshot_mark(part, each) for part, each in snapshots.items()]
    chart += [_failure_mark(part, each) for part, each in failures.items()]
    return sorted(chart, key=lambda mark: mark.x)


def _part(age: timedelta, length: timedelta) -> int:
    """Return the part of the chart that a time falls into."""
    return min(_PARTS - 1, int(_PARTS * (age / length)))


def _snapshot_mark(part: int, moments: list[Moment]) -> Mark:
    complete = any(moment.complete for moment in moments)
    times = f"{moments[0].created_at:%d %b %H:%M}"
    number = "" if len(moments) == 1 else f", {counted(len(moments), 'snapshot')}"
    return Mark(
        x=WIDTH * part / _PARTS,
        kind="ok" if complete else "warn",
        title=f"{times}{number}: {'complete' if complete else 'incomplete'}",
    )


def _failure_mark(part: int, jobs: list[Job]) -> Mark:
    last = jobs[0]
    number = "a backup" if len(jobs) == 1 else counted(len(jobs), "backup")
    return Mark(
        x=WIDTH * part / _PARTS, kind="bad", title=f"{last.created_at:%d %b %H:%M}: {number} failed, {last.code}"
    )
