"""Reading runs: each chunk fetched, its name checked, opened, and held against what the manifest says of it."""

import hashlib
from collections.abc import Callable, Iterator

from shared.domain.errors import Alarm, Code
from shared.domain.records import Line, split_order
from shared.ports.blobs import BlobStore
from shared.vault.format import ChunkRef, Run, range_text, split, unpack
from shared.vault.names import chunk_blob
from shared.vault.sealing import WAY_OUT, FindKey, Kind, damaged, open_sealed


def read_run(
    store: BlobStore, find_key: FindKey, tenant_id: str, run: Run, check: Callable[[], None]
) -> Iterator[Line]:
    """The run's lines, sorted. ``check`` is called before each chunk is opened.

    Raises Alarm naming blob and resource if a chunk is missing or not what the manifest says.
    """
    for chunk in run.chunks:
        check()
        yield from _open_chunk(store, find_key, tenant_id, run, chunk)


def check_blob(store: BlobStore, tenant_id: str, run: Run, chunk: ChunkRef) -> bytes:
    """The chunk's sealed bytes, held against its name: needs no key. Raises Alarm."""
    blob, resource = chunk_blob(tenant_id, run.job_id, chunk.name), _resource(chunk)
    sealed = store.get(blob)
    if sealed is None:
        raise Alarm(
            Code.BLOB_MISSING, f"The blob {blob} of {resource} is missing from the store. {WAY_OUT}", blob, resource
        )
    if hashlib.sha256(sealed).hexdigest() != chunk.name:
        raise damaged(blob, resource)
    return sealed


def _open_chunk(store: BlobStore, find_key: FindKey, tenant_id: str, run: Run, chunk: ChunkRef) -> list[Line]:
    blob, resource = chunk_blob(tenant_id, run.job_id, chunk.name), _resource(chunk)
    sealed = check_blob(store, tenant_id, run, chunk)
    packed = open_sealed(find_key, tenant_id, Kind.CHUNK, sealed, blob=blob, resource=resource)
    try:
        lines = list(split(unpack(packed)))
    except ValueError:
        raise damaged(blob, resource) from None
    told = (chunk.lines, chunk.first, chunk.last)
    if (len(lines), range_text(lines[0][0]), range_text(lines[-1][0])) != told:
        raise damaged(blob, resource)
    return lines


def _resource(chunk: ChunkRef) -> str:
    return split_order(chunk.first.encode())[0].decode()
