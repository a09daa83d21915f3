"""Reading a snapshot: its records, by resource and then by key, in one pass over its runs."""

import heapq
from collections.abc import Callable, Collection, Iterator

import msgspec

from shared.domain.records import Line, split_order
from shared.domain.resources import STREAMS
from shared.engine.context import Context
from shared.engine.custody import Custody
from shared.vault.format import ChunkRef, Manifest, Run, StreamState
from shared.vault.merge import merge
from shared.vault.reader import read_run


def records(
    context: Context, custody: Custody, manifest: Manifest, resources: Collection[str], check: Callable[[], None]
) -> Iterator[tuple[bytes, bytes]]:
    """``(key, value)`` of the snapshot's records of these resources (all if empty), sorted by resource, then key.

    Chunks without any of them are not opened. Raises Alarm naming blob and resource where something is missing or
    damaged, and what ``check`` raises.
    """
    wanted = set(resources) or {name for state in manifest.streams for name in STREAMS[state.stream].resources}

    def of(state: StreamState) -> Iterator[Line]:
        runs = [_narrowed(run, wanted) for run in state.runs]
        return merge([read_run(context.store, custody.find, manifest.tenant_id, run, check) for run in runs])

    feeding = [state for state in manifest.streams if wanted & set(STREAMS[state.stream].resources)]
    for order, value in heapq.merge(*map(of, feeding)):
        resource, key = split_order(order)
        if value is not None and resource.decode() in wanted:
            yield key, value


def _narrowed(run: Run, wanted: set[str]) -> Run:
    return msgspec.structs.replace(run, chunks=[chunk for chunk in run.chunks if _holds(chunk, wanted)])


def _holds(chunk: ChunkRef, wanted: set[str]) -> bool:
    """Whether the chunk's range touches one of the resources: their lines lie from ``name \\0`` to ``name \\1``."""
    return any(chunk.first < f"{name}\1" and chunk.last >= f"{name}\0" for name in wanted)
