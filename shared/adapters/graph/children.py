"""What belongs to each object of a collection: the objects are listed by id, and their children asked for in batches.

A cursor of such a stream is of our own making: the objects that are left of the listing's page, those of which further pages
are to come, and the listing's next page.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from urllib.parse import quote

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.adapters.graph.batches import MOST, Batches, Item
from shared.adapters.graph.errors import TokenRefused
from shared.adapters.graph.links import LINK, link_line
from shared.adapters.graph.loops import LoopGuard
from shared.adapters.graph.transport import Transport
from shared.domain.errors import Answer, Skip, StartOver
from shared.domain.model import RefusedObject
from shared.domain.records import Line, encode_id, prefix_gone, put
from shared.domain.resources import Children, Stream
from shared.domain.secret import Secret
from shared.ports.directory import Cursor

_AHEAD = 4
"""Batches that are asked for before they are wanted."""
_PAGE = 999
_IDENTIFIED: msgspec.json.Decoder[slicer.Identified] = msgspec.json.Decoder(slicer.Identified)

_Answer = tuple[str, Item]
"""An object's id and the page of its children; None if it is not there any more; or why Graph refuses them."""


class _Position(msgspec.Struct, frozen=True):
    """Where a reading goes on: objects whose children are not asked for yet, objects with the link of their next page, and
    the listing's next page. ``fresh`` are objects whose pages were begun afresh, because a link was no good."""

    left: list[str]
    pending: list[tuple[str, str]]
    listing: str | None
    fresh: list[str] = []

    @property
    def cursor(self) -> Cursor | None:
        """None at the end."""
        if not (self.left or self.pending or self.listing):
            return None
        return Cursor(Secret(msgspec.json.encode(self)), more=True)


class ChildrenPage:
    """Children of some objects, and the objects whose children Graph refused."""

    def __init__(
        self, entries: list[list[Line]], size: int, cursor: Cursor | None, refused: Sequence[RefusedObject] = ()
    ) -> None:
        self.size = size
        self.cursor = cursor
        self._entries = entries
        self._refused = list(refused)

    def entries(self) -> Iterator[list[Line]]:
        return iter(self._entries)

    def refused(self) -> list[RefusedObject]:
        """Return the objects whose children Graph refused."""
        return self._refused

    def incomplete(self) -> list[str]:
        """Nothing is ever incomplete."""
        return []


_Step = tuple[list[list[Line]], int, _Position, list[RefusedObject]]
"""Lines, the bytes that they came in, where the reading goes on, and what was refused."""


