"""Stories of a tenant: sequences of backups, crashes, cancels and sweeps."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from shared.domain.jobs import JobKind
from tests.contract.engine.world import EngineWorld

POINTS = (
    "key-object-stored",
    "key-row-stored",
    "page",
    "run-stored",
    "checkpointed",
    "compacted",
    "manifest-noted",
    "manifest-stored",
    "committed",
)
STORIES = st.lists(
    st.one_of(
        st.just(("backup", "")),
        st.tuples(st.sampled_from(["crash", "cancel"]), st.sampled_from(POINTS)),
        st.just(("sweep", "")),
    ),
    max_size=5,
)

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
Story = list[tuple[str, str]]


class Killed(BaseException):
    """A kill of the worker. No error handler catches it."""


def play_story(world: EngineWorld, story: Story) -> None:
    """Run the events of a story, one hour apart."""
    for event, point in story:
        world.clock.time += timedelta(hours=1)
        world.directory.put("users", f"users/{world.clock.time:%d%H}", b"{}")
        if event == "backup":
            world.back_up()
        elif event == "sweep":
            world.run_job(JobKind.SWEEP)
        else:
            _kill_at(world, point)
            world.clock.time += timedelta(minutes=1)
            world.change("steps", claim_until=LONG_AGO)
            world.change("jobs", birth_until=LONG_AGO)  # a killed step may have reserved the data key
            if event == "cancel":
                for job in world.catalog.jobs.recent(1):
                    world.catalog.jobs.cancel(job.job_id)
            world.work()


def _kill_at(world: EngineWorld, point: str) -> None:
    def reached(name: str) -> None:
        if name == point:
            world.on_point = lambda _: None
            raise Killed

    world.on_point = reached
    world.request()
    try:
        world.work()
    except Killed:
        world.messages.queue.clear()
    world.on_point = lambda _: None


def rows(database: Path, table: str, *excluded: str) -> list[dict[str, Any]]:
    """Return the rows of a catalog's table, without some columns."""
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        selected = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
    connection.close()
    return [{name: value for name, value in row.items() if name not in excluded} for row in selected]


def copy_database(database: Path, target_file: Path) -> Path:
    """Copy the database as a dump does. Return the copy."""
    with sqlite3.connect(database) as source, sqlite3.connect(target_file) as target:
        source.backup(target)
    source.close()
    target.close()
    return target_file
