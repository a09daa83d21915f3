"""Scheduled backups at clock changes: beat's ticks create the jobs that the rules announce."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shared.domain.clock_changes import Effect, clock_changes
from shared.domain.jobs import JobState
from shared.domain.schedule import due_times
from shared.engine.requests.schedules import set_schedule
from tests.contract.engine.world import EngineWorld

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 12, 1, tzinfo=UTC)
AROUND = timedelta(hours=3)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    yield world
    world.close()


@pytest.mark.parametrize("change", [0, 1], ids=["forward", "back"])
@pytest.mark.parametrize("cron", ["0,30 2 * * *", "0 */2 * * *", "0 2,3 * * *"])
def test_ticks_create_the_announced_backups(world: EngineWorld, cron: str, change: int) -> None:
    announced = clock_changes(cron, BERLIN.key, NOW)[change]
    begin, end = announced.at - AROUND, announced.at + AROUND
    world.clock.time = begin
    name = world.tenant.name
    set_schedule(world.context.catalog, "ana", name, cron, BERLIN.key, begin)
    jobs: list[datetime] = []
    while world.clock.time < end:
        world.clock.time += timedelta(minutes=14)
        world.tick()
        for job in world.catalog.jobs.recent():
            if job.state is JobState.QUEUED and job.due_at is not None:
                jobs.append(job.due_at)
                world.catalog.jobs.cancel(job.job_id)
    assert jobs == list(takewhile(lambda due: due <= world.clock.time, due_times(cron, BERLIN.key, begin)))
    local = Counter(job.astimezone(BERLIN).replace(tzinfo=None) for job in jobs)
    times = {Effect.MOVED: 0, Effect.LEFT_OUT: 0, Effect.ONCE: 1, Effect.TWICE: 2}
    assert [local[time] for time in announced.times] == [times[announced.effect]] * len(announced.times)
    assert announced.next_run in jobs or announced.next_run > world.clock.time
