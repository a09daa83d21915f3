"""Reading runs: each chunk is fetched, checked against its name, opened, and compared with the manifest."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import chain

from shared.domain.errors import Alarm, Code
from shared.domain.records import Line, decode_lines, split_order
from shared.ports.blobs import BlobStore
from shared.vault.format import ChunkRef, Run, range_text, unpack
from shared.vault.names import chunk_blob
from shared.vault.rereading import read_twice
from shared.vault.sealing import WAY_OUT, FindKey, Kind, damaged, open_sealed

_PART = 1 << 17
"""Bytes of a chunk's text that become lines at a time, extended to the end of the line."""


def read_run(
    store: BlobStore, find_key: FindKey, tenant_id: str, run: Run, check: Callable[[], None]
) -> Iterator[Line]:
    """Return the run's lines, sorted. Opens chunks, and raises, as ``read_chunks`` does."""
    return chain.from_iterable(read_chunks(store, find_key, tenant_id, run, check))


def read_chunks(
    store: BlobStore, find_key: FindKey, tenant_id: str, run: Run, check: Callable[[], None]
) -> Iterator[list[Line]]:
    """Yield the run's lines, sorted, a part of a chunk at a time. ``check`` is called before each chunk is opened.

    Raise Alarm with blob and resource if a chunk is missing or differs from what the manifest says.
    """
    for chunk in run.chunks:
        check()
        yield from _parts(_open_chunk(store, find_key, tenant_id, run, chunk), run, chunk, tenant_id)


@read_twice
def check_blob(store: BlobStore, tenant_id: str, run: Run, chunk: ChunkRef) -> bytes:
    """Return the chunk's sealed bytes, after comparing them with its name. Needs no key. Raise Alarm."""
    blob, resource = chunk_blob(tenant_id, run.job_id, chunk.name), _resource(chunk)
    sealed = store.get(blob)
    if sealed is None:
        raise Alarm(
            Code.BLOB_MISSING, f"The blob {blob} of {resource} is missing from the store. {WAY_OUT}", blob, resource
        )
    if hashlib.sha256(sealed).hexdigest() != chunk.name:
        raise damaged(blob, resource)
    return sealed


def _open_chunk(store: BlobStore, find_key: FindKey, tenant_id: str, run: Run, chunk: ChunkRef) -> bytes:
    """Return the chunk's text. Raise Alarm unless it has as many lines as the manifest says."""
    blob, resource = chunk_blob(tenant_id, run.job_id, chunk.name), _resource(chunk)
    sealed = check_blob(store, tenant_id, run, chunk)
    packed = open_sealed(find_key, tenant_id, Kind.CHUNK, sealed, blob=blob, resource=resource)
    try:
        text = unpack(packed)
    except ValueError:
        raise damaged(blob, resource) from None
    if text.count(b"\n") + 1 != chunk.lines:
        raise damaged(blob, resource)
    return text


def _parts(text: bytes, run: Run, chunk: ChunkRef, tenant_id: str) -> Iterator[list[Line]]:
    """Yield the lines of a chunk's text in parts.

    Lines take twice the memory of their text, and a merge has a chunk of each run open.
    """
    start = stop = 0
    while not start or stop < len(text):
        end = text.find(b"\n", start + _PART)
        stop = end if end >= 0 else len(text)
        try:
            lines = decode_lines(text[start:stop])
        except ValueError:
            lines = []
        begins = start or (lines and range_text(lines[0][0]) == chunk.first)
        ends = stop < len(text) or (lines and range_text(lines[-1][0]) == chunk.last)
        if not (lines and begins and ends):
            raise damaged(chunk_blob(tenant_id, run.job_id, chunk.name), _resource(chunk))
        yield lines
        start = stop + 1


def _resource(chunk: ChunkRef) -> str:
    return split_order(chunk.first.encode())[0].decode()
