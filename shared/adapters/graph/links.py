"""Links as Graph writes them, in deltas and in listings alike: a type and an id, and whether the link was removed."""

import re

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
_USUAL = re.compile(rb'(\{"@odata\.type":"[^"\\]+","id":"([a-z0-9\-._~@]+)"\})')
"""A link as it nearly always comes: to the letter the record that ``link_line`` writes, its id as it stands in a key. One
with capitals may be a GUID, which stands in lower case."""


def link_lines(resource: bytes, below: bytes, array: Raw) -> list[Line]:
    """The lines of the links in a JSON array, as ``link_line`` has them. Raises ValueError if it holds what is no link."""
    usual = _USUAL.findall(array)
    # Between two links, and at either end, an array has one letter at least: with more, there was something else in it.
    if sum([len(value) for value, _ in usual]) + len(usual) + 1 == len(array):
        begin, _ = put(resource, below, b"")
        return [(begin + key, value) for value, key in usual]
    return [link_line(resource, below, link) for link in _read_links(array)]


def _read_links(array: Raw) -> list[Link]:
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
