"""The progress of a running job as a person sees it."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import msgspec
from rich.console import Console

from console.cli.progress import Pace, picture
from console.documents.times import moment, to_second
from shared.domain.errors import Answer, Code
from shared.domain.jobs import (
    Job,
    JobKind,
    JobState,
    Origin,
    ResourceProgress,
    RestoreProgress,
    Step,
    StepState,
    Trouble,
)

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
JOB = Job(job_id="j", tenant_id="t", kind=JobKind.BACKUP, state=JobState.RUNNING, origin=Origin.HAND, created_at=NOW)
READING = Step(step_id="s", phase=1, name="users", state=StepState.RUNNING, began_at=NOW)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def render(steps: list[Step], height: int = 40, pace: Pace | None = None, job: Job = JOB) -> str:
    """Return the picture as plain text."""
    page = Console(file=StringIO(), width=100, height=height)
    with page.capture() as captured:
        page.print(picture(job, steps, pace or Pace(), height))
    return captured.get()


def test_a_rate_covers_the_last_seconds_and_disappears_without_progress() -> None:
    clock = Seconds()
    pace = Pace(clock)
    assert pace.rate("users", 0) is None
    clock.now = 2.0
    assert pace.rate("users", 3000) == "1,500/s"
    for clock.now in (10.0, 20.0, 29.0):
        pace.rate("users", 3000)
    assert pace.rate("users", 3000) is None


def test_each_resource_shows_its_records_or_the_refusal_of_graph() -> None:
    users = msgspec.structs.replace(READING, progress=[ResourceProgress(resource="users", records=1234, changed=0)])
    refused = Step(step_id="g", phase=1, name="groups", state=StepState.DONE, answer=Answer.FORBIDDEN)
    text = render([users, refused])
    assert "1,234" in text
    assert "forbidden" in text


def test_progress_shows_why_a_job_waits() -> None:
    trouble = Trouble(code=Code.STORE_UNREACHABLE, message="The store is away.", since=NOW, retry_at=NOW + timedelta(1))
    text = render([msgspec.structs.replace(READING, trouble=trouble)])
    assert "STORE_UNREACHABLE: The store is away. Waiting since 2026-05-01T12:00:00Z" in " ".join(text.split())


def test_a_short_terminal_gets_one_line_instead_of_a_table() -> None:
    users = msgspec.structs.replace(READING, progress=[ResourceProgress(resource="users", records=1234, changed=0)])
    text = render([users], height=6)
    assert len(text.splitlines()) <= 3
    assert "1,234 records" in text


def test_a_restore_shows_what_it_does_and_the_operations_of_each_resource() -> None:
    detail = RestoreProgress(backup="b", operations=3000, done=1000, failed=2)
    restore = msgspec.structs.replace(JOB, kind=JobKind.RESTORE, detail=detail)
    check = Step(step_id="c", phase=1, name="check", state=StepState.RUNNING, began_at=NOW)
    assert "backing up the directory (job b)" in render([check], job=restore)
    write = Step(
        step_id="w",
        phase=2,
        name="write",
        state=StepState.RUNNING,
        began_at=NOW,
        progress=[ResourceProgress(resource="groups", records=1002, changed=1000)],
    )
    text = render([check, write], job=restore)
    assert "writing: 1,002 of 3,000 operations" in text
    assert "groups" in text
    prove = Step(step_id="p", phase=3, name="prove", state=StepState.RUNNING, began_at=NOW)
    assert "comparing the directory" in render([check, write, prove], job=restore)
    waits = msgspec.structs.replace(detail, backup=None, not_shown=2, look_at=NOW)
    text = render([check, write, prove], job=msgspec.structs.replace(restore, detail=waits))
    assert "waiting until Graph shows the result of 2 operations" in text
    assert to_second(moment(NOW)) in text
