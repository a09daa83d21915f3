"""Reading sealed blobs: each is fetched, compared with its hash, opened, and compared with what names it."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Protocol

from shared.domain.errors import Alarm, Code
from shared.domain.model import Snapshot
from shared.domain.records import Line, decode_lines, split_order
from shared.ports.blobs import BlobStore
from shared.vault.format import ChunkRef, Manifest, Run, range_text, unpack
from shared.vault.manifests import load_manifest
from shared.vault.names import chunk_blob
from shared.vault.rereading import read_twice
from shared.vault.sealing import WAY_OUT, FindKey, Kind, damaged, open_sealed

_PART = 1 << 17
"""Bytes of a chunk's text that become lines at a time, extended to the end of the line."""


class RunReader(Protocol):
    """Something that reads the lines of runs."""

    def lists(self, run: Run) -> Iterator[list[Line]]:
        """Yield the run's lines, sorted, in lists."""
        ...


class BlobReader:
    """Reads one tenant's sealed blobs: manifests, and the lines of runs. ``check`` is called before each is opened."""

    def __init__(self, store: BlobStore, find_key: FindKey, tenant_id: str, check: Callable[[], None]) -> None:
        self._store = store
        self._find_key = find_key
        self._tenant = tenant_id
        self._check = check

    def manifest(self, snapshot: Snapshot) -> Manifest:
        """Return the snapshot's manifest. Raise as ``load_manifest`` does, and what ``check`` raises."""
        self._check()
        return load_manifest(self._store, self._find_key, self._tenant, snapshot.snapshot_id, snapshot.manifest_sha256)

    def lists(self, run: Run) -> Iterator[list[Line]]:
        """Yield the run's lines, sorted, a part of a chunk at a time.

        Raise Alarm with blob and resource if a chunk is missing or differs from what the manifest says.
        """
        for chunk in run.chunks:
            self._check()
            text = _open_chunk(self._store, self._find_key, self._tenant, run, chunk)
            yield from _parts(text, run, chunk, self._tenant)

    def lines(self, run: Run) -> Iterator[Line]:
        """Return the run's lines, sorted. Open chunks, and raise, as ``lists`` does."""
        return chain.from_iterable(self.lists(run))


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
