"""Gathering of pages: the number of waiting pages, the checkpoints of a full buffer, and the early stop."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from shared.domain.errors import Cancelled
from shared.domain.jobs import JobState
from shared.domain.records import Line, put
from shared.domain.resources import STREAMS, Stream
from shared.domain.secret import Secret
from shared.engine.backup.gather import Gatherer, Stopped
from shared.engine.backup.seen_objects import SeenObjects
from shared.engine.steps.checkpoints import step_checkpoints
from shared.engine.steps.work import Work
from shared.ports.directory import Cursor
from tests.contract.engine.stories import Killed
from tests.contract.engine.world import EngineWorld, MemoryDirectory, MemoryPage

USERS = STREAMS["users"]
SOON = 10.0
"""Seconds within which an expected event must happen."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    world.limit(renew_seconds=0.02)
    yield world
    world.close()


class RecordedPage(MemoryPage):
    """A page that records whether it was opened, and runs ``on_incomplete`` when its incomplete objects are read."""

    def __init__(self, *named: str, on_incomplete: Callable[[], None] = lambda: None) -> None:
        cursor = Cursor(Secret(b"next:1"), more=True)
        super().__init__([[put(b"users", b"users/1", b"{}")]], cursor, list(named))
        self.opened = False
        self._on_incomplete = on_incomplete

    def entries(self) -> Iterator[list[Line]]:
        self.opened = True
        return super().entries()

    def incomplete(self) -> list[str]:
        self._on_incomplete()
        return super().incomplete()


class SilentDirectory(MemoryDirectory):
    """A directory that never answers a fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetching = threading.Event()
        self.cancelled = False

    async def fetch(self, stream: Stream, object_id: str) -> Line | None:
        self.requests.append((stream.name, object_id))
        self.fetching.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return None


def gatherer_of(work: Work, source: MemoryDirectory) -> Gatherer:
    key = work.keys.job_key(work.claim.job_id)
    return Gatherer(work, USERS, key, source, full=True, started_at=work.context.clock.now(), tracker=SeenObjects(1000))


async def expect_stop(gathering: "asyncio.Future[None]") -> None:
    """Wait until the gathering raises Stopped."""
    with pytest.raises(Stopped):
        await asyncio.wait_for(gathering, SOON)


def start_in_thread(gatherer: Gatherer) -> "asyncio.Future[None]":
    return asyncio.ensure_future(asyncio.to_thread(gatherer.run, [], final=False))


def test_at_most_sixteen_pages_wait_for_the_gatherer(world: EngineWorld) -> None:
    async def feed(work: Work) -> None:
        gatherer = gatherer_of(work, world.directory)
        for _ in range(16):
            await asyncio.wait_for(gatherer.offer(RecordedPage()), SOON)
        further = asyncio.ensure_future(gatherer.offer(RecordedPage()))
        assert await asyncio.wait({further}, timeout=0.1) == (set(), {further})
        gathering = start_in_thread(gatherer)
        await asyncio.wait_for(further, SOON)
        await gatherer.offer(None)
        await asyncio.wait_for(gathering, SOON)

    world.request()
    with world.step("users") as work:
        asyncio.run(feed(work))


def test_a_fetched_object_that_occurs_again_counts_as_repeated(long_lease: EngineWorld) -> None:
    async def feed(work: Work) -> None:
        gatherer = gatherer_of(work, long_lease.directory)
        gathering = start_in_thread(gatherer)
        await gatherer.offer(RecordedPage("9"))
        await gatherer.offer(MemoryPage([[put(b"users", b"users/9", b"{}")]], None))
        await gatherer.offer(None)
        await asyncio.wait_for(gathering, SOON)

    long_lease.limit(buffer_bytes=1)
    long_lease.directory.objects["9"] = b"{}"
    long_lease.request()
    with long_lease.step("users") as work:
        asyncio.run(feed(work))
        assert [body.repeated for body in step_checkpoints(work)] == [{}, {"users/9": 0}]


def test_waiting_pages_are_not_opened_once_the_job_is_cancelled(world: EngineWorld) -> None:
    page = RecordedPage()

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, world.directory)
        await gatherer.offer(page)
        world.cancel(work)
        with pytest.raises(Cancelled):
            gatherer.run([], final=False)

    world.request()
    with world.step("users") as work:
        asyncio.run(gather(work))
        assert not page.opened
        assert work.catalog.claims.checkpoints(work.claim) == []


def test_waiting_pages_are_not_opened_once_the_gatherer_must_stop(world: EngineWorld) -> None:
    page = RecordedPage()

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, world.directory)
        await gatherer.offer(page)
        gatherer.stop(keep=False)
        await expect_stop(start_in_thread(gatherer))

    world.request()
    with world.step("users") as work:
        asyncio.run(gather(work))
        assert not page.opened
        assert work.catalog.claims.checkpoints(work.claim) == []


def test_no_object_is_fetched_once_the_gatherer_must_stop(world: EngineWorld) -> None:
    silent = SilentDirectory()

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, silent)
        await gatherer.offer(RecordedPage("1", "2", on_incomplete=lambda: gatherer.stop(keep=False)))
        await expect_stop(start_in_thread(gatherer))

    world.request()
    with world.step("users") as work:
        asyncio.run(gather(work))
    assert silent.requests == []


def test_a_running_fetch_does_not_delay_the_stop_of_the_gatherer(world: EngineWorld) -> None:
    silent = SilentDirectory()

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, silent)
        await gatherer.offer(RecordedPage("1", "2"))
        gathering = start_in_thread(gatherer)
        assert await asyncio.to_thread(silent.fetching.wait, SOON)
        gatherer.stop(keep=False)
        await expect_stop(gathering)

    world.request()
    with world.step("users") as work:
        asyncio.run(gather(work))
    assert silent.cancelled
    assert silent.requests == [("users", "1")]


def test_the_gatherer_stops_although_a_fetch_starts_at_the_same_moment(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, start = SilentDirectory(), asyncio.run_coroutine_threadsafe

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, silent)

        def start_and_stop(*arguments: Any) -> "Future[Any]":
            future = start(*arguments)
            gatherer.stop(keep=False)
            return future

        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", start_and_stop)
        await gatherer.offer(RecordedPage("1", "2"))
        await expect_stop(start_in_thread(gatherer))

    world.request()
    with world.step("users") as work:
        asyncio.run(gather(work))


def test_another_worker_does_not_read_pages_again_that_a_full_buffer_stored(world: EngineWorld) -> None:
    world.limit(buffer_bytes=1, renew_seconds=10.0)
    points: list[str] = []

    def on_point(point: str) -> None:
        points.append(point)
        if points.count("page") == 3:
            raise Killed

    job = world.request()
    with world.step("users"):
        pass  # a worker that was lost before it had read anything
    world.pass_time(31)
    world.tick()
    (step,) = world.messages.queue
    world.on_point = on_point
    with pytest.raises(Killed):
        world.run_step(step)
    world.on_point = lambda _: None
    world.pass_time(31)
    world.work()
    requests = [cursor for stream, cursor in world.directory.requests if stream == "users"]
    assert requests == ["afresh", "next:2", "delta:4"]
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert world.download() == world.directory.records()
