"""The bytes inside the seals: chunks of lines, manifests, checkpoints. No keys, no I/O."""

import threading
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec
import zstandard

from shared.domain.errors import Answer
from shared.domain.model import RefusedObject, ResourceReport, Tenant

_COMPRESSION = zstandard.ZstdCompressionParameters.from_level(2, min_match=7)
"""Level 2 with long matches, because most lines are links, and most of a link is an id.

Higher levels find short matches in its digits, and each match takes more bytes than the digits themselves.
"""
_local = threading.local()


class ChunkRef(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk in a run."""

    name: str
    """The SHA-256 of its blob, in hex."""
    first: str
    """The order of its first line."""
    last: str
    """The order of its last line."""
    lines: int
    """The number of its lines."""
    size: int
    """The number of its sealed bytes."""


class Counted(msgspec.Struct, frozen=True):
    """The lines of one resource in a run."""

    lines: int
    """The number of lines."""
    records: int
    """The number of those that are records and not tombstones."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A sorted sequence of lines of one stream, written by one step of one job, in chunks with disjoint key ranges."""

    run_id: str
    job_id: str
    stream: str
    lines: int
    chunks: list[ChunkRef]
    resources: dict[str, Counted] = {}
    """Counts by resource, for resources with lines. Runs written before counts existed have none."""

    @property
    def size(self) -> int:
        """Return the number of bytes of the run's sealed chunks."""
        return sum(chunk.size for chunk in self.chunks)


class Holds(StrEnum):
    """The kind of a resource's records."""

    OBJECTS = "objects"
    """Each record is an object."""
    LINKS = "links"
    """Each record is a link from one object to another."""


class StoredResource(msgspec.Struct, frozen=True, kw_only=True):
    """A resource that a stream feeds, as its manifest lists it."""

    resource: str
    holds: Holds
    owner: str | None
    """The resource with the objects that its records belong to, None if they belong to none."""


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """A stream in a manifest."""

    stream: str
    selection: str
    cursor: str | None
    cursor_issued: datetime | None
    started_at: datetime | None = msgspec.field(name="begun")
    ended: datetime | None
    answer: Answer
    request_id: str | None
    stale: bool
    runs: list[Run]
    """The runs, oldest first."""
    records: dict[str, int | None]
    """The number of records by resource, None where it was never read."""
    to_refetch: list[str] = msgspec.field(default_factory=list, name="again")
    """Ids of objects that a delta named and Graph did not show yet: to be fetched again."""
    refused: list[RefusedObject] = []
    """Objects that Graph refused, or whose children it refused. Their records are those of the parent."""
    resources: list[StoredResource] = []
    """The resources that it feeds; ``refused`` are objects, or owners of objects, of the first. Older manifests have none."""

    @property
    def listed(self) -> list[StoredResource]:
        """Return ``resources``. For an older manifest, derive them from the names in ``records``."""
        return self.resources or [_unlisted(name) for name in self.records]


_UNLISTED_LINKS = frozenset(
    {"users.manager", "groups.members", "groups.owners", "applications.owners", "servicePrincipals.owners"}
)
"""The resources with links that manifests name which list no resources. No version adds to them."""


def _unlisted(name: str) -> StoredResource:
    """Return the resource with this name, for a manifest that lists none. The name contains its owner's name."""
    holds = Holds.LINKS if name in _UNLISTED_LINKS else Holds.OBJECTS
    return StoredResource(resource=name, holds=holds, owner=name.rpartition(".")[0] or None)


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
    """The tenant as SQL had it, so that a rebuild needs only the bucket. Older manifests have none."""
    let_go: list[str] = []
    """Snapshots that retention deletes and that others build on, named here before their manifests are deleted."""


class CheckpointBody(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed content of a checkpoint: the run written since the last one, and where to continue."""

    run: Run | None
    cursor: str | None
    more: bool
    """True if ``cursor`` is a next link, False if it is a delta link."""
    full: bool
    """True if this reading began from the beginning."""
    cursor_issued: datetime
    started_at: datetime = msgspec.field(name="begun")
    to_refetch: list[str] = msgspec.field(default_factory=list, name="again")
    """Ids of objects that a delta named and that could not be fetched."""
    selection: str = ""
    """The selection that this reading requests."""
    repeated: dict[str, int] | None = None
    """Keys of objects in both this run and earlier ones of this reading, with the number (from 0) of the first such run.

    None if that is not known.
    """
    refused: list[RefusedObject] = []
    """Objects that Graph has refused since the last checkpoint."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed content of a checkpoint of a compaction."""

    replaces: list[str]
    """The ids of the adjacent runs that were merged."""
    run: Run | None
    """The equivalent run, or None if it has no lines."""


T = TypeVar("T", Manifest, CheckpointBody, Merged)


def encode(value: Manifest | CheckpointBody | Merged) -> bytes:
    """Return a manifest or checkpoint as JSON."""
    return msgspec.json.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """Return the manifest or checkpoint that ``encode`` wrote. Raise msgspec.ValidationError or DecodeError."""
    return msgspec.json.decode(data, type=kind)


def pack(lines: bytes) -> bytes:
    """Return a chunk compressed (Zstandard, RFC 8878), with the content size in the frame.

    Each thread uses a compressor of its own.
    """
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(compression_params=_COMPRESSION)
    packed: bytes = _local.compressor.compress(lines)
    return packed


def unpack(data: bytes) -> bytes:
    """Return the chunk's lines. Raise ValueError if the data is not a Zstandard frame."""
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    try:
        lines: bytes = _local.decompressor.decompress(data)
    except zstandard.ZstdError:
        raise ValueError("not a Zstandard frame") from None
    return lines


def range_text(order: bytes) -> str:
    """Return an order as it is written in a chunk's key range: ASCII, including the zero byte."""
    return order.decode("ascii")
