"""Children of each object of a collection: list the objects by id, then request their children in batches.

Where Graph shows up to 20 children inside their owner (``$expand``), only the owners with 20 are requested in batches. Where
the children are two levels below, the objects of the middle collection are listed in batches too, and take the place of
owners.

Entrakeep makes the cursor of such a stream itself. It holds the remaining objects of the listing's page, the objects whose
children have further pages, and the listing's next page.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.adapters.graph.batches import MOST, Batches, Item
from shared.adapters.graph.children_shape import BETWEEN, EXPANDED, PAGE, ChildrenShape, without_id
from shared.adapters.graph.errors import TokenRefused
from shared.adapters.graph.loops import LoopGuard
from shared.adapters.graph.transport import Transport
from shared.domain.errors import Answer, Skip, StartOver
from shared.domain.limits import LIMITS
from shared.domain.model import RefusedObject
from shared.domain.records import Line, prefix_tombstone
from shared.domain.resources import Children, Stream
from shared.domain.secret import Secret
from shared.ports.directory import Cursor

_Answer = tuple[str, Item]
"""An object's id with the page of its children, None if the object no longer exists, or the cause of Graph's refusal."""


class _Position(msgspec.Struct, frozen=True):
    """The position at which a reading continues. It is stored as JSON in the cursor."""

    left: list[str]
    """Ids of objects whose children are not yet requested."""
    pending: list[tuple[str, str]]
    """Ids of objects whose children have further pages, each with the link to the next one."""
    listing: str | None
    """The link to the listing's next page, or None after the last one."""
    fresh: list[str] = []
    """Ids of objects whose pages were started over, because Graph refused a link."""

    @property
    def cursor(self) -> Cursor | None:
        """Return the cursor of this position, or None at the end."""
        if not (self.left or self.pending or self.listing):
            return None
        return Cursor(Secret(msgspec.json.encode(self)), more=True)


class ChildrenPage:
    """Children of some objects, and the objects whose children Graph refused."""

    def __init__(
        self, entries: list[list[Line]], size: int, cursor: Cursor | None, refused: Sequence[RefusedObject] = ()
    ) -> None:
        """Store the lines of each object, their size in bytes, the next cursor and the refused objects."""
        self.size = size
        self.cursor = cursor
        self._entries = entries
        self._refused = list(refused)

    def entries(self) -> Iterator[list[Line]]:
        """Return the lines, one list for each object."""
        return iter(self._entries)

    def refused(self) -> list[RefusedObject]:
        """Return the objects whose children Graph refused."""
        return self._refused

    def incomplete(self) -> list[str]:
        """Return an empty list, because children are never incomplete."""
        return []


_Step = tuple[list[list[Line]], int, _Position, list[RefusedObject]]
"""Lines of each object, their size in bytes, the position after them, and the refused objects."""


