"""Read a snapshot's records, by resource and then by key, in one pass over its runs."""

import heapq
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from shared.domain.errors import Answer
from shared.domain.records import split_order
from shared.domain.resources import RESOURCES, STREAMS
from shared.engine.context import Context
from shared.engine.keys.process_keys import ProcessKeys
from shared.vault.format import ChunkRef, Manifest, Run, StreamState
from shared.vault.merge import Lists, merge
from shared.vault.reader import read_chunks
from shared.vault.touched import ReadRun

Record = tuple[bytes, bytes]
"""A key and its value."""


def records(
    context: Context, keys: ProcessKeys, manifest: Manifest, resources: Collection[str], check: Callable[[], None]
) -> Iterator[Record]:
    """Yield the snapshot's records of these resources (all if empty), sorted by resource, then by key.

    Chunks without such records are not opened. Only the runs of one stream are open at a time. Raises Alarm naming blob and
    resource if a blob is missing or damaged, and what ``check`` raises.
    """

    def read(run: Run) -> Lists:
        return read_chunks(context.store, keys.find, manifest.tenant_id, run, check)

    states = {state.stream: state for state in manifest.streams if state.stream in STREAMS}
    for resource in sorted(set(resources) or {name for state in states for name in STREAMS[state].resources}):
        stream = STREAMS[RESOURCES[resource].stream]
        state = states.get(stream.name)
        if state is not None:
            owner = states.get(stream.children.owner) if stream.children else None
            yield from records_of(read, resource, state.runs, owner)


def records_of(read: ReadRun, resource: str, runs: Sequence[Run], owner: StreamState | None) -> Iterator[Record]:
    """Return one resource's records in the runs of its stream, sorted by key.

    ``owner`` is the stream of the objects that the records belong to, if that is another stream. Records of an object that
    this stream does not have, or no longer has, are omitted. If the owner's stream was not read whole, all are returned.
    """
    resource_records = _narrowed(read, resource, runs)
    if owner is None or owner.answer is not Answer.WHOLE:
        return resource_records
    owners = (key for key, _ in _narrowed(read, STREAMS[owner.stream].resource, owner.runs))
    return _owned(resource_records, _folders(owners))


def count_records(read: ReadRun, resource: str, runs: Sequence[Run], owner: StreamState | None) -> int:
    """Count the records that ``records_of`` yields."""
    return sum(1 for _ in records_of(read, resource, runs, owner))


def _narrowed(read: ReadRun, resource: str, runs: Sequence[Run]) -> Iterator[Record]:
    """Yield the records of one resource in these runs. Chunks without any are not opened."""
    name = resource.encode()
    holding = [msgspec.structs.replace(run, chunks=[c for c in run.chunks if _holds(c, resource)]) for run in runs]
    for lines in merge([read(run) for run in holding if run.chunks]):
        for order, value in lines:
            own, key = split_order(order)
            if own == name and value is not None:
                yield key, value


def _holds(chunk: ChunkRef, resource: str) -> bool:
    """Return whether the chunk's range overlaps the resource, whose lines range from ``name \\0`` to ``name \\1``."""
    return chunk.first < f"{resource}\1" and chunk.last >= f"{resource}\0"


def _owned(children: Iterator[Record], folders: Iterator[bytes]) -> Iterator[Record]:
    """Yield the children whose key begins with one of the folders. Both are sorted."""
    folder = next(folders, None)
    for key, value in children:
        while folder is not None and folder < key and not key.startswith(folder):
            folder = next(folders, None)
        if folder is None:
            return
        if key.startswith(folder):
            yield key, value


def _folders(keys: Iterator[bytes]) -> Iterator[bytes]:
    """Yield each key with a slash appended, sorted with the slash.

    The keys come sorted without it. The order may differ where one key is the beginning of another.
    """
    waiting: list[bytes] = []
    for key in keys:
        while waiting and not key.startswith(waiting[0][:-1]):
            yield heapq.heappop(waiting)
        heapq.heappush(waiting, key + b"/")
    while waiting:
        yield heapq.heappop(waiting)
