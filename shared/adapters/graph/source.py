"""A directory as a source of pages, lines and single objects."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from shared.adapters.graph import slicer, slow_slicer
from shared.adapters.graph.ahead import telling
from shared.adapters.graph.children import ChildrenReader
from shared.adapters.graph.delta import DeltaShape, cut
from shared.adapters.graph.errors import NotFound, TokenRefused
from shared.adapters.graph.listing import ListingShape
from shared.adapters.graph.loops import LoopGuard
from shared.adapters.graph.own_secret import secret_expiry
from shared.adapters.graph.page import GraphPage, Shape
from shared.adapters.graph.transport import Transport
from shared.domain.errors import Answer, Code, GraphTrouble, Refuse, Skip
from shared.domain.records import Line, encode_id, put
from shared.domain.resources import Children, Reading, Stream
from shared.domain.secret import Secret
from shared.ports.directory import Cursor, Page

_IDENTIFIED: msgspec.json.Decoder[slicer.Identified] = msgspec.json.Decoder(slicer.Identified)
_CONTEXT = "@odata.context"


class _Asked:
    """A page that was asked for from ``cursor`` on, and the link that goes on from it, as soon as that is known."""

    def __init__(self, cursor: Cursor | None, ask: Callable[[], Coroutine[Any, Any, GraphPage]]) -> None:
        self.cursor = cursor
        link: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # Told to the future alone: a task that knew this object would keep itself, and its page, until garbage is collected.
        with telling(lambda told: None if link.done() else link.set_result(told)):
            self.page = asyncio.create_task(ask())
        self._link = link

    async def goes_on(self) -> Cursor | None:
        """The next page's cursor if it is known before the page is there; None once that is there."""
        either: set[asyncio.Future[Any]] = {self.page, self._link}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return Cursor(Secret(self._link.result().encode()), more=True) if self._link.done() else None

    def begins_at(self, cursor: Cursor | None) -> bool:
        """Whether this is the page that the cursor leads to."""
        ours, theirs = (found.link.reveal() if found else None for found in (self.cursor, cursor))
        return ours == theirs

    async def drop(self) -> None:
        """Ends the asking; nobody wants the page any more."""
        self._link.cancel()
        self.page.cancel()
        await asyncio.gather(self.page, return_exceptions=True)


class GraphSource:
    """One directory, read by one application."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def pages(self, stream: Stream, cursor: Cursor | None, passed: Sequence[Cursor] = ()) -> AsyncGenerator[Page, None]:
        if stream.children is not None:
            return ChildrenReader(self._transport, stream, stream.children).pages(cursor, passed)
        return self._linked_pages(stream, cursor, passed)

    async def _linked_pages(
        self, stream: Stream, cursor: Cursor | None, passed: Sequence[Cursor]
    ) -> AsyncGenerator[GraphPage, None]:
        """Pages that lead from one to the next. The one behind the next is asked for as soon as its link is known."""
        shape: Shape = DeltaShape(stream) if stream.reading is Reading.DELTA else ListingShape(stream)
        links = [each.link.reveal().decode() for each in (*passed, *([cursor] if cursor else []))]
        guard = LoopGuard([*links, self._first(stream)])

        def ask(cursor: Cursor | None) -> _Asked:
            return _Asked(cursor, lambda: self._page(stream, shape, cursor))

        wanted: _Asked | None = ask(cursor)
        behind: _Asked | None = None
        try:
            while wanted is not None:
                link = await wanted.goes_on()
                behind = ask(link) if link is not None else None
                page = await wanted.page
                page.take_to(guard)
                if behind is not None and not behind.begins_at(page.cursor):
                    await behind.drop()  # what was told belonged to an answer that was not the last one
                    behind = None
                if behind is None and page.cursor is not None and page.cursor.more:
                    behind = ask(page.cursor)
                yield page
                wanted, behind = behind, None
        finally:
            for asked in filter(None, (wanted, behind)):
                await asked.drop()

    async def fetch(self, stream: Stream, object_id: str) -> Line | None:
        query = f"?$select={','.join(stream.select)}" if stream.select else ""
        url = f"{self._transport.root(stream.api)}{stream.collection}/{quote(object_id, safe='')}{query}"
        try:
            value = await self._transport.get(url, _one_object)
        except NotFound:
            return None
        resource = stream.resource.encode()
        return put(resource, resource + b"/" + encode_id(object_id), value)

    async def probe(self, stream: Stream, *, listing: bool = False) -> Answer:
        try:
            if stream.children is not None:
                await self._probe_children(stream, stream.children)
            else:
                await self._transport.get(self._one_of_listing(stream) if listing else self._small(stream), _ignored)
        except Skip as skip:
            return skip.answer
        return Answer.WHOLE

    async def answers(self, stream: Stream) -> bool:
        try:
            await self._transport.get(self._small(stream), _ignored, tries=1)
        except GraphTrouble:
            return False
        except Skip:
            return True
        return True

    async def _probe_children(self, stream: Stream, children: Children) -> None:
        """Asks for the children of one object; there may be none to ask."""
        root = self._transport.root(stream.api)
        page = await self._transport.get(f"{root}{stream.path}?$select=id&$top=1", slicer.collection)
        for text in page.value[:1]:
            owner = quote(slicer.read(text, _IDENTIFIED).id, safe="")
            url = f"{root}{stream.collection}/{owner}/{children.segment}?$top=1"
            with suppress(NotFound):  # it may be gone by now
                await self._transport.get(url, _ignored)

    async def organization_id(self) -> str:
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
        return await secret_expiry(self._transport, client_id, secret)

    async def close(self) -> None:
        await self._transport.close()

    def _first(self, stream: Stream) -> str:
        query = f"?$select={','.join(stream.selected)}" if stream.selected else ""
        return f"{self._transport.root(stream.api)}{stream.path}{query}"

    def _small(self, stream: Stream) -> str:
        """Return a link to the stream itself that a directory of any size answers shortly."""
        latest = "&$deltatoken=latest" if stream.reading is Reading.DELTA else ""  # answers with no objects
        return self._first(stream) + latest

    def _one_of_listing(self, stream: Stream) -> str:
        return f"{self._transport.root(stream.api)}{stream.collection}?$top=1"

    async def _page(self, stream: Stream, shape: Shape, cursor: Cursor | None) -> GraphPage:
        async def read(body: bytes) -> GraphPage:
            page = GraphPage(await slicer.collection(body), len(body), shape, fresh=cursor is None)
            if stream.reading is Reading.DELTA and page.cursor is None:
                raise ValueError("a page of a delta round goes on somewhere")
            return page

        url = self._first(stream) if cursor is None else cursor.link.reveal().decode()
        resuming = cursor is not None
        page, request_id = await self._transport.identified(url, read, resuming=resuming, units=stream.units)
        page.request_id = request_id
        return page


async def _one_object(body: bytes) -> bytes:
    """An object that was asked for by id, without the context that leads it."""
    text = slicer.on_one_line(body).strip()
    first = next(iter(slow_slicer.members(text)), None)
    if first is None:
        raise ValueError("an object without members")
    return cut(text, first.start, first.stop) if first.name == _CONTEXT else text


async def _ignored(body: bytes) -> bytes:
    return body
