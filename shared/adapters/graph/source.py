"""A directory as a source of pages, lines and single objects."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from urllib.parse import quote

import msgspec

from shared.adapters.graph import slicer, slow_slicer
from shared.adapters.graph.children import ChildrenReader
from shared.adapters.graph.delta import DeltaShape, cut
from shared.adapters.graph.errors import NotFound, TokenRefused
from shared.adapters.graph.listing import ListingShape
from shared.adapters.graph.page import GraphPage, Shape
from shared.adapters.graph.transport import Transport
from shared.domain.errors import Answer, Code, Refuse, Skip
from shared.domain.records import Line, encode_id, put
from shared.domain.resources import Children, Reading, Stream
from shared.ports.directory import Cursor, Page

_IDENTIFIED: msgspec.json.Decoder[slicer.Identified] = msgspec.json.Decoder(slicer.Identified)
_CONTEXT = "@odata.context"


class GraphSource:
    """One directory, read by one application."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def pages(self, stream: Stream, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if stream.children is not None:
            return ChildrenReader(self._transport, stream, stream.children).pages(cursor)
        return self._linked_pages(stream, cursor)

    async def _linked_pages(self, stream: Stream, cursor: Cursor | None) -> AsyncGenerator[GraphPage, None]:
        """Pages that lead from one to the next."""
        shape: Shape = DeltaShape(stream) if stream.reading is Reading.DELTA else ListingShape(stream)
        wanted = asyncio.create_task(self._page(stream, shape, cursor))
        try:
            while True:
                page = await wanted
                more = page.cursor is not None and page.cursor.more
                if more:
                    wanted = asyncio.create_task(self._page(stream, shape, page.cursor))
                yield page
                if not more:
                    return
        finally:
            wanted.cancel()
            await asyncio.gather(wanted, return_exceptions=True)

    async def fetch(self, stream: Stream, object_id: str) -> Line | None:
        query = f"?$select={','.join(stream.select)}" if stream.select else ""
        url = f"{self._transport.root}{stream.collection}/{quote(object_id, safe='')}{query}"
        try:
            value = await self._transport.get(url, _one_object)
        except NotFound:
            return None
        resource = stream.resource.encode()
        return put(resource, resource + b"/" + encode_id(object_id), value)

    async def probe(self, stream: Stream) -> Answer:
        try:
            if stream.children is not None:
                await self._probe_children(stream, stream.children)
            else:
                latest = "&$deltatoken=latest" if stream.reading is Reading.DELTA else ""  # answers with no objects
                await self._transport.get(self._first(stream) + latest, _ignored)
        except Skip as skip:
            return skip.answer
        return Answer.WHOLE

    async def _probe_children(self, stream: Stream, children: Children) -> None:
        """Asks for the children of one object; there may be none to ask."""
        page = await self._transport.get(f"{self._transport.root}{stream.path}?$select=id&$top=1", slicer.collection)
        for text in page.value[:1]:
            owner = quote(slicer.read(text, _IDENTIFIED).id, safe="")
            url = f"{self._transport.root}{stream.collection}/{owner}/{children.segment}?$top=1"
            with suppress(NotFound):  # it may be gone by now
                await self._transport.get(url, _ignored)

    async def organization_id(self) -> str:
        try:
            page = await self._transport.get(f"{self._transport.root}/organization?$select=id", slicer.collection)
        except TokenRefused as refused:
            raise Refuse(Code.GRAPH_SIGN_IN_FAILED, refused.message) from None
        except Skip as skip:
            sentence = "The application may not read /organization: grant it Organization.Read.All, with admin consent."
            raise Refuse(Code.GRAPH_FORBIDDEN, sentence if skip.answer is Answer.FORBIDDEN else skip.message) from None
        if len(page.value) != 1:
            raise Refuse(Code.GRAPH_UNEXPECTED, "Graph does not name exactly one organization.")
        return slicer.read(page.value[0], _IDENTIFIED).id

    async def close(self) -> None:
        await self._transport.close()

    def _first(self, stream: Stream) -> str:
        query = f"?$select={','.join(stream.selected)}" if stream.selected else ""
        return f"{self._transport.root}{stream.path}{query}"

    async def _page(self, stream: Stream, shape: Shape, cursor: Cursor | None) -> GraphPage:
        async def read(body: bytes) -> GraphPage:
            page = GraphPage(await slicer.collection(body), len(body), shape, fresh=cursor is None)
            if stream.reading is Reading.DELTA and page.cursor is None:
                raise ValueError("a page of a delta round goes on somewhere")
            return page

        url = self._first(stream) if cursor is None else cursor.link.reveal().decode()
        return await self._transport.get(url, read, resuming=cursor is not None, units=stream.units)


async def _one_object(body: bytes) -> bytes:
    """An object that was asked for by id, without the context that leads it."""
    text = slicer.on_one_line(body).strip()
    first = next(iter(slow_slicer.members(text)), None)
    if first is None:
        raise ValueError("an object without members")
    return cut(text, first.start, first.stop) if first.name == _CONTEXT else text


async def _ignored(body: bytes) -> bytes:
    return body
