"""Compare the newest snapshot with what Graph shows when each delta stream is read from the beginning.

A backup believes Graph's delta. A record that differs from the full reading is a real change, or one that delta did not
tell. So delta is read too, from the snapshot's cursor and after the full reading: what it names has changed since, and only
the other differences count.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator

import msgspec

from shared.domain.errors import Answer, Skip, StartOver
from shared.domain.jobs import GraphVerifyResult, JobState, UntoldChanges
from shared.domain.records import Line, encode_id, split_order
from shared.domain.resources import STREAMS, Reading, Stream
from shared.domain.secret import Secret
from shared.engine.backup.cancelling import run_cancellable
from shared.engine.backup.changes import meaning
from shared.engine.keys.credentials import source_for
from shared.engine.steps.checkpoints import last_state, store_state
from shared.engine.steps.work import Work
from shared.ports.directory import Cursor, Page
from shared.vault.buffer import SortBuffer
from shared.vault.format import StreamState
from shared.vault.merge import merge
from shared.vault.snapshot_reader import SnapshotReader

_READ = frozenset({Answer.WHOLE, Answer.PARTIAL})


class _Progress(msgspec.Struct):
    """The streams that were compared so far."""

    untold: list[UntoldChanges] = msgspec.field(default_factory=list)
    not_compared: dict[str, str] = msgspec.field(default_factory=dict)
    done: set[str] = msgspec.field(default_factory=set)
    """Names of the streams that need no further look."""


def verify_against_graph(work: Work) -> bool:
    """Compare the snapshot that the job names with Graph, stream by stream, and end the job.

    Differences end it with warnings. After a loss of the claim, the streams that were compared are not read again.
    Return False, because no phase follows.
    """
    snapshot = work.catalog.snapshots.get(work.job.snapshot or "latest")
    manifest = work.blobs.manifest(snapshot)
    progress = last_state(work, _Progress) or _Progress()
    reader = SnapshotReader(work.blobs, manifest.streams)
    for state in manifest.streams:
        stream = STREAMS.get(state.stream)
        if stream is None or stream.reading is not Reading.DELTA or state.stream in progress.done:
            continue
        reason = _hindrance(stream, state)
        if reason is None:
            reason = _compare(work, stream, state, reader, progress)
        if reason is not None:
            progress.not_compared[stream.name] = reason
        progress.done.add(stream.name)
        store_state(work, progress)
    return _end(work, progress)


def _end(work: Work, progress: _Progress) -> bool:
    """End the job: with warnings if records differ that delta did not tell."""
    detail = GraphVerifyResult(untold=progress.untold, not_compared=progress.not_compared)
    if not detail.differing:
        return work.catalog.claims.finish(work.claim, detail=detail)
    message = (
        f"Graph's delta did not tell of changes to {detail.differing:,} records. "
        "'entrakeep backup NAME --full' reads everything again; 'entrakeep compare' then names the records."
    )
    return work.catalog.claims.finish(
        work.claim, state=JobState.SUCCEEDED_WITH_WARNINGS, message=message, detail=detail
    )


def _hindrance(stream: Stream, state: StreamState) -> str | None:
    """Return why the stream of a snapshot cannot be compared, or None."""
    if state.answer not in _READ or state.stale:
        return f"the snapshot did not read it ({state.answer})"
    if state.cursor is None or state.selection != stream.selection:
        return "the snapshot selects other properties; the next backup reads it from the beginning"
    return None


def _compare(work: Work, stream: Stream, state: StreamState, reader: SnapshotReader, progress: _Progress) -> str | None:
    """Compare one stream, and add the result to ``progress``. Return why that was not possible, or None."""
    try:
        shown, touched = run_cancellable(work, _read_all(work, stream))
        touched |= run_cancellable(work, _changed_since(work, stream, state))
        kept = _digests(line for name in stream.resources for line in _stored(reader, name))
        differing = _untold(kept, shown, touched)
        if differing:  # delta lags behind a listing
            touched |= run_cancellable(work, _changed_since(work, stream, state, work.context.limits.proof_seconds))
            differing = _untold(kept, shown, touched)
    except StartOver:
        return "Graph refuses the snapshot's cursor, so the next backup reads it from the beginning"
    except Skip as skip:
        return f"Graph does not show it now ({skip.answer})"
    counts: dict[str, Counter[str]] = {name: Counter() for name in stream.resources}
    for order, how in differing:
        counts[_resource(order)][how] += 1
    records = Counter(map(_resource, shown))
    progress.untold += [
        UntoldChanges(resource=name, records=records[name], **counts[name]) for name in stream.resources
    ]
    return None


async def _read_all(work: Work, stream: Stream) -> tuple[dict[bytes, bytes], set[bytes]]:
    """Read the stream in full. Return a digest of each record by order, and the objects that came without properties.

    A record takes some 300 bytes of memory, whatever its size.
    """
    buffer, incomplete = SortBuffer(sys.maxsize), set[bytes]()
    async for lines, partial in _pages(work, stream, None):
        buffer.add((order, None if value is None else _digest(order, value)) for order, value in lines)
        incomplete |= partial
    lines = await asyncio.to_thread(buffer.drain)
    shown = (line for each in merge([iter([lines])]) for line in each)
    return {order: value for order, value in shown if value is not None}, incomplete


async def _changed_since(work: Work, stream: Stream, state: StreamState, wait: float = 0.0) -> set[bytes]:
    """Return the objects that delta names since the snapshot, after ``wait`` seconds.

    Objects that the snapshot has no full record of belong to them.
    """
    await asyncio.sleep(wait)
    assert state.cursor is not None
    touched = {encode_id(each) for each in (*state.to_refetch, *(refused.id for refused in state.refused))}
    async for lines, incomplete in _pages(work, stream, Cursor(Secret(state.cursor.encode()), more=False)):
        touched |= {_object(order) for order, _ in lines} | incomplete
    return touched


async def _pages(work: Work, stream: Stream, cursor: Cursor | None) -> AsyncIterator[tuple[list[Line], set[bytes]]]:
    """Yield the lines of each page, and the objects that it names without their properties, by encoded id."""
    source = source_for(work.context, work.catalog, work.keys, work.check)
    try:
        async for page in source.pages(stream, cursor):
            lines = await asyncio.to_thread(_lines, page)
            yield lines, {encode_id(object_id) for object_id in page.incomplete()}
    finally:
        await source.close()


def _lines(page: Page) -> list[Line]:
    """Return a page's lines."""
    return [line for entry in page.entries() for line in entry]


