"""Live progress on standard error if it is a terminal: the resources of a job, the number of records of a download."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.cli.output import console
from console.cli.tables import table
from console.documents.job_sentences import step_sentence
from console.documents.jobs import in_trouble, trouble_of
from console.documents.results import resources_of
from console.documents.words import counted
from shared.domain.jobs import Job, PlanProgress, Step, Trouble
from shared.domain.resources import LINKS

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

JobProgress = Callable[[Job, Sequence[Step]], None]
_WINDOW = 10.0
"""Seconds over which a rate is measured."""


@contextmanager
def shown_job() -> Iterator[JobProgress]:
    """Yield a function that shows the state of a job. Without a terminal it shows nothing."""
    if not _terminal():
        yield lambda _job, _steps: None
        return
    from rich.live import Live

    pace = Pace()
    with Live(console=console(sys.stderr), transient=True, auto_refresh=False) as live:
        yield lambda job, steps: live.update(picture(job, steps, pace, live.console.height), refresh=True)


@contextmanager
def shown_count(one: str) -> Iterator[Callable[[int], None]]:
    """Yield a function that shows how many items are done. ``one`` is the singular of their name."""
    if not _terminal():
        yield lambda _: None
        return
    from rich.live import Live
    from rich.text import Text

    pace = Pace()
    with Live(console=console(sys.stderr), transient=True, auto_refresh=False) as live:

        def show(count: int) -> None:
            rate = pace.rate(one, count)
            live.update(Text(f"{counted(count, one)}{f', {rate}' if rate else ''}"), refresh=True)

        yield show


class Pace:
    """The rate of each name, per second, measured over the last seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def rate(self, name: str, count: int) -> str | None:
        """Return the rate as text, or None if the count has not grown within the window."""
        now = self._now()
        seen = self._seen.setdefault(name, deque())
        seen.append((now, count))
        while seen[0][0] < now - _WINDOW:
            seen.popleft()
        (since, first) = seen[0]
        return f"{(count - first) / (now - since):,.0f}/s" if now > since and count > first else None


def picture(job: Job, steps: Sequence[Step], pace: Pace, height: int) -> "RenderableType":
    """Return a line for the job, a line for its trouble if it has any, and a table of its resources if that fits."""
    from rich.console import Group
    from rich.text import Text

    lines: list[Text] = [Text.assemble((f"{job.kind} ", "bold"), (str(job.state), "cyan"), (f"  {job.job_id}", "dim"))]
    trouble = trouble_of(job, steps)
    if trouble is not None:
        lines.append(_waiting(trouble))
    if isinstance(job.detail, PlanProgress):
        return Group(*lines, *_restoring(job, steps))
    resources = resources_of(job, steps)
    if not resources:
        return Group(*lines)
    rows = [
        (
            row.resource,
            row.state if row.answer in (None, "whole") else row.answer,
            None if row.resource in LINKS else row.records,
            row.records if row.resource in LINKS else None,
            pace.rate(row.resource, row.records) if row.state == "reading" else None,
        )
        for row in resources
    ]
    if len(rows) + len(lines) + 4 > height:
        read = sum(row.records for row in resources)
        done = sum(row.state == "done" for row in resources)
        return Group(*lines, Text(f"{done} of {counted(len(rows), 'resource')}, {counted(read, 'record')}"))
    return Group(*lines, table(("resource", "state", "objects", "links", "rate"), rows))


def _restoring(job: Job, steps: Sequence[Step]) -> "Iterator[RenderableType]":
    """Yield what a plan or restore does now, and how many operations of each resource have ended."""
    from rich.text import Text

    if words := step_sentence(job, steps):
        yield Text(words)
    rows = [(each.resource, each.records) for step in steps if step.name == "write" for each in step.progress]
    if rows:
        yield table(("resource", "operations"), rows)


def _waiting(trouble: Trouble) -> "Text":
    """Return the line for a trouble."""
    from rich.text import Text

    return Text(f"{trouble.code}: {in_trouble(trouble)}", style="yellow")


def _terminal() -> bool:
    """Return whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()
