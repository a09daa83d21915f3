"""Live progress of jobs: streams of HTML fragments (server-sent events) from one poller a process.

Once a second the poller looks at all watched jobs together, in a thread of its own. A stream is a coroutine and takes no
thread. While nobody watches, nothing is asked.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain.limits import Limits

log = logging.getLogger("entrakeep.web")

ENDED = "ended"
"""The event behind which nothing follows: the job has ended, or the right to see it."""
_STILL_HERE = b": still here\n\n"
"""A comment, at which a connection without a reader fails."""


class News(NamedTuple):
    """What the poller has seen for a stream."""

    fragment: str | None
    """The progress as HTML; None if the visitor may not see it any more."""
    last: bool
    """True if nothing will follow."""


@dataclass(eq=False, kw_only=True)
class Watch:
    """One stream: which job, for which sign-in."""

    job_id: str
    tenant_id: str
    sign_in_id: str
    only_trouble: bool = False
    """True if the stream shows only steps that failed or wait."""
    news: News | None = field(default=None, init=False)
    arrived: asyncio.Event = field(default_factory=asyncio.Event, init=False)


Look = Callable[[Sequence[Watch]], Mapping[Watch, News]]
"""Returns what there is to show for each stream. It asks the catalog once for all of them, and blocks."""


class Live:
    """The streams of one process, and their poller. All but ``full`` runs in the event loop."""

    def __init__(self, look: Look, limits: Limits) -> None:
        self._look = look
        self._limits = limits
        self._watches: list[Watch] = []
        self._poller: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live")

    def full(self, sign_in_id: str) -> bool:
        """Return True if this sign-in has as many streams as it may have."""
        counts = Counter(watch.sign_in_id for watch in list(self._watches))
        return counts[sign_in_id] >= self._limits.live_streams

    async def events(self, watch: Watch) -> AsyncIterator[bytes]:
        """Yield the events of a stream until its job, its right or its time ends."""
        if self.full(watch.sign_in_id):
            return
        self._watches.append(watch)
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        try:
            async for part in self._events(watch):
                yield part
        finally:
            self._watches.remove(watch)

    async def _events(self, watch: Watch) -> AsyncIterator[bytes]:
        """Yield the events of a registered stream: changes alone, and a comment after a long silence."""
        now, silence = asyncio.get_running_loop().time, self._limits.live_silent_seconds
        ends_at, spoke_at, sent = now() + self._limits.live_seconds, now(), None
        while (remaining := ends_at - now()) > 0:
            news = await _next(watch, min(remaining, spoke_at + silence - now()))
            if news is not None and news.fragment not in (None, sent):
                spoke_at, sent = now(), news.fragment
                yield event(news.fragment or "")
            elif now() >= spoke_at + silence:
                spoke_at = now()
                yield _STILL_HERE
            if news is not None and news.last:
                yield event("", ENDED)
                return

    async def _poll(self) -> None:
        """Look once a second for all streams, until there are none."""
        loop = asyncio.get_running_loop()
        try:
            while self._watches:
                next_look = loop.time() + self._limits.live_look_seconds
                await self._look_once(loop)
                await asyncio.sleep(max(0.0, next_look - loop.time()))
        finally:
            self._poller = None

    async def _look_once(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the jobs of all streams. An error is logged, and nothing is shown: the right to see it is not known."""
        try:
            seen = await loop.run_in_executor(self._thread, self._look, tuple(self._watches))
        except Exception as error:
            log.warning("live progress not read: %s", type(error).__name__)
            return
        for watch, news in seen.items():
            watch.news = news
            watch.arrived.set()


async def _next(watch: Watch, seconds: float) -> News | None:
    """Return what the next look sees for a stream, or None if there is none in this time."""
    try:
        await asyncio.wait_for(watch.arrived.wait(), max(0.0, seconds))
    except TimeoutError:
        return None
    watch.arrived.clear()
    return watch.news


def event(data: str, name: str | None = None) -> bytes:
    """Return one server-sent event. An event without a name is swapped into the page."""
    lines = [] if name is None else [f"event: {name}"]
    lines += [f"data: {line}" for line in data.splitlines() or [""]]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "backslashreplace")
