"""Writing a run: lines into chunks, each compressed, sealed, proved and stored."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from shared.domain.records import Line, encode_line
from shared.ports.blobs import BlobStore
from shared.vault.format import ChunkRef, Run, pack, range_text, unpack
from shared.vault.keyring import DataKey
from shared.vault.sealing import Kind, damaged, open_sealed, seal

THREADS = 4


class RunWriter:
    """Writes runs of one stream for one job. ``check`` is called before each seal; what it raises ends the writing."""

    def __init__(
        self,
        store: BlobStore,
        tenant_id: str,
        job_id: str,
        stream: str,
        data_key: DataKey,
        check: Callable[[], None],
        chunk_bytes: int,
    ) -> None:
        self._store = store
        self._tenant = tenant_id
        self._job = job_id
        self._stream = stream
        self._key = data_key
        self._check = check
        self._chunk_bytes = chunk_bytes

    def write(self, lines: list[Line]) -> Run:
        """A run of the sorted ``lines``; every chunk is durable when this returns. Raises what the store raises."""
        with ThreadPoolExecutor(THREADS, "upload") as pool:
            chunks = list(pool.map(self._store_chunk, self._chunks(lines)))
        return Run(run_id=str(uuid.uuid4()), job_id=self._job, stream=self._stream, lines=len(lines), chunks=chunks)

    def _chunks(self, lines: list[Line]) -> Iterator[list[Line]]:
        chunk: list[Line] = []
        size = 0
        for line in lines:
            length = len(line[0]) + (len(line[1]) if line[1] else 0)
            if chunk and size + length > self._chunk_bytes:
                yield chunk
                chunk, size = [], 0
            chunk.append(line)
            size += length
        if chunk:
            yield chunk

    def _store_chunk(self, lines: list[Line]) -> ChunkRef:
        text = b"\n".join(map(encode_line, lines))
        packed = pack(text)
        self._check()
        sealed = seal(self._key, self._tenant, Kind.CHUNK, packed)
        name = hashlib.sha256(sealed).hexdigest()
        blob = chunk_blob(self._tenant, self._job, name)
        if unpack(open_sealed(lambda _: self._key, self._tenant, Kind.CHUNK, sealed, blob=blob)) != text:
            raise damaged(blob, self._stream)
        self._store.put(blob, sealed)
        return ChunkRef(
            name=name,
            first=range_text(lines[0][0]),
            last=range_text(lines[-1][0]),
            lines=len(lines),
            size=len(sealed),
        )


def chunk_blob(tenant_id: str, job_id: str, name: str) -> str:
    """Where a chunk lies."""
    return f"{tenant_id}/jobs/{job_id}/{name}"
