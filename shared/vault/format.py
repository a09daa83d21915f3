"""The bytes inside the seals: chunks of lines, manifests, checkpoints. No keys, no I/O."""

import threading
from datetime import datetime
from typing import TypeVar

import msgspec
import zstandard

from shared.domain.errors import Answer
from shared.domain.model import RefusedObject, ResourceReport, Tenant

_COMPRESSION = zstandard.ZstdCompressionParameters.from_level(2, min_match=7)
"""Most lines are links, and most of a link is an id. Higher levels find short matches in its digits, each of which takes more
bytes than the digits by themselves."""
_local = threading.local()


class ChunkRef(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk in a run: its blob's SHA-256 (hex), the orders of its first and last line, its lines, its sealed bytes."""

    name: str
    first: str
    last: str
    lines: int
    size: int


class Counted(msgspec.Struct, frozen=True):
    """How many lines of a resource a run holds, and how many of them are records and not tombstones."""

    lines: int
    records: int


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A sorted stretch of lines of one stream, written by one step of one job; chunks with disjoint key ranges."""

    run_id: str
    job_id: str
    stream: str
    lines: int
    chunks: list[ChunkRef]
    resources: dict[str, Counted] = {}
    """By resource; one without a line is not named. Runs of before this was counted name none."""

    @property
    def size(self) -> int:
        """Bytes of its sealed chunks."""
        return sum(chunk.size for chunk in self.chunks)


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """A stream in a manifest. ``runs`` are oldest first; ``records`` counts per resource, None where never read."""

    stream: str
    selection: str
    cursor: str | None
    cursor_issued: datetime | None
    begun: datetime | None
    ended: datetime | None
    answer: Answer
    request_id: str | None
    stale: bool
    runs: list[Run]
    records: dict[str, int | None]
    again: list[str] = []
    """Ids of objects that a delta named and Graph did not show yet: to be asked for again."""
    refused: list[RefusedObject] = []
    """Objects that Graph refused, or whose children it refused: what is here of them is as of the parent."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed list of a snapshot's streams and runs."""

    snapshot_id: str
    tenant_id: str
    job_id: str
    parent: str | None
    parent_sha256: str | None
    created_at: datetime
    streams: list[StreamState]
    resources: list[ResourceReport]
    tenant: Tenant | None = None
    """The tenant as SQL had it, so that the bucket is enough to bring it back. Manifests of before this have none."""
    let_go: list[str] = []
    """Snapshots that retention has let go and that others build on: named here before their manifests are deleted."""


class CheckpointBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint seals: the run written since the last one, and where to go on.

    ``more`` tells a next link from a delta link; ``full`` says that this reading began afresh; ``selection`` is what it asks
    for; ``again`` are ids of objects that were named by a delta and could not be fetched. ``repeated`` are keys of the
    objects that both the run and earlier ones of this reading tell of, with the number (from 0) of the run that did so first;
    None where that is not known.
    """

    run: Run | None
    cursor: str | None
    more: bool
    full: bool
    cursor_issued: datetime
    begun: datetime
    again: list[str] = []
    selection: str = ""
    repeated: dict[str, int] | None = None
    refused: list[RefusedObject] = []
    """Objects that Graph has refused since the last checkpoint."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint of a compaction seals: adjacent runs of a stream, and the run that says the same as they did.

    ``run`` is None if nothing was left to say.
    """

    replaces: list[str]
    run: Run | None


T = TypeVar("T", Manifest, CheckpointBody, Merged)


def encode(value: Manifest | CheckpointBody | Merged) -> bytes:
    """A manifest or checkpoint as JSON."""
    return msgspec.json.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """The manifest or checkpoint that ``encode`` wrote. Raises msgspec.ValidationError or DecodeError."""
    return msgspec.json.decode(data, type=kind)


def pack(lines: bytes) -> bytes:
    """Compresses a chunk (Zstandard, RFC 8878), with the content size in the frame. One compressor a thread."""
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(compression_params=_COMPRESSION)
    packed: bytes = _local.compressor.compress(lines)
    return packed


def unpack(data: bytes) -> bytes:
    """The chunk's lines. Raises ValueError if the data is no Zstandard frame."""
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    try:
        lines: bytes = _local.decompressor.decompress(data)
    except zstandard.ZstdError:
        raise ValueError("not a Zstandard frame") from None
    return lines


def range_text(order: bytes) -> str:
    """An order as it stands in a chunk's key range: ASCII, the zero byte as such."""
    return order.decode("ascii")
