"""Writing a run: lines become chunks, each compressed, sealed, verified and stored.

Only storing uses threads. Threads that compute would block each other, and the concurrent download, on the
interpreter's lock.
"""

import hashlib
import uuid
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import accumulate
from operator import countOf, itemgetter

from shared.domain.limits import LIMITS
from shared.domain.records import Line, encode_lines, split_order
from shared.ports.blobs import BlobStore
from shared.vault.format import ChunkRef, Counted, Run, pack, range_text, unpack
from shared.vault.keyring import DataKey
from shared.vault.names import chunk_blob
from shared.vault.sealing import Kind, damaged, open_sealed, seal

_VALUE = itemgetter(1)


class RunWriter:
    """Writes runs of one stream for one job. ``check`` is called before each seal; its exception ends the writing."""

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

    def write(self, lines: Iterable[list[Line]]) -> Run:
        """Return a run of the sorted ``lines``. Every chunk is durable when this returns.

        ``lines`` are lists of any length, read once. Without lines, the run has no chunk. Raise what the store raises,
        and what ``lines`` raises.
        """
        chunks: list[ChunkRef] = []
        line_counts, record_counts = Counter[str](), Counter[str]()
        storing: deque[Future[None]] = deque()
        pool = ThreadPoolExecutor(LIMITS.upload_threads, "upload")
        try:
            for chunk in self._chunks(lines):
                _tally(chunk, line_counts, record_counts)
                ref, sealed = self._seal(chunk)
                chunks.append(ref)
                storing.append(pool.submit(self._store.put, self._blob(ref.name), sealed))
                if len(storing) > LIMITS.chunks_waiting:
                    self._wait_until_stored(storing.popleft())
            for future in storing:
                self._wait_until_stored(future)
        finally:
            # Do not wait for a running upload: its blob is garbage that no manifest names.
            pool.shutdown(wait=False, cancel_futures=True)
        return Run(
            run_id=str(uuid.uuid4()),
            job_id=self._job,
            stream=self._stream,
            lines=line_counts.total(),
            chunks=chunks,
            resources={name: Counted(line_counts[name], record_counts[name]) for name in line_counts},
        )

    def _wait_until_stored(self, future: Future[None]) -> None:
        """Wait until the chunk is stored, for as long as ``check`` does not raise."""
        while not wait([future], LIMITS.upload_look_seconds).done:
            self._check()
        future.result()

    def _chunks(self, lists: Iterable[list[Line]]) -> Iterator[list[Line]]:
        """Yield the lines of each chunk: as many as fit, at least one."""
        chunk: list[Line] = []
        size = 0
        for lines in lists:
            ends = [0, *accumulate([len(order) + len(value) if value else len(order) for order, value in lines])]
            start = 0
            while start < len(lines):
                stop = bisect_right(ends, ends[start] + self._chunk_bytes - size, start + 1) - 1
                if not chunk:
                    stop = max(stop, start + 1)
                chunk += lines[start:stop]
                size += ends[stop] - ends[start]
                start = stop
                if start < len(lines):
                    yield chunk
                    chunk, size = [], 0
        if chunk:
            yield chunk

    def _blob(self, name: str) -> str:
        return chunk_blob(self._tenant, self._job, name)

    def _seal(self, lines: list[Line]) -> tuple[ChunkRef, bytes]:
        """Return a chunk of these lines and its sealed bytes, after opening them as a proof."""
        text = encode_lines(lines)
        packed = pack(text)
        self._check()
        sealed = seal(self._key, self._tenant, Kind.CHUNK, packed)
        name = hashlib.sha256(sealed).hexdigest()
        blob = self._blob(name)
        if unpack(open_sealed(lambda _: self._key, self._tenant, Kind.CHUNK, sealed, blob=blob)) != text:
            raise damaged(blob, self._stream)
        first, last = range_text(lines[0][0]), range_text(lines[-1][0])
        return ChunkRef(name=name, first=first, last=last, lines=len(lines), size=len(sealed)), sealed


def _tally(chunk: list[Line], line_counts: Counter[str], record_counts: Counter[str]) -> None:
    """Count the lines of a chunk by resource, and how many of them are records."""
    names = [split_order(order)[0] for order in (chunk[0][0], chunk[-1][0])]
    if names[0] == names[1]:  # the usual case, because they are sorted
        name = names[0].decode()
        line_counts[name] += len(chunk)
        record_counts[name] += len(chunk) - countOf(map(_VALUE, chunk), None)
        return
    for order, value in chunk:
        name = split_order(order)[0].decode()
        line_counts[name] += 1
        record_counts[name] += value is not None
