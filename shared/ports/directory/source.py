"""DirectoryAccess and DirectorySource: sign-in to a directory and reading from it.

Methods of a source are coroutines of one event loop. They raise:

- ``GraphTrouble`` if Graph is still in trouble after the adapter's own retries,
- ``StartOver`` if Graph refuses a cursor,
- ``Skip`` if Graph does not show the resource,
- ``Refuse`` with ``GRAPH_SIGN_IN_FAILED`` or ``GRAPH_UNEXPECTED``.

The adapter calls the ``check`` of ``connect`` before each request, and passes on what it raises (the lease has ended).
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.errors import Answer
from shared.domain.model import CredentialKind, RefusedObject
from shared.domain.records import Line
from shared.domain.resources import Stream
from shared.domain.secret import Secret


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The application that reads a directory, and its credential."""

    directory_id: str
    client_id: str
    secret: Secret
    """A client secret (UTF-8), or a certificate with its private key (PEM)."""
    kind: CredentialKind = CredentialKind.SECRET


class Cursor(msgspec.Struct, frozen=True):
    """A link of Graph to continue from. It is secret: it is sealed wherever it is stored."""

    link: Secret
    more: bool
    """True for a next link, False for a delta link."""


class Page(Protocol):
    """One answer of a stream."""

    @property
    def cursor(self) -> Cursor | None:
        """Return the cursor after this page, or None after the last page of a stream without delta."""

    @property
    def size(self) -> int:
        """Return the size of the answer in bytes."""

    def entries(self) -> Iterator[list[Line]]:
        """Yield the page's lines in Graph's order, one list for each object.

        The lines that begin a full reading are a list of their own. This is pure computation, which may run in another
        thread. Iterate once.
        """

    def refused(self) -> list[RefusedObject]:
        """Return the objects whose children Graph refused, while it showed those of others."""

    def incomplete(self) -> list[str]:
        """Return the ids of objects that lack their witness properties, to be fetched one by one.

        Call it after ``entries``.
        """


class DirectorySource(Protocol):
    """A signed-in connection that reads one directory."""

    def pages(self, stream: Stream, cursor: Cursor | None, passed: Sequence[Cursor] = ()) -> AsyncIterator[Page]:
        """Return the stream's pages from ``cursor`` on, or from the beginning for None. Prefetch the next page.

        The pages end after the one whose cursor is a delta link or None. ``passed`` are cursors from which this reading
        continued earlier. Raise ``Looping`` if Graph leads back to one of them or to a page of this call, or repeats
        its pages.
        """

    async def fetch(self, stream: Stream, object_id: str) -> Line | None:
        """Return one object of a delta stream by id, or None if it does not exist.

        It has the properties that the stream selects, without relations. Raise ``Skip`` if Graph refuses this object.
        """

    async def probe(self, stream: Stream, *, listing: bool = False) -> Answer:
        """Return how Graph answers one small request for this stream; the data is thrown away.

        With ``listing``, use another path: request one object of the listing.
        """

    async def answers(self, stream: Stream) -> bool:
        """Return True if Graph answers one small request for this stream without a retry, even with a refusal."""

    async def organization_id(self) -> str:
        """Return the directory's id from ``/organization``."""

    async def secret_expires_at(self, client_id: str, secret: Secret) -> datetime | None:
        """Return when an application's client secret expires, or None if the directory does not report it to us."""

    async def close(self) -> None:
        """Close the connections. Idempotent."""


class DirectoryAccess(Protocol):
    """The entry to directories."""

    def connect(self, identity: Identity, check: Callable[[], None]) -> DirectorySource:
        """Return a source for this directory, without sending a request.

        The first request gets the token, or reuses one that another source of the same identity got within the last key
        lease. Call it inside the event loop that will use the source.
        """
