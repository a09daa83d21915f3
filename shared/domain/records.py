"""Keys, records and lines: the sorted map that a snapshot is.

A **key** names a record: the resource's path segments with its ids between them, ``users/<id>`` or
``groups/<id>/members/<id>``; a singleton's key is its resource's name. Ids are percent-encoded except
``A-Za-z0-9-._~@``.

A **line** is an entry of a run. In memory it is the pair ``(order, value)``: ``order`` is the resource's name, a zero
byte, and the key or prefix; ``value`` is the record's JSON, or None for a tombstone. ``order`` is also how lines sort.
A prefix ends in ``/`` or is empty, a key does neither, so the last byte of ``order`` tells a prefix from a key. A
prefix sorts before every key that begins with it.

In a chunk a line is one line of JSON: ``{"key":"users/1","value":{…}}``, ``{"key":"users/1","gone":true}`` or
``{"resource":"groups.members","prefix":"groups/1/members/","gone":true}``.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote_from_bytes, unquote_to_bytes

Line = tuple[bytes, bytes | None]
"""``(order, value)``."""

_SAFE = "@"  # urllib keeps A-Za-z0-9-._~ by itself
_PLAIN = re.compile(r"[A-Za-z0-9\-._~@]+")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_GUID_LENGTH = 36


def encode_id(text: str) -> bytes:
    """Return an id as it is written in a key. Unpaired surrogates are encoded as their three bytes.

    GUIDs compare without case (RFC 9562), so they are written in lower case. Raise ValueError if the id is empty,
    because a key that ends in a slash is a prefix.
    """
    if not text:
        raise ValueError("an id is not empty")
    if len(text) == _GUID_LENGTH and not text.islower() and is_guid(text):
        return text.lower().encode("ascii")
    if _PLAIN.fullmatch(text):  # the usual case
        return text.encode("ascii")
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe=_SAFE).encode("ascii")


def is_guid(text: str) -> bool:
    """Return True if the text is a GUID, as ids of directory objects are."""
    return len(text) == _GUID_LENGTH and _GUID.fullmatch(text) is not None


def put(resource: bytes, key: bytes, value: bytes) -> Line:
    """Return the line of a record: the JSON ``value`` at ``key``. The value contains no line break."""
    return resource + b"\0" + key, value


def tombstone(resource: bytes, key: bytes) -> Line:
    """Return a tombstone for one key."""
    return resource + b"\0" + key, None


def prefix_tombstone(resource: bytes, prefix: bytes) -> Line:
    """Return a tombstone for every key of ``resource`` that begins with ``prefix`` in older runs."""
    return resource + b"\0" + prefix, None


def decode_id(text: str) -> str:
    """Return an id as Graph writes it, from a segment of a key."""
    return unquote_to_bytes(text).decode("utf-8", "surrogatepass")


def object_order(resource: str, object_id: str) -> bytes:
    """Return the order of an object's own record. Raise ValueError if the id is empty."""
    name = resource.encode()
    return name + b"\0" + name + b"/" + encode_id(object_id)


def is_prefix(order: bytes) -> bool:
    """Return True if a line with this order is a prefix tombstone."""
    return order[-1] in b"/\0"


def split_order(order: bytes) -> tuple[bytes, bytes]:
    """Return ``(resource, key or prefix)``."""
    resource, _, rest = order.partition(b"\0")
    return resource, rest


def resource_of(key: bytes) -> bytes:
    """Return the resource of a key: its odd segments, joined by dots (``groups.members``)."""
    return b".".join(key.split(b"/")[::2])


def encode_line(line: Line) -> bytes:
    """Return a line as it is written in a chunk, without a line break."""
    order, value = line
    resource, key = split_order(order)
    if value is not None:
        return b'{"key":"%b","value":%b}' % (key, value)
    if is_prefix(order):
        return b'{"resource":"%b","prefix":"%b","gone":true}' % (resource, key)
    return b'{"key":"%b","gone":true}' % key


_RECORD = b'{"key":"'
_PREFIX = b'{"resource":"'
_VALUE = b'","value":'
_BETWEEN = b"}\n" + _RECORD
_GONE = b'","gone":true}'
_PREFIX_GONE = b'","prefix":"'


def encode_lines(lines: Sequence[Line]) -> bytes:
    """Return lines, at least one, as they are written in a chunk, separated by line breaks.

    They are sorted as a run's are.
    """
    start = lines[0][0].index(b"\0") + 1
    records = [order[start:] + _VALUE + value for order, value in lines if value is not None]
    if len(records) < len(lines) or not lines[-1][0].startswith(lines[0][0][:start]):
        return b"\n".join(map(encode_line, lines))
    return _RECORD + _BETWEEN.join(records) + b"}"  # the usual case: only records, of one resource


def decode_line(text: bytes) -> Line:
    """Return the line that ``encode_line`` wrote. Raise ValueError if the text is not a line."""
    if text.startswith(_RECORD):
        end = text.find(b'"', len(_RECORD))
        key = text[len(_RECORD) : end]
        if end > len(_RECORD):
            if text.startswith(_VALUE, end) and text.endswith(b"}"):
                return resource_of(key) + b"\0" + key, text[end + len(_VALUE) : -1]
            if text[end:] == _GONE:
                return resource_of(key) + b"\0" + key, None
    elif text.startswith(_PREFIX) and text.endswith(_GONE):
        resource, mark, prefix = text[len(_PREFIX) : -len(_GONE)].partition(_PREFIX_GONE)
        if mark and resource and (not prefix or prefix.endswith(b"/")):
            return resource + b"\0" + prefix, None
    raise ValueError("not a line")


def decode_lines(text: bytes) -> list[Line]:
    """Return the lines that ``encode_lines`` wrote, sorted as a run's are. Raise ValueError if a text is not a line."""
    texts = text.split(b"\n")
    lead = _lead(texts[0])
    if lead != _lead(texts[-1]):
        return list(map(decode_line, texts))
    lines: list[Line] = []
    for each in texts:  # sorted, so all are of the resource of first and last
        begin, mark, value = each.partition(_VALUE)
        key = begin[len(_RECORD) :]
        if mark and key and begin.startswith(_RECORD) and value.endswith(b"}"):
            lines.append((lead + key, value[:-1]))
        else:
            lines.append(decode_line(each))
    return lines


def _lead(text: bytes) -> bytes:
    """Return the beginning of a line's order: its resource and a zero byte."""
    return split_order(decode_line(text)[0])[0] + b"\0"
