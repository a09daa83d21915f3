"""Children of one object: the URL that shows them, the page in an answer, and the lines of a page."""

import json
from urllib.parse import quote

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.adapters.graph.batches import BatchItem
from shared.adapters.graph.links import LINK, link_line
from shared.adapters.graph.listing import Keys
from shared.adapters.graph.one_object import one_object
from shared.domain.errors import Answer, Skip
from shared.domain.records import Line, encode_id, put
from shared.domain.resources import Children, Stream

PAGE = 999
"""Number of objects that a page is asked to have."""
EXPANDED = 20
"""Most children that Graph shows inside their owner; nothing indicates that there are more."""
BETWEEN = "/"
"""Parts the ids of an object and of one in its middle collection (``Children.through``)."""


class _MaybeIdentified(msgspec.Struct):
    """An object of which only the id is read, if it has one."""

    id: str = ""


_IDENTIFIED: msgspec.json.Decoder[slicer.Identified] = msgspec.json.Decoder(slicer.Identified)
_MAYBE: msgspec.json.Decoder[_MaybeIdentified] = msgspec.json.Decoder(_MaybeIdentified)


class ChildrenShape:
    """The conversion of the answers about one stream of children."""

    def __init__(self, stream: Stream, children: Children) -> None:
        self._stream = stream
        self._children = children
        self._resource = stream.resource.encode()
        self._keys = Keys(stream)

    def url(self, owner: str) -> str:
        """Return the URL (relative to the version) of the children of an owner, or of its middle collection.

        ``owner`` is an id, or that of an object of the middle collection: both ids with ``BETWEEN`` between them.
        """
        children = self._children
        first, between, middle = owner.partition(BETWEEN)
        path = f"{self._stream.collection}/{quote(first, safe='')}"
        if children.through and not between:
            return f"{path}/{children.through}?$select=id"
        if children.through:
            path = f"{path}/{children.through}/{quote(middle, safe='')}"
        if children.detail:
            return f"{path}?$select={','.join(children.detail)}"
        single = children.to_one or children.binary
        options = ["$select=id"] * children.links + [f"$expand={self._stream.expand}"] * bool(self._stream.expand)
        options += [f"$top={PAGE}"] * (self._stream.paged and not single)
        return f"{path}/{children.segment}{'?' * bool(options)}{'&'.join(options)}"

    def is_middle(self, owner: str) -> bool:
        """Return True if the URL of this owner shows the middle collection instead of children."""
        return bool(self._children.through) and BETWEEN not in owner

    async def page(self, owner: str, item: BatchItem) -> slicer.Envelope:
        """Return the page about an owner in an item of a batch. Raises ValueError if there is none."""
        children = self._children
        if self.is_middle(owner):
            return await slicer.collection(bytes(item.body))
        if children.binary:
            return slicer.Envelope(value=[_file(item)])
        body = bytes(item.body)
        if not (children.to_one or children.detail):
            return await slicer.collection(body)
        return slicer.Envelope(value=[Raw(await one_object(body))])

    def middles(self, owner: str, page: slicer.Envelope) -> list[str]:
        """Return the objects of an owner's middle collection as owners. Raises Skip if one has no id."""
        try:
            return [f"{owner}{BETWEEN}{slicer.read(text, _IDENTIFIED).id}" for text in page.value]
        except ValueError:
            raise without_id() from None

    def lines(self, owner: str, values: list[Raw]) -> list[Line]:
        """Return the lines of an owner's children that have what the stream exists for. Raises Skip if one has no id."""
        first, _, middle = owner.partition(BETWEEN)
        below = b"%b/%b/%b/" % (self._children.owner.encode(), encode_id(first), self._children.named.encode())
        try:
            return [self._line(below, first, middle, text) for text in values if not self._keys.lacks(text)]
        except ValueError:
            raise without_id() from None

    def _line(self, below: bytes, owner: str, middle: str, text: Raw) -> Line:
        """Return the line of one child, whose key begins with ``below``. Raises ValueError if the child has no id."""
        children = self._children
        if children.links:
            return link_line(self._resource, below, slicer.read(text, LINK))
        if children.to_one or children.detail or children.binary:
            own = slicer.read(text, _MAYBE).id or children.named
            child = owner if children.detail else own
        else:
            child = self._keys.key(text)
        return put(self._resource, below + encode_id(f"{middle}{BETWEEN}{child}" if middle else child), bytes(text))


def _file(item: BatchItem) -> Raw:
    """Return the record of a file in a batch's answer, which has it in Base64. Raises ValueError if there is none."""
    content = msgspec.json.decode(bytes(item.body), type=str)
    kind = item.header("content-type").partition(";")[0]
    return Raw(json.dumps({"contentType": kind, "contentBytes": content}, separators=(",", ":")).encode())


def without_id() -> Skip:
    """Return the error that an object has no id."""
    return Skip(Answer.FAILED, "Graph's answer holds an object without an id.")
