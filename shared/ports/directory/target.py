"""DirectoryTarget: writing to a directory, for restores alone.

The methods are coroutines of one event loop. The adapter calls the ``check`` of ``connect`` before each request and
passes on what it raises. Throttled requests were not carried out, so the adapter waits and sends them again. It never
sends a write again whose answer was lost: only the caller knows how to find out what happened.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from shared.ports.directory.source import Identity


class Outcome(StrEnum):
    """What an answer to a write means (restore-relevant errors of Microsoft Graph)."""

    DONE = "done"
    """Graph accepted the write."""
    ALREADY = "already"
    """What the write asks for exists already; look before it counts as done."""
    MISSING = "missing"
    """The object, or one that the request names, does not exist. Of a fresh object it may mean that it is not visible yet."""
    NOT_YET = "not_yet"
    """Graph does not know a fresh object yet, or another change of the object is being carried out: send it again later."""
    TAKEN = "taken"
    """Another object has the value of a property that must be unique; ``property`` names it."""
    PROPERTY_REFUSED = "property_refused"
    """Graph refuses one property, which ``property`` names. The rest of the request may be sent without it."""
    FORBIDDEN = "forbidden"
    """The application lacks a permission or a directory role for this object."""
    UNLICENSED = "unlicensed"
    """The directory lacks a licence, or has no free seat."""
    QUOTA = "quota"
    """The directory, or the creator, may have no more objects."""
    REFUSED = "refused"
    """Graph refuses the request for another reason."""
    LOST = "lost"
    """No answer came, or one that does not tell whether the write was carried out."""


class WriteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A write to Graph."""

    method: str
    """POST, PATCH, PUT or DELETE."""
    path: str
    """The path without version: ``/users/<id>``."""
    body: bytes | None = None
    """The JSON, or the bytes of a stream."""
    api: str = "v1.0"
    headers: Mapping[str, str] = {}
    """Headers beside the usual ones, such as ``Prefer: create-if-missing``."""
    bucket: str = "directory"
    """The budget that it counts against: ``directory`` or ``conditional-access``."""


class WriteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Graph's answer to a write."""

    outcome: Outcome
    status: int = 0
    """The HTTP status; 0 if no answer came."""
    code: str = ""
    """Graph's error code, or the four digits of a Conditional Access error."""
    message: str = ""
    """Graph's message. It may name content of the directory: seal it wherever it is stored."""
    property: str = ""
    """The property that ``TAKEN`` or ``PROPERTY_REFUSED`` is about."""
    body: bytes = b""
    """The body of a successful answer."""
    request_id: str | None = None


class DeletedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object in a recycle bin."""

    object_id: str
    value: bytes
    """Its JSON."""


class DirectoryTarget(Protocol):
    """A signed-in connection that writes to one directory."""

    async def write(self, request: WriteRequest) -> WriteAnswer:
        """Send one write. Return what its answer means. Raise GraphTrouble only if the request was certainly not sent."""

    async def write_all(self, requests: Sequence[WriteRequest]) -> list[WriteAnswer]:
        """Send writes that do not depend on each other, in batches of at most 20. Return their answers in order."""

    async def get(self, path: str, api: str = "v1.0") -> bytes | None:
        """Return the JSON at a path with query, or None if Graph answers that it does not exist. Raise GraphTrouble, Skip."""

    async def list(self, path: str, api: str = "v1.0") -> list[bytes]:
        """Return the objects of a collection, with query, of all pages. Raise GraphTrouble, Skip."""

    def deleted(self, path: str, select: Sequence[str] = ()) -> AsyncIterator[DeletedObject]:
        """Yield the objects of a recycle bin, such as ``/directory/deletedItems/microsoft.graph.user``."""

    async def permissions(self) -> frozenset[str] | None:
        """Return the application permissions that the token names, or None if it names none. Raise as a request does."""

    async def close(self) -> None:
        """Close the connections. Idempotent."""


class TargetAccess(Protocol):
    """The entry to directories for restores."""

    def connect_target(self, identity: Identity, check: Callable[[], None]) -> DirectoryTarget:
        """Return a target for this directory, without sending a request. Call it inside the event loop that will use it."""
