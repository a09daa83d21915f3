"""A directory as a source of pages, lines and single objects."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from shared.adapters.graph import slicer
from shared.adapters.graph.children import ChildrenReader, owner_decoder, owner_url, owners_query
from shared.adapters.graph.delta import DeltaShape
from shared.adapters.graph.errors import NotFound, TokenRefused
from shared.adapters.graph.listing import ListingShape
from shared.adapters.graph.loops import LoopGuard
from shared.adapters.graph.one_object import one_object
from shared.adapters.graph.own_secret import secret_expiry
from shared.adapters.graph.page import GraphPage, Shape
from shared.adapters.graph.prefetch import reporting_next_links
from shared.adapters.graph.transport import Transport
from shared.domain.errors import Answer, Code, GraphTrouble, Refuse, Skip
from shared.domain.records import Line, encode_id, put
from shared.domain.resources import RESOURCES, Children, Reading, Stream
from shared.domain.secret import Secret
from shared.ports.directory import Cursor, Page

_IDENTIFIED: msgspec.json.Decoder[slicer.Identified] = msgspec.json.Decoder(slicer.Identified)


class _PageRequest:
    """A page that is being requested, and the link to the page after it as soon as that is known."""

    def __init__(self, cursor: Cursor | None, request: Callable[[], Coroutine[Any, Any, GraphPage]]) -> None:
        """Start the request of the page at ``cursor``."""
        self.cursor = cursor
        link: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # The callback refers to the future only. With a reference to this object, the task would refer to itself and keep
        # its page in memory until garbage collection.
        with reporting_next_links(lambda next_link: None if link.done() else link.set_result(next_link)):
            self.page = asyncio.create_task(request())
        self._link = link

    async def next_cursor(self) -> Cursor | None:
        """Return the next page's cursor as soon as it is known, or None if the page arrives first."""
        either: set[asyncio.Future[Any]] = {self.page, self._link}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return Cursor(Secret(self._link.result().encode()), more=True) if self._link.done() else None

    def begins_at(self, cursor: Cursor | None) -> bool:
        """Return True if this is the page at ``cursor``."""
        own_link, other_link = (each.link.reveal() if each else None for each in (self.cursor, cursor))
        return own_link == other_link

    async def drop(self) -> None:
        """Cancel the request, because its page is not needed."""
        self._link.cancel()
        self.page.cancel()
        await asyncio.gather(self.page, return_exceptions=True)


