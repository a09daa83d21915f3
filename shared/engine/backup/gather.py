"""Gathering: turn pages into runs and checkpoints, in a thread of its own beside the event loop that downloads."""

import asyncio
import queue
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from shared.domain.errors import Skip
from shared.domain.jobs import ResourceProgress
from shared.domain.model import RefusedObject
from shared.domain.records import Line, encode_id, is_prefix, prefix_tombstone, split_order, tombstone
from shared.domain.resources import STREAMS, Stream
from shared.engine.backup.refusals import Refusals
from shared.engine.backup.seen_objects import SeenObjects
from shared.engine.steps.checkpoints import store_checkpoint
from shared.engine.steps.work import TimeSliceOver, Work
from shared.ports.directory import Cursor, DirectorySource, Page
from shared.ports.observer import Point
from shared.vault.buffer import SortBuffer
from shared.vault.format import CheckpointBody, Run
from shared.vault.keyring import DataKey
from shared.vault.merge import differences, merge
from shared.vault.writer import RunWriter

_LINES = 4096
"""Number of changed lines that are passed to the writer at a time."""


class Stopped(Exception):
    """The gathering was stopped. The caller of ``stop`` knows the reason."""


@dataclass(frozen=True)
class _Stop:
    """A request to stop, placed in the queue of pages."""

    keep: bool
    """True to write a checkpoint of what was gathered."""


