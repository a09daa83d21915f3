"""Links in Graph's deltas and listings: each has a type, an id, and a mark if the link was removed."""

import re

import msgspec
from msgspec import Raw

from shared.adapters.graph import slow_slicer
from shared.domain.records import Line, encode_id, put, tombstone

_ABSENT = Raw(b"")


class Link(msgspec.Struct):
    """One link. Its JSON tokens are kept as Graph sent them."""

    id: Raw
    """The linked object's id."""
    type: Raw = msgspec.field(name="@odata.type", default=_ABSENT)
    """The linked object's type; empty if missing."""
    removed: Raw = msgspec.field(name="@removed", default=_ABSENT)
    """Present if the link was removed."""


LINK: msgspec.json.Decoder[Link] = msgspec.json.Decoder(Link)
_LINKS: msgspec.json.Decoder[list[Link]] = msgspec.json.Decoder(list[Link])
_USUAL = re.compile(rb'(\{"@odata\.type":"[^"\\]+","id":"([a-z0-9\-._~@]+)"\})')
"""The usual form of a link: its bytes are the record that ``link_line`` writes, and its id is also the key.

An id with capitals does not match, because it may be a GUID, which a key has in lower case.
"""


def link_lines(resource: bytes, below: bytes, array: Raw) -> list[Line]:
    """Return the lines of the links in a JSON array, as ``link_line`` does.

    Raises ValueError if an element is not a link.
    """
    usual = _USUAL.findall(array)
    # An array has at least one character between two links and at either end. A longer one has other content, too.
    if sum([len(value) for value, _ in usual]) + len(usual) + 1 == len(array):
        order_prefix, _ = put(resource, below, b"")
        return [(order_prefix + key, value) for value, key in usual]
    return [link_line(resource, below, link) for link in _read_links(array)]


def _read_links(array: Raw) -> list[Link]:
    """Return the links in a JSON array. Raises ValueError if an element is not a link."""
    try:
        return _LINKS.decode(array)
    except (ValueError, RecursionError):
        return [slow_slicer.read(element, Link) for element in slow_slicer.elements(bytes(array))]


def link_line(resource: bytes, below: bytes, link: Link) -> Line:
    """Return the line of a link: a record, or a tombstone if the link was removed.

    ``below`` is the beginning of the line's key. Raises ValueError if the link's id is not a string.
    """
    token = bytes(link.id)
    key = below + encode_id(_text(token))
    if link.removed:
        return tombstone(resource, key)
    if link.type:
        return put(resource, key, b'{"@odata.type":%b,"id":%b}' % (bytes(link.type), token))
    return put(resource, key, b'{"id":%b}' % token)


def _text(token: bytes) -> str:
    """Return the value of a JSON string token. Raises ValueError if the token is not a string."""
    if token.startswith(b'"') and b"\\" not in token:
        return token[1:-1].decode()
    return slow_slicer.string(token)