class GraphSource:
    """One directory, read by one application. Its methods behave as the port ``DirectorySource`` describes."""

    def __init__(self, transport: Transport) -> None:
        """Read with ``transport``, which ``close`` closes."""
        self._transport = transport

    def pages(self, stream: Stream, cursor: Cursor | None, passed: Sequence[Cursor] = ()) -> AsyncGenerator[Page, None]:
        """Return the stream's pages from ``cursor`` on, or from the beginning for None."""
        if stream.children is not None:
            return ChildrenReader(self._transport, stream, stream.children).pages(cursor, passed)
        return self._linked_pages(stream, cursor, passed)

    async def _linked_pages(
        self, stream: Stream, cursor: Cursor | None, passed: Sequence[Cursor]
    ) -> AsyncGenerator[GraphPage, None]:
        """Yield pages that link to each other. Each page is requested as soon as its link is known."""
        await self._refuse_silence(stream)
        shape: Shape = DeltaShape(stream) if stream.reading is Reading.DELTA else ListingShape(stream)
        links = [each.link.reveal().decode() for each in (*passed, *([cursor] if cursor else []))]
        guard = LoopGuard([*links, self._first(stream)])

        def request(cursor: Cursor | None) -> _PageRequest:
            return _PageRequest(cursor, lambda: self._page(stream, shape, cursor))

        current: _PageRequest | None = request(cursor)
        following: _PageRequest | None = None
        try:
            while current is not None:
                link = await current.next_cursor()
                following = request(link) if link is not None else None
                page = await current.page
                page.take_to(guard)
                if following is not None and not following.begins_at(page.cursor):
                    await following.drop()  # the early link came from an answer that was retried
                    following = None
                if following is None and page.cursor is not None and page.cursor.more:
                    following = request(page.cursor)
                yield page
                current, following = following, None
        finally:
            for unused in filter(None, (current, following)):
                await unused.drop()

    async def fetch(self, stream: Stream, object_id: str) -> Line | None:
        """Return one object of a delta stream by id, or None if it does not exist."""
        query = f"?$select={','.join(stream.select)}" if stream.select else ""
        url = f"{self._transport.root(stream.api)}{stream.collection}/{quote(object_id, safe='')}{query}"
        try:
            value = await self._transport.get(url, one_object)
        except NotFound:
            return None
        resource = stream.resource.encode()
        return put(resource, resource + b"/" + encode_id(object_id), value)

    async def probe(self, stream: Stream, *, listing: bool = False) -> Answer:
        """Return how Graph answers one small request for this stream; with ``listing``, one for an object of the listing."""
        try:
            await self._refuse_silence(stream)
            if stream.children is not None:
                await self._probe_children(stream, stream.children)
            else:
                await self._transport.get(
                    self._one_of_listing(stream) if listing else self._small(stream), _ignored, bucket=stream.bucket
                )
        except NotFound as missing:
            return Answer.WHOLE if stream.absent else missing.answer
        except Skip as skip:
            return skip.answer
        return Answer.WHOLE

    async def answers(self, stream: Stream) -> bool:
        """Return True if Graph answers one small request without a retry, even with a refusal."""
        try:
            await self._transport.get(self._small(stream), _ignored, tries=1, bucket=stream.bucket)
        except GraphTrouble:
            return False
        except Skip:
            return True
        return True

    async def _probe_children(self, stream: Stream, children: Children) -> None:
        """Request the children of one object, if the collection has any. Raises as ``Transport.get`` does.

        Children that Graph shows inside their owner are in the answer that lists the owners.
        """
        root = self._transport.root(stream.api)
        page = await self._transport.get(f"{root}{stream.path}{owners_query(stream, 1)}", slicer.collection)
        for text in page.value[:1] if not children.expanded else ():
            owner = slicer.read(text, owner_decoder(stream)).id
            url = f"{root}{owner_url(stream, children, owner)}"
            with suppress(NotFound):  # the object may have been deleted meanwhile
                await self._transport.get(url, _ignored)

    async def _refuse_silence(self, stream: Stream) -> None:
        """Raise Skip if Graph would show nothing instead of a refusal, because the token lacks the permission."""
        if not stream.silent:
            return
        row, granted = RESOURCES[stream.resource], await self._transport.permissions()
        if granted and granted.isdisjoint((row.permission_read, row.permission_write)):
            raise Skip(Answer.FORBIDDEN, "The application lacks the permission to see these values.")

    async def organization_id(self) -> str:
        """Return the directory's id from ``/organization``.

        Raises Refuse ``GRAPH_SIGN_IN_FAILED`` if Graph refuses the token, ``GRAPH_FORBIDDEN`` if it refuses the request,
        and ``GRAPH_UNEXPECTED`` if it does not return exactly one organization.
        """
        try:
            page = await self._transport.get(f"{self._transport.root()}/organization?$select=id", slicer.collection)
        except TokenRefused as refused:
            raise Refuse(Code.GRAPH_SIGN_IN_FAILED, refused.message) from None
        except Skip as skip:
            sentence = "The application may not read /organization: grant it Organization.Read.All, with admin consent."
            raise Refuse(Code.GRAPH_FORBIDDEN, sentence if skip.answer is Answer.FORBIDDEN else skip.message) from None
        if len(page.value) != 1:
            raise Refuse(Code.GRAPH_UNEXPECTED, "Graph does not name exactly one organization.")
        return slicer.read(page.value[0], _IDENTIFIED).id

    async def secret_expires_at(self, client_id: str, secret: Secret) -> datetime | None:
        """Return when an application's client secret expires, or None if Graph does not report it."""
        return await secret_expiry(self._transport, client_id, secret)

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._transport.close()

    def _first(self, stream: Stream) -> str:
        """Return the URL of the stream's first page."""
        query = f"?{'&'.join(_options(stream))}" if _options(stream) else ""
        return f"{self._transport.root(stream.api)}{stream.path}{query}"

    def _small(self, stream: Stream) -> str:
        """Return a URL of the stream whose answer is small in a directory of any size."""
        latest = "&$deltatoken=latest" if stream.reading is Reading.DELTA else ""  # the answer has no objects
        first = self._first(stream)
        return f"{first.partition('$top=')[0]}$top=1" if stream.top else first + latest

    def _one_of_listing(self, stream: Stream) -> str:
        """Return the URL of one object of the stream's listing."""
        select = [f"$select={','.join(stream.selected)}"] * bool(stream.needs)
        options = [*select, *[f"$filter={quote(stream.filter)}"] * bool(stream.filter), *["$top=1"] * stream.paged]
        return f"{self._transport.root(stream.api)}{stream.collection}{'?' * bool(options)}{'&'.join(options)}"

    async def _page(self, stream: Stream, shape: Shape, cursor: Cursor | None) -> GraphPage:
        """Read the page at ``cursor``, or the first one for None. Raises as ``Transport.get`` does."""

        async def read(body: bytes) -> GraphPage:
            page = GraphPage(await _envelope(stream, body), len(body), shape, fresh=cursor is None)
            if stream.reading is Reading.DELTA and page.cursor is None:
                raise ValueError("a page of a delta round goes on somewhere")
            return page

        url = self._first(stream) if cursor is None else cursor.link.reveal().decode()
        resuming = cursor is not None
        try:
            page, request_id = await self._transport.identified(
                url, read, resuming=resuming, units=stream.units, bucket=stream.bucket
            )
        except NotFound:
            if not stream.absent:
                raise
            return GraphPage(slicer.Envelope(value=[]), 0, shape, fresh=True)
        page.request_id = request_id
        return page


async def _envelope(stream: Stream, body: bytes) -> slicer.Envelope:
    """Return the page in an answer's body, or the page of a single object. Raises ValueError if it is neither."""
    if stream.reading is not Reading.SINGLETON:
        return await slicer.collection(body)
    return slicer.Envelope(value=[msgspec.Raw(await one_object(body))])


def _options(stream: Stream) -> list[str]:
    """Return the query options of the stream's first page; ``$top`` is the last one."""
    select = [f"$select={','.join(stream.selected)}"] if stream.selected else []
    filtered = [f"$filter={quote(stream.filter)}"] if stream.filter else []
    expand = [f"$expand={quote(stream.expand, safe='(),=$')}"] if stream.expand else []
    return [*select, *filtered, *expand, *([f"$top={stream.top}"] if stream.top else [])]


async def _ignored(body: bytes) -> bytes:
    """Return the body without parsing it."""
    return body
