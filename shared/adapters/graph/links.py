"""Links as Graph writes them, in deltas and in listings alike: a type and an id, and whether the link was removed."""

import msgspec
from msgspec import Raw

from shared.adapters.graph import slow_slicer
from shared.domain.records import Line, encode_id, gone, put

_ABSENT = Raw(b"")


class Link(msgspec.Struct):
    """One link. The tokens stay as they were sent."""

    id: Raw
    type: Raw = msgspec.field(name="@odata.type", default=_ABSENT)
    removed: Raw = msgspec.field(name="@removed", default=_ABSENT)


LINK: msgspec.json.Decoder[Link] = msgspec.json.Decoder(Link)
_LINKS: msgspec.json.Decoder[list[Link]] = msgspec.json.Decoder(list[Link])


def read_links(array: Raw) -> list[Link]:
    """The links in an array. Raises ValueError if it is none."""
    try:
        return _LINKS.decode(array)
    except (ValueError, RecursionError):
        return [slow_slicer.read(element, Link) for element in slow_slicer.elements(bytes(array))]


def link_line(resource: bytes, below: bytes, link: Link) -> Line:
    """The line of a link whose key begins with ``below``: a record, or its end. Raises ValueError if its id is no string."""
    token = bytes(link.id)
    key = below + encode_id(_text(token))
    if link.removed:
        return gone(resource, key)
    if link.type:
        return put(resource, key, b'{"@odata.type":%b,"id":%b}' % (bytes(link.type), token))
    return put(resource, key, b'{"id":%b}' % token)


def _text(token: bytes) -> str:
    """The string that a JSON token is. Raises ValueError if it is none."""
    if token.startswith(b'"') and b"\\" not in token:
        return token[1:-1].decode()
    return slow_slicer.string(token)