class ChildrenReader:
    """Reads one stream of children, once."""

    def __init__(self, transport: Transport, stream: Stream, children: Children) -> None:
        self._transport = transport
        self._batches = Batches(transport, stream.api)
        self._stream = stream
        self._children = children
        self._resource = stream.resource.encode()
        self._shown = False
        """Whether Graph has shown children of any object."""
        self._listings = LoopGuard([])
        self._owner: str | None = None
        """The object whose further pages are read, which ``_guard`` has taken in."""
        self._guard = LoopGuard([])
        self._asked: deque[tuple[list[str], asyncio.Task[list[_Answer]]]] = deque()

    async def pages(self, cursor: Cursor | None, passed: Sequence[Cursor] = ()) -> AsyncGenerator[ChildrenPage, None]:
        """Return the pages from ``cursor`` on; None begins afresh. The last one has no cursor. Raises as the port says."""
        at = _Position([], [], self._listing()) if cursor is None else _decoded(cursor)
        # A position before may name the link that is followed next. That is no circle.
        listings = {_decoded(each).listing for each in passed} - {at.listing, None}
        self._listings = LoopGuard(filter(None, [*listings, self._listing(), at.listing]))
        beginning = [[prefix_gone(self._resource, b"")]] if cursor is None else []
        resuming = cursor is not None
        self._shown = resuming
        try:
            while True:
                refused: list[RefusedObject] = []
                if at.pending:
                    told, size, at, refused = await self._next_page(at)
                elif at.left:
                    told, size, at, refused = await self._next_batch(at)
                elif at.listing:
                    at = await self._next_objects(at.listing, resuming)
                    resuming = True
                    if at.cursor is not None:
                        continue
                    told, size = [], 0
                yield ChildrenPage(beginning + told, size, at.cursor, refused)
                if at.cursor is None:
                    return
                beginning = []
        finally:
            for _, task in self._asked:
                task.cancel()
            await asyncio.gather(*(task for _, task in self._asked), return_exceptions=True)

    def _listing(self) -> str:
        return f"{self._transport.root(self._stream.api)}{self._stream.path}?$select=id&$top={_PAGE}"

    async def _next_objects(self, listing: str, resuming: bool) -> _Position:
        page, request_id = await self._transport.identified(listing, slicer.collection, resuming=resuming)
        self._listings.take(page, request_id)
        try:
            return _Position([slicer.read(text, _IDENTIFIED).id for text in page.value], [], page.next)
        except ValueError:
            raise Skip(Answer.FAILED, "Graph's answer holds an object without an id.") from None

    async def _next_page(self, at: _Position) -> _Step:
        """Return the next page of one object that has many children; a link that is no good has it begun afresh, once."""
        (owner, url), *others = at.pending
        if self._owner != owner:
            self._owner, self._guard = owner, LoopGuard([url])
        try:
            page, request_id = await self._transport.identified(
                url, slicer.collection, resuming=True, units=self._stream.units
            )
            self._guard.take(page, request_id)
        except TokenRefused:
            raise
        except (Skip, StartOver) as error:
            self._owner = None
            if isinstance(error, StartOver) and owner not in at.fresh:
                return [], 0, _Position([*at.left, owner], others, at.listing, [*at.fresh, owner]), []
            refused = [RefusedObject(id=owner, request_id=error.request_id)]
            return [], 0, _Position(at.left, others, at.listing, at.fresh), refused
        further = [(owner, page.next)] if page.next else []
        position = _Position(at.left, [*further, *others], at.listing, at.fresh)
        return [self._lines(owner, page)], _size(page), position, []

    async def _next_batch(self, at: _Position) -> _Step:
        """Return the first pages of the next objects."""
        self._ask(at.left)
        owners, task = self._asked[0]
        answers = await task
        self._asked.popleft()
        pages = [(owner, page) for owner, page in answers if isinstance(page, slicer.Envelope)]
        skips = [(owner, skip) for owner, skip in answers if isinstance(skip, Skip)]
        self._refuse_all(answers, [skip for _, skip in skips])
        entries = [self._lines(owner, page) for owner, page in pages]
        pending = [(owner, page.next) for owner, page in pages if page.next]
        refused = [RefusedObject(id=owner, request_id=skip.request_id) for owner, skip in skips]
        size = sum(_size(page) for _, page in pages)
        return entries, size, _Position(at.left[len(owners) :], pending, at.listing, at.fresh), refused

    def _refuse_all(self, answers: Sequence[_Answer], skips: Sequence[Skip]) -> None:
        """Raise the cause for which Graph refuses everything: a whole batch, before it has shown anything."""
        if not self._shown and len(skips) == len(answers) and len({skip.answer for skip in skips}) == 1:
            raise skips[0]
        self._shown = self._shown or len(skips) < len(answers)

    def _ask(self, left: list[str]) -> None:
        """Keeps so many batches on their way."""
        first = sum(len(owners) for owners, _ in self._asked)
        while len(self._asked) < _AHEAD and first < len(left):
            owners = left[first : first + MOST]
            self._asked.append((owners, asyncio.create_task(self._batch(owners))))
            first += len(owners)

    async def _batch(self, owners: list[str]) -> list[_Answer]:
        query = f"?{'$select=id&' if self._children.links else ''}$top={_PAGE}"
        below = f"{self._children.segment}{query}"
        urls = [f"{self._stream.collection}/{quote(owner, safe='')}/{below}" for owner in owners]
        return list(zip(owners, await self._batches.collections(urls, units=self._stream.units), strict=True))

    def _lines(self, owner: str, page: slicer.Envelope) -> list[Line]:
        try:
            below = f"{self._children.owner}/".encode() + encode_id(owner) + f"/{self._children.segment}/".encode()
            return [self._line(below, text) for text in page.value]
        except ValueError:
            raise Skip(Answer.FAILED, "Graph's answer holds an object without an id.") from None

    def _line(self, below: bytes, text: Raw) -> Line:
        if self._children.links:
            return link_line(self._resource, below, slicer.read(text, LINK))
        return put(self._resource, below + encode_id(slicer.read(text, _IDENTIFIED).id), bytes(text))


def _size(page: slicer.Envelope) -> int:
    return sum(len(text) for text in page.value)


def _decoded(cursor: Cursor) -> _Position:
    """Raises StartOver if the cursor is none of ours."""
    try:
        return msgspec.json.decode(cursor.link.reveal(), type=_Position)
    except msgspec.MsgspecError:
        raise StartOver("The cursor is not one of this stream.") from None
