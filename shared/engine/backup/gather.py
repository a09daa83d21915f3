"""Gathering: pages in, runs and checkpoints out. Runs in a thread of its own, beside the event loop that downloads."""

import asyncio
import queue
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from shared.domain.errors import Skip
from shared.domain.model import RefusedObject, ResourceProgress
from shared.domain.records import Line, encode_id, gone, is_prefix, prefix_gone, split_order
from shared.domain.resources import STREAMS, Stream
from shared.engine.backup.met import Met
from shared.engine.backup.refusals import Refusals
from shared.engine.backup.trail import leave
from shared.engine.work import StepTired, Work
from shared.ports.directory import Cursor, DirectorySource, Page
from shared.vault.buffer import SortBuffer
from shared.vault.format import CheckpointBody, Run
from shared.vault.keyring import DataKey
from shared.vault.merge import differences, merge
from shared.vault.reader import read_chunks
from shared.vault.writer import RunWriter

_LINES = 4096
"""Lines of what has changed that are handed on at a time."""
PAGES = 16
"""Pages downloaded and not yet gathered: as many as come while a buffer is sorted and written."""


class Stopped(Exception):
    """The gathering was told to stop; whoever told it knows why."""


@dataclass(frozen=True)
class _Stop:
    keep: bool


class Gatherer:
    """Takes a stream's pages in order. Made in the event loop that downloads; ``run`` is the work of another thread."""

    def __init__(
        self,
        work: Work,
        stream: Stream,
        key: DataKey,
        source: DirectorySource,
        *,
        full: bool,
        begun: datetime,
        met: Met,
        base: Sequence[Run] = (),
        refused: int = 0,
    ) -> None:
        """``met``: of this reading, told nothing yet. ``base``: the stream's runs as they were, if this reading tells all
        afresh and what matters is what has changed. Only one that fits into one buffer is held against them. ``refused``: how
        many objects were refused when the step was claimed earlier."""
        self._work = work
        self._stream = stream
        self._key = key
        self._source = source
        self._full = full
        self._begun = begun
        self._met = met
        self._base = base
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(PAGES)
        self._pages: queue.SimpleQueue[Page | _Stop | None] = queue.SimpleQueue()
        self._fetching: Future[Line | None] | None = None
        self._stopping = False
        self._again: list[str] = []
        self._refusals = Refusals(work, stream, refused)
        limits = work.context.limits
        self._buffer = SortBuffer(limits.buffer_bytes)
        claim = work.claim
        self._writer = RunWriter(
            work.context.store, claim.tenant_id, claim.job_id, stream.name, key, work.check, limits.chunk_bytes
        )
        self._counts = _counts(work)
        self._seen: Counter[bytes] = Counter()
        """Lines of each resource that stand in the buffer, repeated ones included: told until the run is counted."""
        self._tired_at = time.monotonic() + limits.step_seconds

    @property
    def partial(self) -> bool:
        """Whether Graph refused objects of this reading."""
        return self._refusals.any

    async def offer(self, page: Page | None) -> None:
        """Hands a page over, waiting while ``PAGES`` are not gathered yet; None says that it was the last."""
        await self._room.acquire()
        self._pages.put(page)

    def stop(self, *, keep: bool) -> None:
        """Ends ``run`` with Stopped; with ``keep`` it leaves a checkpoint of what it has. No effect once it has ended."""
        self._stopping = not keep
        self._pages.put(_Stop(keep))
        if self._stopping and self._fetching is not None:
            self._fetching.cancel()

    def run(self, again: list[str], *, settles: bool) -> None:
        """Gathers until the last page; leaves a checkpoint at each full buffer and at the end.

        ``again`` are ids of objects named earlier and not found then: found now, or gone if that ``settles`` it, or to be
        asked for once more. Raises StepTired when the step has run for its time, with a checkpoint left.
        """
        for object_id in again:
            found = self._shown(object_id)
            if found is None and settles:
                self._buffer.add(removed(self._stream, object_id))
            elif isinstance(found, tuple):
                self._buffer.add([found])
            else:
                self._again.append(object_id)
        last: Cursor | None = None
        while (page := self._next()) is not None:
            if isinstance(page, _Stop):
                if page.keep and last is not None and last.more:
                    self._checkpoint(last)
                raise Stopped
            self._take(page)
            last = page.cursor
            self._work.context.at("page")
            tired = time.monotonic() >= self._tired_at
            if last is not None and last.more and (tired or self._buffer.full):
                self._checkpoint(last)
                if tired:
                    raise StepTired
        self._checkpoint(last)

    def _next(self) -> Page | _Stop | None:
        page = self._pages.get()
        if not isinstance(page, _Stop):
            self._loop.call_soon_threadsafe(self._room.release)
        return page

    def _take(self, page: Page) -> None:
        if self._stopping:
            raise Stopped
        self._work.check()
        lines = self._met.sift(page.entries())
        self._buffer.add(lines)
        self._seen.update(
            order.partition(b"\0")[0] for order, value in lines if value is not None or not is_prefix(order)
        )
        self._work.hold.tell(self._so_far())
        for refused in page.refused():
            self._refusals.add(refused)
        for object_id in page.incomplete():
            found = self._shown(object_id)
            if isinstance(found, tuple):
                self._buffer.add(self._met.sift([[found]]))
            else:
                self._again.append(object_id)

    def _shown(self, object_id: str) -> Line | Skip | None:
        """Return one object; None if it does not exist; or the cause for which Graph refuses it, which is noted."""
        try:
            return self._fetch(object_id)
        except Skip as skip:
            self._refusals.add(RefusedObject(id=object_id, request_id=skip.request_id))
            return skip

    def _fetch(self, object_id: str) -> Line | None:
        """One object by id, asked for in the event loop."""
        if self._stopping:
            raise Stopped
        self._fetching = asyncio.run_coroutine_threadsafe(self._source.fetch(self._stream, object_id), self._loop)
        if self._stopping:
            self._fetching.cancel()  # told to stop before there was anything to cancel
        try:
            return self._fetching.result()
        except CancelledError:
            raise Stopped from None

    def _checkpoint(self, cursor: Cursor | None) -> None:
        run = repeated = None
        refused = self._refusals.take()
        if refused and self._full:
            self._buffer.add(self._met.sift([[line] for line in self._refusals.kept(refused)]))
        if not self._buffer.empty:
            repeated = self._met.run_ends()
            lines = self._buffer.drain()
            base, self._base = self._base, ()
            if cursor is None and base:
                run = self._write_changed(lines, base)
            else:
                run = self._writer.write([lines])
                prefixes = Counter(
                    split_order(order)[0] for order, value in lines if value is None and is_prefix(order)
                )
                self._count(
                    {
                        name: (counted.records, counted.lines - prefixes[name.encode()])
                        for name, counted in run.resources.items()
                    }
                )
            self._work.context.at("run-stored")
        body = CheckpointBody(
            run=run if run is not None and run.chunks else None,
            cursor=cursor.link.reveal().decode() if cursor else None,
            more=cursor is not None and cursor.more,
            full=self._full,
            cursor_issued=self._work.context.clock.now(),
            begun=self._begun,
            again=self._again,
            selection=self._stream.selection,
            repeated=repeated,
            refused=refused,
        )
        leave(self._work, self._key, self._stream.name, body, [self._counts[name] for name in self._stream.resources])
        self._again = []

    def _write_changed(self, lines: list[Line], base: Sequence[Run]) -> Run:
        """A run of what differs from the runs that were there, which stay below it."""
        self._full = False
        work = self._work
        store, tenant = work.context.store, work.claim.tenant_id
        before = merge([read_chunks(store, work.custody.find, tenant, run, work.check) for run in base])
        records = [line for line in lines if line[1] is not None]
        changed = differences(chain.from_iterable(before), iter(records))
        run = self._writer.write(iter(lambda: list(islice(changed, _LINES)), []))
        self._count({self._stream.resource: (len(records), run.lines)})
        return run

    def _so_far(self) -> list[ResourceProgress]:
        """What was counted, and what stands in the buffer."""
        return [
            ResourceProgress(
                resource=name,
                records=before.records + self._seen[name.encode()],
                changed=before.changed + self._seen[name.encode()],
            )
            for name, before in self._counts.items()
        ]

    def _count(self, counted: dict[str, tuple[int, int]]) -> None:
        """By resource: the records that were read, and those that were added, changed or removed. A prefix is no record."""
        self._seen.clear()
        for name, (records, lines) in counted.items():
            before = self._counts[name]
            self._counts[name] = ResourceProgress(
                resource=name, records=before.records + records, changed=before.changed + lines
            )


def removed(stream: Stream, object_id: str) -> list[Line]:
    """The lines of an object that is gone: its key, and its links in each resource of the same stream."""
    resource = stream.resource.encode()
    key = resource + b"/" + encode_id(object_id)
    links = [
        prefix_gone(relation.resource.encode(), key + b"/" + relation.name.encode() + b"/")
        for relation in stream.relations
    ]
    return [gone(resource, key), *links]


def _counts(work: Work) -> dict[str, ResourceProgress]:
    """What this step counted before it was given back."""

    steps = work.catalog.jobs.steps(work.claim.job_id)
    mine = next((step.progress for step in steps if step.step_id == work.claim.step_id), [])
    before = {progress.resource: progress for progress in mine}
    names = STREAMS[work.claim.name].resources
    return {name: before.get(name, ResourceProgress(resource=name, records=0, changed=0)) for name in names}