class ChildrenReader:
    """A reader of one stream of children. Use it once."""

    def __init__(self, transport: Transport, stream: Stream, children: Children) -> None:
        self._transport = transport
        self._batches = Batches(transport, stream.api)
        self._stream = stream
        self._children = children
        self._shape = ChildrenShape(stream, children)
        self._resource = stream.resource.encode()
        self._owners = owner_decoder(stream)
        self._shown = False
        """Whether Graph has shown children of any object."""
        self._listings = LoopGuard([])
        self._owner: str | None = None
        """The object whose further pages are read and recorded in ``_guard``."""
        self._guard = LoopGuard([])
        self._requested: deque[tuple[list[str], asyncio.Task[list[_Answer]]]] = deque()

    async def pages(self, cursor: Cursor | None, passed: Sequence[Cursor] = ()) -> AsyncGenerator[ChildrenPage, None]:
        """Yield the pages from ``cursor`` on, or from the beginning for None. The last page has no cursor.

        Raises as the port describes.
        """
        position = _Position([], [], self._listing()) if cursor is None else _decoded(cursor)
        # An earlier position may name the link that is followed next. That is no loop.
        listings = {_decoded(each).listing for each in passed} - {position.listing, None}
        self._listings = LoopGuard(filter(None, [*listings, self._listing(), position.listing]))
        beginning = [[prefix_tombstone(self._resource, b"")]] if cursor is None else []
        resuming = cursor is not None
        self._shown = resuming
        try:
            while True:
                refused: list[RefusedObject] = []
                if position.pending:
                    entries, size, position, refused = await self._next_page(position)
                elif position.left:
                    entries, size, position, refused = await self._next_batch(position)
                elif position.listing:
                    entries, size, position = await self._next_objects(position.listing, resuming)
                    resuming = True
                    if position.cursor is not None and not entries:
                        continue
                yield ChildrenPage(beginning + entries, size, position.cursor, refused)
                if position.cursor is None:
                    return
                beginning = []
        finally:
            for _, task in self._requested:
                task.cancel()
            await asyncio.gather(*(task for _, task in self._requested), return_exceptions=True)

    def _listing(self) -> str:
        """Return the URL of the listing's first page."""
        return f"{self._transport.root(self._stream.api)}{self._stream.path}{owners_query(self._stream, PAGE)}"

    async def _next_objects(self, listing: str, resuming: bool) -> tuple[list[list[Line]], int, _Position]:
        """Read a page of the listing. Return the lines of children shown in it, their size, and the position after it.

        Raises Looping if Graph repeats pages or links, and Skip if an object has no id.
        """
        page, request_id = await self._transport.identified(listing, slicer.collection, resuming=resuming)
        self._listings.take(page, request_id)
        try:
            owners = [slicer.read(text, self._owners) for text in page.value]
        except ValueError:
            raise without_id() from None
        if not self._children.expanded:
            return [], 0, _Position([owner.id for owner in owners], [], page.next)
        self._shown = True
        remaining = [owner.id for owner in owners if len(owner.children) >= EXPANDED]
        shown = [owner for owner in owners if 0 < len(owner.children) < EXPANDED]
        entries = [self._shape.lines(owner.id, owner.children) for owner in shown]
        return entries, sum(len(text) for text in page.value), _Position(remaining, [], page.next)

    async def _next_page(self, position: _Position) -> _Step:
        """Return the next page of one object with many children.

        If Graph refuses the link, read the object's children from the beginning, once. After that, or if Graph refuses
        the children, report the object as refused.
        """
        (owner, url), *others = position.pending
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
            if isinstance(error, StartOver) and owner not in position.fresh:
                remaining, fresh = [*position.left, owner], [*position.fresh, owner]
                return [], 0, _Position(remaining, others, position.listing, fresh), []
            refused = [_refused(owner, error.request_id)]
            return [], 0, _Position(position.left, others, position.listing, position.fresh), refused
        further = [(owner, page.next)] if page.next else []
        remaining = [*position.left, *self._middles([(owner, page)])]
        following = _Position(remaining, [*further, *others], position.listing, position.fresh)
        return self._entries([(owner, page)]), _size(page), following, []

    async def _next_batch(self, position: _Position) -> _Step:
        """Return the first pages of the next objects. Raises as ``_refuse_all`` does."""
        self._prefetch(position.left)
        owners, task = self._requested[0]
        answers = await task
        self._requested.popleft()
        pages = [(owner, page) for owner, page in answers if isinstance(page, slicer.Envelope)]
        skips = [(owner, skip) for owner, skip in answers if isinstance(skip, Skip) and not self._is_absence(skip)]
        self._refuse_all(answers, [skip for _, skip in skips])
        pending = [(owner, page.next) for owner, page in pages if page.next]
        refused = [_refused(owner, skip.request_id) for owner, skip in skips]
        size = sum(_size(page) for _, page in pages)
        remaining = [*position.left[len(owners) :], *self._middles(pages)]
        following = _Position(remaining, pending, position.listing, position.fresh)
        return self._entries(pages), size, following, refused

    def _is_absence(self, skip: Skip) -> bool:
        """Return True if a refusal means that an owner does not have its only child, whatever Graph's code says."""
        single = self._children.to_one or self._children.binary
        return single and skip.answer is Answer.UNAVAILABLE

    def _middles(self, pages: Sequence[tuple[str, slicer.Envelope]]) -> list[str]:
        """Return the objects of middle collections in these pages. Raises Skip if one has no id."""
        shown = [(owner, page) for owner, page in pages if self._shape.is_middle(owner)]
        return [middle for owner, page in shown for middle in self._shape.middles(owner, page)]

    def _entries(self, pages: Sequence[tuple[str, slicer.Envelope]]) -> list[list[Line]]:
        """Return the lines of each owner's page of children. Raises Skip if an object has no id."""
        return [self._shape.lines(owner, page.value) for owner, page in pages if not self._shape.is_middle(owner)]

    def _refuse_all(self, answers: Sequence[_Answer], skips: Sequence[Skip]) -> None:
        """Raise Skip if Graph refuses a whole batch for the same cause and has not shown any children before."""
        if not self._shown and len(skips) == len(answers) and len({skip.answer for skip in skips}) == 1:
            raise skips[0]
        self._shown = self._shown or len(skips) < len(answers)

    def _prefetch(self, remaining: list[str]) -> None:
        """Request batches of the remaining objects until ``Limits.batches_ahead`` batches are in flight."""
        first = sum(len(owners) for owners, _ in self._requested)
        while len(self._requested) < LIMITS.batches_ahead and first < len(remaining):
            owners = remaining[first : first + MOST]
            self._requested.append((owners, asyncio.create_task(self._batch(owners))))
            first += len(owners)

    async def _batch(self, owners: list[str]) -> list[_Answer]:
        """Request the first page of each owner's children, or of its middle collection, in one batch."""
        urls = [self._shape.url(owner) for owner in owners]
        reads = [partial(self._shape.page, owner) for owner in owners]
        answers = await self._batches.pages(urls, reads, units=self._stream.units)
        return list(zip(owners, answers, strict=True))