class Gatherer:
    """Gather a stream's pages in order.

    Create it in the event loop that downloads. Call ``run`` in another thread.
    """

    def __init__(
        self,
        work: Work,
        stream: Stream,
        key: DataKey,
        source: DirectorySource,
        *,
        full: bool,
        started_at: datetime,
        tracker: SeenObjects,
        base: Sequence[Run] = (),
        refused: int = 0,
    ) -> None:
        """Prepare to gather one reading of the stream.

        - ``full``: the reading starts from the beginning.
        - ``started_at``: when the reading started.
        - ``tracker``: an empty tracker of the objects of this reading.
        - ``base``: the parent's runs, to store only differences. It is ignored if the reading outgrows one buffer.
        - ``refused``: the number of objects that Graph refused during earlier claims of the step.
        """
        self._work = work
        self._stream = stream
        self._key = key
        self._source = source
        self._full = full
        self._started_at = started_at
        self._tracker = tracker
        self._base = base
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(work.context.limits.pages_ahead)
        self._pages: queue.SimpleQueue[Page | _Stop | None] = queue.SimpleQueue()
        self._fetching: Future[Line | None] | None = None
        self._stopping = False
        self._to_refetch: list[str] = []
        self._refusals = Refusals(work, stream, refused)
        limits = work.context.limits
        self._buffer = SortBuffer(limits.buffer_bytes)
        claim = work.claim
        self._writer = RunWriter(
            work.context.store, claim.tenant_id, claim.job_id, stream.name, key, work.check, limits.chunk_bytes
        )
        self._counts = _counts(work)
        self._buffered: Counter[bytes] = Counter()
        """Buffered lines of each resource, repeated ones included: reported as progress until the run is counted."""
        self._time_slice = work.time_slice()

    @property
    def partial(self) -> bool:
        """Return True if Graph refused objects of this reading."""
        return self._refusals.any

    async def offer(self, page: Page | None) -> None:
        """Queue a page, or None after the last one. Wait while ``Limits.pages_ahead`` pages are not gathered yet."""
        await self._room.acquire()
        self._pages.put(page)

    def stop(self, *, keep: bool) -> None:
        """Make ``run`` raise Stopped. With ``keep``, it first writes a checkpoint of its buffer.

        No effect once it has ended.
        """
        self._stopping = not keep
        self._pages.put(_Stop(keep))
        if self._stopping and self._fetching is not None:
            self._fetching.cancel()

    def run(self, to_refetch: list[str], *, final: bool) -> None:
        """Gather until the last page. Write a checkpoint at each full buffer and at the end.

        ``to_refetch`` are ids of objects that Graph named earlier but did not return. An object that is still missing is
        removed if ``final``, otherwise it is fetched again later.

        Raises TimeSliceOver after a checkpoint when the step's time slice is over, and Stopped after ``stop``.
        """
        for object_id in to_refetch:
            fetched = self._fetch_or_note(object_id)
            if fetched is None and final:
                self._buffer.add(removed(self._stream, object_id))
            elif isinstance(fetched, tuple):
                self._buffer.add([fetched])
            else:
                self._to_refetch.append(object_id)
        last: Cursor | None = None
        while (page := self._next()) is not None:
            if isinstance(page, _Stop):
                if page.keep and last is not None and last.more:
                    self._checkpoint(last)
                raise Stopped
            self._take(page)
            last = page.cursor
            self._work.context.observer.reach(Point.PAGE)
            slice_over = self._time_slice.over
            if last is not None and last.more and (slice_over or self._buffer.full):
                self._checkpoint(last)
                if slice_over:
                    raise TimeSliceOver
        self._checkpoint(last)

    def _next(self) -> Page | _Stop | None:
        """Wait for the next page and return it, or None after the last one, or the request to stop."""
        page = self._pages.get()
        if not isinstance(page, _Stop):
            self._loop.call_soon_threadsafe(self._room.release)
        return page

    def _take(self, page: Page) -> None:
        """Add a page's lines to the buffer, count them, note refused objects and fetch incomplete ones."""
        if self._stopping:
            raise Stopped
        self._work.check()
        lines = self._tracker.filter(page.entries())
        self._buffer.add(lines)
        self._buffered.update(
            order.partition(b"\0")[0] for order, value in lines if value is not None or not is_prefix(order)
        )
        self._work.claim_keeper.report_progress(self._so_far())
        for refused in page.refused():
            self._refusals.add(refused)
        for object_id in page.incomplete():
            fetched = self._fetch_or_note(object_id)
            if isinstance(fetched, tuple):
                self._buffer.add(self._tracker.filter([[fetched]]))
            else:
                self._to_refetch.append(object_id)

    def _fetch_or_note(self, object_id: str) -> Line | Skip | None:
        """Return one object, or None if it does not exist. If Graph refuses it, note that and return the cause."""
        try:
            return self._fetch(object_id)
        except Skip as skip:
            self._refusals.add(RefusedObject(id=object_id, request_id=skip.request_id))
            return skip

    def _fetch(self, object_id: str) -> Line | None:
        """Fetch one object by id in the event loop, and wait for it. Raises Stopped after ``stop``."""
        if self._stopping:
            raise Stopped
        self._fetching = asyncio.run_coroutine_threadsafe(self._source.fetch(self._stream, object_id), self._loop)
        if self._stopping:
            self._fetching.cancel()  # stop() ran before there was a request to cancel
        try:
            return self._fetching.result()
        except CancelledError:
            raise Stopped from None

    def _checkpoint(self, cursor: Cursor | None) -> None:
        """Write the buffer as a run, and a checkpoint that continues at ``cursor``."""
        run = repeated = None
        refused = self._refusals.take()
        if refused and self._full:
            self._buffer.add(self._tracker.filter([[line] for line in self._refusals.kept(refused)]))
        if not self._buffer.empty:
            repeated = self._tracker.end_run()
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
            self._work.context.observer.reach(Point.RUN_STORED)
        body = CheckpointBody(
            run=run if run is not None and run.chunks else None,
            cursor=cursor.link.reveal().decode() if cursor else None,
            more=cursor is not None and cursor.more,
            full=self._full,
            cursor_issued=self._work.context.clock.now(),
            started_at=self._started_at,
            to_refetch=self._to_refetch,
            selection=self._stream.selection,
            repeated=repeated,
            refused=refused,
        )
        store_checkpoint(
            self._work, self._key, self._stream.name, body, [self._counts[name] for name in self._stream.resources]
        )
        self._to_refetch = []

    def _write_changed(self, lines: list[Line], base: Sequence[Run]) -> Run:
        """Write a run of the differences from the ``base`` runs, which stay below it."""
        self._full = False
        before = merge([self._work.blobs.lists(run) for run in base])
        records = [line for line in lines if line[1] is not None]
        changed = differences(chain.from_iterable(before), iter(records))
        run = self._writer.write(iter(lambda: list(islice(changed, _LINES)), []))
        self._count({self._stream.resource: (len(records), run.lines)})
        return run

    def _so_far(self) -> list[ResourceProgress]:
        """Return the progress by resource: the counts of written runs plus the buffered lines."""
        return [
            ResourceProgress(
                resource=name,
                records=before.records + self._buffered[name.encode()],
                changed=before.changed + self._buffered[name.encode()],
            )
            for name, before in self._counts.items()
        ]

    def _count(self, counted: dict[str, tuple[int, int]]) -> None:
        """Add a written run to the counts, and clear the count of buffered lines.

        ``counted`` has two numbers by resource: records read, and records added, changed or removed. A prefix tombstone
        is no record.
        """
        self._buffered.clear()
        for name, (records, lines) in counted.items():
            before = self._counts[name]
            self._counts[name] = ResourceProgress(
                resource=name, records=before.records + records, changed=before.changed + lines
            )


def removed(stream: Stream, object_id: str) -> list[Line]:
    """Return the tombstones of a deleted object: its key, and its links in each resource of the same stream."""
    resource = stream.resource.encode()
    key = resource + b"/" + encode_id(object_id)
    links = [
        prefix_tombstone(relation.resource.encode(), key + b"/" + relation.name.encode() + b"/")
        for relation in stream.relations
    ]
    return [tombstone(resource, key), *links]


def _counts(work: Work) -> dict[str, ResourceProgress]:
    """Return the progress that this step stored during earlier claims, by resource."""

    steps = work.catalog.jobs.steps(work.claim.job_id)
    own_progress = next((step.progress for step in steps if step.step_id == work.claim.step_id), [])
    before = {progress.resource: progress for progress in own_progress}
    names = STREAMS[work.claim.name].resources
    return {name: before.get(name, ResourceProgress(resource=name, records=0, changed=0)) for name in names}
