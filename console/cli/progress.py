"""Live progress on standard error, where that is a terminal: a job resource by resource, a download record by record."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.cli.documents import resources_of
from console.cli.output import console, table
from shared.domain.model import Job, Step

if TYPE_CHECKING:
    from rich.console import RenderableType

JobProgress = Callable[[Job, Sequence[Step]], None]


@contextmanager
def shown_job() -> Iterator[JobProgress]:
    """What to tell of a job each time it was looked at. Shows nothing where there is no terminal."""
    if not _terminal():
        yield lambda _job, _steps: None
        return
    from rich.live import Live

    pace = _Pace()
    with Live(console=console(sys.stderr), transient=True, auto_refresh=False) as live:
        yield lambda job, steps: live.update(_picture(job, steps, pace), refresh=True)


@contextmanager
def shown_records() -> Iterator[Callable[[int], None]]:
    """What to tell of the records written so far."""
    if not _terminal():
        yield lambda _: None
        return
    from rich.live import Live
    from rich.text import Text

    begun = time.monotonic()
    with Live(console=console(sys.stderr), transient=True, auto_refresh=False) as live:

        def tell(count: int) -> None:
            rate = count / max(0.001, time.monotonic() - begun)
            live.update(Text(f"{count:,} records, {rate:,.0f}/s"), refresh=True)

        yield tell


class _Pace:
    """Records a second, by resource, from when it was first seen being read."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}
        self._rates: dict[str, float] = {}

    def rate(self, resource: str, state: str, records: int) -> str | None:
        """The rate as text; that of a resource that is done stays."""
        now = time.monotonic()
        if state == "reading":
            seconds = now - self._begun.setdefault(resource, now)
            if seconds > 0:
                self._rates[resource] = records / seconds
        known = self._rates.get(resource)
        return None if not known else f"{known:,.0f}/s"


def _picture(job: Job, steps: Sequence[Step], pace: _Pace) -> "RenderableType":
    """A line for the job, and a table of its resources if it reads any."""
    from rich.console import Group
    from rich.text import Text

    head = Text.assemble((f"{job.kind} ", "bold"), (str(job.state), "cyan"), (f"  {job.job_id}", "dim"))
    resources = resources_of(job, steps)
    if not resources:
        return head
    rows = [
        (row["resource"], row["state"], row["records"], pace.rate(row["resource"], row["state"], row["records"]))
        for row in resources
    ]
    return Group(head, table(("resource", "state", "objects", "rate"), rows))


def _terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