def owner_decoder(stream: Stream) -> msgspec.json.Decoder[Any]:
    """Return the decoder of an owner: its id, and the children that Graph shows inside it.

    An owner without children has an empty list. Without the list it is not known whether it has any, which is an error.
    """
    fields: list[Any] = [("id", str, msgspec.field(name=stream.children.owner_key if stream.children else "id"))]
    if stream.children and stream.children.expanded:
        fields.append(("children", list[Raw], msgspec.field(name=stream.children.segment)))
    return msgspec.json.Decoder(msgspec.defstruct("Owner", fields))


def owners_query(stream: Stream, top: int) -> str:
    """Return the query of the listing of a stream's owners: their ids, with at most ``top`` objects a page."""
    children = stream.children
    options = ["$select=id", f"$top={top}"] if stream.paged else []
    if children and children.filter:
        options.insert(0, f"$filter={quote(children.filter)}")
    if children and children.expanded:
        inner = "($select=id)" if children.links else f"($expand={stream.expand})" if stream.expand else ""
        options.append(f"$expand={children.segment}{inner}")
    return f"?{'&'.join(options)}" if options else ""


def owner_url(stream: Stream, children: Children, owner: str) -> str:
    """Return the URL (relative to the version) of a small answer about one owner's children."""
    return ChildrenShape(stream, children).url(owner).replace(f"$top={PAGE}", "$top=1")


def _refused(owner: str, request_id: str | None) -> RefusedObject:
    """Return the refused object: the owner, also if an object of its middle collection was refused."""
    return RefusedObject(id=owner.partition(BETWEEN)[0], request_id=request_id)


def _size(page: slicer.Envelope) -> int:
    """Return the size of a page's objects in bytes."""
    return sum(len(text) for text in page.value)


def _decoded(cursor: Cursor) -> _Position:
    """Return the position in a cursor. Raises StartOver if the cursor was not made by this module."""
    try:
        return msgspec.json.decode(cursor.link.reveal(), type=_Position)
    except msgspec.MsgspecError:
        raise StartOver("The cursor is not one of this stream.") from None
