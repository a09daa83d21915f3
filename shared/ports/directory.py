"""DirectoryAccess and DirectorySource: signing in to a directory and reading it.

Methods of a source are coroutines of one event loop. They raise ``GraphTrouble`` when Graph stays in trouble after the
adapter's own retries, ``StartOver`` when a cursor is refused, ``Skip`` when Graph does not show the resource, ``Refuse``
with ``GRAPH_SIGN_IN_FAILED`` or ``GRAPH_UNEXPECTED``. Before each request the ``check`` of ``connect`` is called; what
it raises (the lease has ended) comes through.
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
    """The application that reads a directory, with what it proves itself with: a client secret (UTF-8), or a certificate
    with its private key (PEM)."""

    directory_id: str
    client_id: str
    secret: Secret
    kind: CredentialKind = CredentialKind.SECRET


class Cursor(msgspec.Struct, frozen=True):
    """Graph's next link (``more``) or delta link. Secret: it is sealed wherever it is kept."""

    link: Secret
    more: bool


class Page(Protocol):
    """One answer of a stream."""

    @property
    def cursor(self) -> Cursor | None:
        """Where to go on after this page; None after the last page of a stream without delta."""
        ...

    @property
    def size(self) -> int:
        """Bytes of the answer."""
        ...

    def entries(self) -> Iterator[list[Line]]:
        """The page's lines in Graph's order, in lists of one object each; those that a full reading begins with are a list by
        themselves. Pure computation: may run in another thread. Iterate once."""
        ...

    def refused(self) -> list[RefusedObject]:
        """Return the objects whose children Graph refused, while it showed those of others."""
        ...

    def incomplete(self) -> list[str]:
        """After ``entries``: ids of objects that came without their witness properties, to be fetched one by one."""
        ...


class DirectorySource(Protocol):
    def pages(self, stream: Stream, cursor: Cursor | None, passed: Sequence[Cursor] = ()) -> AsyncIterator[Page]:
        """Return the stream's pages from ``cursor`` on; None begins afresh. Asks for the next page before it is wanted.

        Ends after the page whose cursor is a delta link or None. ``passed`` are cursors that this reading went on from
        earlier. Raises ``Looping`` if Graph leads back to one of them or to a page of now, or repeats its pages.
        """
        ...

    async def fetch(self, stream: Stream, object_id: str) -> Line | None:
        """Return one object of a delta stream by id, with the stream's selection less relations; None if it does not exist.

        Raises ``Skip`` if Graph refuses this one.
        """
        ...

    async def probe(self, stream: Stream, *, listing: bool = False) -> Answer:
        """Return whether Graph shows this stream to the application: one small request, its answer thrown away.

        With ``listing`` by another path: one object of the listing.
        """
        ...

    async def answers(self, stream: Stream) -> bool:
        """Return whether Graph answers a small request for this stream, asked once, be it with a refusal."""
        ...

    async def organization_id(self) -> str:
        """The directory's id, as ``/organization`` says."""
        ...

    async def secret_expires_at(self, client_id: str, secret: Secret) -> datetime | None:
        """Return when an application's client secret expires, or None if the directory does not say so to us."""
        ...

    async def close(self) -> None:
        """Closes the connections. Idempotent."""
        ...


class DirectoryAccess(Protocol):
    def connect(self, identity: Identity, check: Callable[[], None]) -> DirectorySource:
        """A source for this directory. Sends nothing yet; the token is taken with the first request, or was taken for another
        source of the same identity not longer ago than a key lease lasts.

        Call it inside the event loop that will use it.
        """
        ...
