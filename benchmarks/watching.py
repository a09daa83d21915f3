"""Measure live progress: how late many streams learn of a change, and how often SQL is asked for them."""

import asyncio
import re
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import msgspec

from benchmarks.measure import peak
from shared.domain.access import Grant, Role
from shared.domain.errors import Answer
from shared.domain.jobs import JobKind, steps_of
from shared.domain.limits import LIMITS
from shared.domain.resources import STREAMS
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.console.counted import counted
from tests.contract.console.served import Console, served_console

_DONE = re.compile(r"(\d+) of \d+ streams done")
_PATIENCE = 60.0
_APART = 0.37
"""A part of a second, by multiples of which changes follow arrivals: they come at all moments between two looks."""


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of many streams of one backup."""

    streams: int
    lags: list[float]
    """Seconds from each change's commit to its arrival at each stream."""
    seconds: float
    """Length of the measurement."""
    looks: int
    """Queries for the watched job meanwhile."""
    sign_ins: int
    """Queries for the sign-ins that watch meanwhile."""
    cpu_seconds: float
    """CPU time of the process, in which console, clients and writer run."""
    peak: int
    """Its largest resident set, in bytes."""


def watch(folder: Path, streams: int, changes: int) -> Watched:
    """Let so many streams watch one backup, of which ``changes`` steps end meanwhile."""
    with served_console(folder) as console, ExitStack() as stack:
        acme = console.world.add("acme")
        job = console.world.planned(acme, steps_of(JobKind.BACKUP))
        readers = _Readers(f"{console.url}/live/jobs/{job.job_id}", _cookies(console, acme, streams))
        stack.callback(readers.close)
        readers.arrivals(0)
        statements = stack.enter_context(counted())
        began, cpu, lags = time.monotonic(), time.process_time(), []
        for number, name in enumerate(list(STREAMS)[:changes], 1):
            time.sleep(number * _APART % 1)
            acme.claims.finish(console.world.claim(acme, job, name), answer=Answer.WHOLE)
            committed = time.monotonic()
            lags += [arrived - committed for arrived in readers.arrivals(number)]
        return Watched(
            streams=streams,
            lags=lags,
            seconds=time.monotonic() - began,
            looks=sum("step_of_step_id" in each for each in statements),
            sign_ins=sum(each.startswith("SELECT sign_ins") for each in statements),
            cpu_seconds=time.process_time() - cpu,
            peak=peak(),
        )


def _cookies(console: Console, acme: TenantCatalog, streams: int) -> list[str]:
    """Return the cookie header of each stream. A sign-in has as many streams as it may have."""
    grant = Grant(role=Role.VIEWER, tenant_id=acme.tenant_id)
    people = -(-streams // LIMITS.live_streams)
    cookies = [console.with_grants(grant).headers["cookie"] for _ in range(people)]
    return [cookies[number // LIMITS.live_streams] for number in range(streams)]


class _Readers:
    """Many streams, read by one thread. They note when the number of ended steps arrives."""

    def __init__(self, url: str, cookies: list[str]) -> None:
        self._url = url
        self._cookies = cookies
        self._arrived: dict[int, list[float]] = {}
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def arrivals(self, number: int) -> list[float]:
        """Return when each stream showed that this number of steps has ended. Raise RuntimeError if one did not."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._arrived.get(number, ())) == len(self._cookies), _PATIENCE):
                raise RuntimeError(f"{len(self._arrived.get(number, ()))} of {len(self._cookies)} streams saw it")
            return self._arrived[number]

    def close(self) -> None:
        """End all streams."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(self._loop)])
        self._thread.join(10)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._read_all())

    async def _read_all(self) -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=None, trust_env=False) as client:
            await asyncio.gather(*(self._read(client, cookie) for cookie in self._cookies), return_exceptions=True)

    async def _read(self, client: httpx.AsyncClient, cookie: str) -> None:
        headers = {"cookie": cookie, "sec-fetch-site": "same-origin", "hx-request": "true"}
        shown: set[int] = set()
        async with client.stream("GET", self._url, headers=headers) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_text():
                # Before the first change the job is queued, and its text has no number.
                numbers = {int(each) for each in _DONE.findall(part)} | ({0} if "Waits for" in part else set())
                self._note(numbers - shown)
                shown |= numbers

    def _note(self, numbers: set[int]) -> None:
        now = time.monotonic()
        with self._changed:
            for number in numbers:
                self._arrived.setdefault(number, []).append(now)
            self._changed.notify_all()
