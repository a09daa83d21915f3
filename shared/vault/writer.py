"""Writing a run: lines into chunks, each compressed, sealed, proved and stored.

Only storing takes threads: what computes would keep each other, and the download beside them, from the one interpreter.
"""

import hashlib
import uuid
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import accumulate
from operator import countOf, itemgetter

from shared.domain.records import Line, encode_lines, split_order
from shared.ports.blobs import BlobStore
from shared.vault.format import ChunkRef, Counted, Run, pack, range_text, unpack
from shared.vault.keyring import DataKey
from shared.vault.names import chunk_blob
from shared.vault.sealing import Kind, damaged, open_sealed, seal

THREADS = 4
_VALUE = itemgetter(1)
_LOOK = 0.25
"""Seconds between two looks whether a chunk that is being stored is still wanted."""
_WAITING = 2 * THREADS
"""Chunks sealed and not stored yet: more would only take memory."""


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

    def write(self, lines: Iterable[list[Line]]) -> Run:
        """A run of the sorted ``lines``, in lists of whatever length, read once; every chunk is durable when this returns.
        Without lines it has no chunk.

        Raises what the store raises, and what ``lines`` raises.
        """
        chunks: list[ChunkRef] = []
        told, kept = Counter[str](), Counter[str]()
        storing: deque[Future[None]] = deque()
        pool = ThreadPoolExecutor(THREADS, "upload")
        try:
            for chunk in self._chunks(lines):
                _tally(chunk, told, kept)
                ref, sealed = self._seal(chunk)
                chunks.append(ref)
                storing.append(pool.submit(self._store.put, self._blob(ref.name), sealed))
                if len(storing) > _WAITING:
                    self._stored(storing.popleft())
            for future in storing:
                self._stored(future)
        finally:
            # An upload under way is not waited for: what it stores is garbage that nobody names.
            pool.shutdown(wait=False, cancel_futures=True)
        return Run(
            run_id=str(uuid.uuid4()),
            job_id=self._job,
            stream=self._stream,
            lines=told.total(),
            chunks=chunks,
            resources={name: Counted(told[name], kept[name]) for name in told},
        )

    def _stored(self, future: Future[None]) -> None:
        """Returns once the chunk is stored, however long that takes, as long as ``check`` lets it."""
        while not wait([future], _LOOK).done:
            self._check()
        future.result()

    def _chunks(self, lists: Iterable[list[Line]]) -> Iterator[list[Line]]:
        """As many lines as fit, one at least."""
        chunk: list[Line] = []
        size = 0
        for lines in lists:
            ends = [0, *accumulate([len(order) + len(value) if value else len(order) for order, value in lines])]
            at = 0
            while at < len(lines):
                stop = bisect_right(ends, ends[at] + self._chunk_bytes - size, at + 1) - 1
                if not chunk:
                    stop = max(stop, at + 1)
                chunk += lines[at:stop]
                size += ends[stop] - ends[at]
                at = stop
                if at < len(lines):
                    yield chunk
                    chunk, size = [], 0
        if chunk:
            yield chunk

    def _blob(self, name: str) -> str:
        return chunk_blob(self._tenant, self._job, name)

    def _seal(self, lines: list[Line]) -> tuple[ChunkRef, bytes]:
        """A chunk of these lines, and its sealed bytes, proved to open."""
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


def _tally(chunk: list[Line], told: Counter[str], kept: Counter[str]) -> None:
    """Counts the lines of a chunk by resource, and those of them that are records."""
    names = [split_order(order)[0] for order in (chunk[0][0], chunk[-1][0])]
    if names[0] == names[1]:  # as nearly always: they are sorted
        name = names[0].decode()
        told[name] += len(chunk)
        kept[name] += len(chunk) - countOf(map(_VALUE, chunk), None)
        return
    for order, value in chunk:
        name = split_order(order)[0].decode()
        told[name] += 1
        kept[name] += value is not None
