"""Gathering: how many pages wait, what a full buffer leaves behind, and how it ends when nobody wants it any more."""

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
"""Seconds within which what must happen has happened."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path)
    made.limit(renew_seconds=0.02)
    yield made
    made.close()


class SeenPage(MemoryPage):
    """A page that knows whether it was opened; ``when_asked`` is done by whoever asks for what is incomplete."""

    def __init__(self, *named: str, when_asked: Callable[[], None] = lambda: None) -> None:
        cursor = Cursor(Secret(b"next:1"), more=True)
        super().__init__([[put(b"users", b"users/1", b"{}")]], cursor, list(named))
        self.opened = False
        self._when_asked = when_asked

    def entries(self) -> Iterator[list[Line]]:
        self.opened = True
        return super().entries()

    def incomplete(self) -> list[str]:
        self._when_asked()
        return super().incomplete()


class SilentDirectory(MemoryDirectory):
    """Never answers for one object, until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.cancelled = False

    async def fetch(self, stream: Stream, object_id: str) -> Line | None:
        self.told.append((stream.name, object_id))
        self.asked.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return None


def gatherer_of(work: Work, source: MemoryDirectory) -> Gatherer:
    key = work.keys.job_key(work.claim.job_id)
    return Gatherer(work, USERS, key, source, full=True, started_at=work.context.clock.now(), tracker=SeenObjects(1000))


async def ended(gathering: "asyncio.Future[None]") -> None:
    """Returns when the gathering has ended as stopped."""
    with pytest.raises(Stopped):
        await asyncio.wait_for(gathering, SOON)


def in_a_thread(gatherer: Gatherer) -> "asyncio.Future[None]":
    return asyncio.ensure_future(asyncio.to_thread(gatherer.run, [], final=False))


def test_no_more_than_sixteen_pages_wait_to_be_gathered(world: EngineWorld) -> None:
    async def feed(work: Work) -> None:
        gatherer = gatherer_of(work, world.directory)
        for _ in range(16):
            await asyncio.wait_for(gatherer.offer(SeenPage()), SOON)
        further = asyncio.ensure_future(gatherer.offer(SeenPage()))
        assert await asyncio.wait({further}, timeout=0.1) == (set(), {further})
        gathering = in_a_thread(gatherer)
        await asyncio.wait_for(further, SOON)
        await gatherer.offer(None)
        await asyncio.wait_for(gathering, SOON)

    world.ask()
    with world.step("users") as work:
        asyncio.run(feed(work))


def test_an_object_that_was_fetched_is_known_when_it_comes_again(patient: EngineWorld) -> None:
    async def feed(work: Work) -> None:
        gatherer = gatherer_of(work, patient.directory)
        gathering = in_a_thread(gatherer)
        await gatherer.offer(SeenPage("9"))
        await gatherer.offer(MemoryPage([[put(b"users", b"users/9", b"{}")]], None))
        await gatherer.offer(None)
        await asyncio.wait_for(gathering, SOON)

    patient.limit(buffer_bytes=1)
    patient.directory.objects["9"] = b"{}"
    patient.ask()
    with patient.step("users") as work:
        asyncio.run(feed(work))
        assert [body.repeated for body in step_checkpoints(work)] == [{}, {"users/9": 0}]


def test_pages_that_wait_are_not_opened_once_the_job_is_cancelled(world: EngineWorld) -> None:
    page = SeenPage()

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, world.directory)
        await gatherer.offer(page)
        world.cancel(work)
        with pytest.raises(Cancelled):
            gatherer.run([], final=False)

    world.ask()
    with world.step("users") as work:
        asyncio.run(gather(work))
        assert not page.opened
        assert work.catalog.claims.checkpoints(work.claim) == []


def test_pages_that_wait_are_not_opened_once_it_is_told_to_stop(world: EngineWorld) -> None:
    page = SeenPage()

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, world.directory)
        await gatherer.offer(page)
        gatherer.stop(keep=False)
        await ended(in_a_thread(gatherer))

    world.ask()
    with world.step("users") as work:
        asyncio.run(gather(work))
        assert not page.opened
        assert work.catalog.claims.checkpoints(work.claim) == []


def test_no_object_is_asked_for_once_it_is_told_to_stop(world: EngineWorld) -> None:
    silent = SilentDirectory()

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, silent)
        await gatherer.offer(SeenPage("1", "2", when_asked=lambda: gatherer.stop(keep=False)))
        await ended(in_a_thread(gatherer))

    world.ask()
    with world.step("users") as work:
        asyncio.run(gather(work))
    assert silent.told == []


def test_an_object_that_is_being_asked_for_does_not_keep_it_from_stopping(world: EngineWorld) -> None:
    silent = SilentDirectory()

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, silent)
        await gatherer.offer(SeenPage("1", "2"))
        gathering = in_a_thread(gatherer)
        assert await asyncio.to_thread(silent.asked.wait, SOON)
        gatherer.stop(keep=False)
        await ended(gathering)

    world.ask()
    with world.step("users") as work:
        asyncio.run(gather(work))
    assert silent.cancelled
    assert silent.told == [("users", "1")]


def test_it_stops_though_it_is_told_to_just_as_an_object_begins_to_be_asked_for(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, begin = SilentDirectory(), asyncio.run_coroutine_threadsafe

    async def gather(work: Work) -> None:
        gatherer = gatherer_of(work, silent)

        def begun(*what: Any) -> "Future[Any]":
            future = begin(*what)
            gatherer.stop(keep=False)
            return future

        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", begun)
        await gatherer.offer(SeenPage("1", "2"))
        await ended(in_a_thread(gatherer))

    world.ask()
    with world.step("users") as work:
        asyncio.run(gather(work))


def test_what_was_read_before_a_full_buffer_is_not_read_again_by_another_worker(world: EngineWorld) -> None:
    world.limit(buffer_bytes=1, renew_seconds=10.0)
    passed: list[str] = []

    def killed(point: str) -> None:
        passed.append(point)
        if passed.count("page") == 3:
            raise Killed

    job = world.ask()
    with world.step("users"):
        pass  # a worker that was lost before it had read anything
    world.pass_time(31)
    world.tick()
    (step,) = world.messages.taken
    world.at = killed
    with pytest.raises(Killed):
        world.perform(step)
    world.at = lambda _: None
    world.pass_time(31)
    world.work()
    told = [cursor for stream, cursor in world.directory.told if stream == "users"]
    assert told == ["afresh", "next:2", "delta:4"]
    assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert world.download() == world.directory.records()
