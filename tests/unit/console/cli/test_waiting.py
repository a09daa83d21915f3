"""The reason why a job waits is reported once with the action to take, and its end once."""

import io
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from console.cli.waiting import wait_for
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobState
from shared.domain.limits import Limits
from shared.engine.requests.hindrances import Hindrance, hindrances
from shared.wiring import LIMITS
from tests.contract.catalog.world import World
from tests.migrated import migrated_file

TROUBLE = "The Redis at h:1 refuses messages (OOM command not allowed). Raise its maxmemory."


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(migrated_file(tmp_path / "catalog.sqlite3"))
    yield world
    world.close()


def codes(world: World, waited: float = 60.0) -> list[Code]:
    return [hindrance.code for hindrance in hindrances(world.catalog, waited)]


def test_a_job_waits_for_beat_or_else_for_the_broker_and_the_workers(world: World) -> None:
    assert codes(world) == [Code.STACK_NOT_RUNNING]
    assert codes(world, waited=1.0) == []
    world.scheduler.record_tick()
    assert codes(world) == [Code.NO_WORKER]
    assert codes(world, waited=1.0) == []
    world.scheduler.record_heartbeat("worker@a", 2)
    assert codes(world) == []
    world.scheduler.report_broker(TROUBLE)
    assert hindrances(world.catalog) == [Hindrance(Code.BROKER_UNREACHABLE, TROUBLE)]
    world.pass_time(LIMITS.worker_seen_seconds + 1)
    assert codes(world) == [Code.STACK_NOT_RUNNING]
    world.scheduler.record_tick()
    assert codes(world) == [Code.BROKER_UNREACHABLE, Code.NO_WORKER]


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_wait_reports_its_reason_and_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    tenant = world.add("acme")
    job = world.planned(tenant)
    world.scheduler.record_tick()
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(0.1):
            world.scheduler.record_tick()

    limits = Limits(worker_seen_seconds=0.2, beat_silent_seconds=30.0)
    with ThreadPoolExecutor(2) as pool:
        pool.submit(tick)
        waiting = pool.submit(wait_for, world.catalog, job, None, limits)
        try:
            until(lambda: "NO_WORKER: No worker has been seen for 0.2 s." in errors.getvalue())
            world.scheduler.report_broker(TROUBLE)
            until(lambda: f"BROKER_UNREACHABLE: {TROUBLE} The job waits until this is over." in errors.getvalue())
            world.scheduler.report_broker(None)
            until(lambda: "recovered: BROKER_UNREACHABLE. The job goes on." in errors.getvalue())
            assert not waiting.done()
        finally:
            tenant.jobs.cancel(job.job_id)
            world.scheduler.expire(5)
            assert waiting.result(30).state is JobState.CANCELLED
            ended.set()
    assert errors.getvalue().count("NO_WORKER") == 1


def test_a_wait_ends_if_beat_does_not_tick(world: World) -> None:
    job = world.planned(world.add("acme"))
    with pytest.raises(Refuse, match=rf"Beat has not ticked for 0\.1 s.*The job {job.job_id} stays queued") as refused:
        wait_for(world.catalog, job, None, Limits(beat_silent_seconds=0.1))
    assert refused.value.code is Code.STACK_NOT_RUNNING
