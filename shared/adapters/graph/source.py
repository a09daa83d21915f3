"""A directory as a source of pages, lines and single objects."""

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import quote

import msgspec

from shared.adapters.graph import slicer, slow_slicer
from shared.adapters.graph.delta import DeltaShape, cut
from shared.adapters.graph.errors import NotFound
from shared.adapters.graph.listing import ListingShape
from shared.adapters.graph.page import GraphPage, Shape
from shared.adapters.graph.transport import Transport
from shared.domain.errors import Answer, Code, Refuse, Skip
from shared.domain.records import Line, encode_id, put
from shared.domain.resources import Reading, Stream
from shared.ports.directory import Cursor

_IDENTIFIED: msgspec.json.Decoder[slicer.Identified] = msgspec.json.Decoder(slicer.Identified)
_CONTEXT = "@odata.context"


class GraphSource:
    """One directory, read by one application."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def pages(self, stream: Stream, cursor: Cursor | None) -> AsyncGenerator[GraphPage, None]:
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
        url = self._first(stream)
        if stream.reading is Reading.DELTA:
            url += "&$deltatoken=latest"  # answers with no objects
        try:
            await self._transport.get(url, _ignored)
        except Skip as skip:
            return skip.answer
        return Answer.WHOLE

    async def organization_id(self) -> str:
        page = await self._transport.get(f"{self._transport.root}/organization?$select=id", _collection)
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
            page = GraphPage(await _collection(body), len(body), shape, fresh=cursor is None)
            if stream.reading is Reading.DELTA and page.cursor is None:
                raise ValueError("a page of a delta round goes on somewhere")
            return page

        url = self._first(stream) if cursor is None else cursor.link.reveal().decode()
        return await self._transport.get(url, read, resuming=cursor is not None)


async def _collection(body: bytes) -> slicer.Envelope:
    text = slicer.on_one_line(body)
    page = slicer.envelope(text)
    return await asyncio.to_thread(slicer.envelope_slowly, text) if page is None else page


async def _one_object(body: bytes) -> bytes:
    """An object that was asked for by id, without the context that leads it."""
    text = slicer.on_one_line(body).strip()
    first = next(iter(slow_slicer.members(text)), None)
    if first is None:
        raise ValueError("an object without members")
    return cut(text, first.start, first.stop) if first.name == _CONTEXT else text


async def _ignored(body: bytes) -> bytes:
    return body