def _stored(reader: SnapshotReader, resource: str) -> Iterator[Line]:
    """Yield the lines of a snapshot's records of a resource."""
    for key, value in reader.stored_records(resource):
        yield resource.encode() + b"\0" + key, value


def _digests(lines: Iterable[Line]) -> dict[bytes, bytes]:
    """Return a digest of each record by order."""
    return {order: _digest(order, value) for order, value in lines if value is not None}


def _digest(order: bytes, value: bytes) -> bytes:
    """Return a digest that two values share if a comparison takes them as equal."""
    return meaning(_resource(order), value)[:16]


def _untold(kept: dict[bytes, bytes], shown: dict[bytes, bytes], touched: set[bytes]) -> list[tuple[bytes, str]]:
    """Return the order of each record that differs, and how, unless its object is one of ``touched``."""
    return [(order, how) for order, how in _differing(kept, shown) if _object(order) not in touched]


def _differing(kept: dict[bytes, bytes], shown: dict[bytes, bytes]) -> Iterator[tuple[bytes, str]]:
    """Yield the order of each record that differs, and how."""
    for order in kept.keys() | shown.keys():
        if order not in kept:
            yield order, "missing"
        elif order not in shown:
            yield order, "extra"
        elif kept[order] != shown[order]:
            yield order, "changed"


def _resource(order: bytes) -> str:
    """Return the name of a record's resource."""
    return split_order(order)[0].decode()


def _object(order: bytes) -> bytes:
    """Return the encoded id of the object that a record belongs to; empty for a whole resource."""
    return split_order(order)[1].partition(b"/")[2].partition(b"/")[0]
