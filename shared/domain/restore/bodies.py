"""Build request bodies from the JSON of records. Values stay as the snapshot has them, character for character."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from shared.domain.json_text import canonical, elements, members, string

_UNKNOWN = re.compile(rb'"unknownFutureValue"')
"""What Graph's v1.0 returns for a value that it does not know, and refuses when it is written."""
_EMPTY = frozenset({"null", '""', "[]"})


def encoded(properties: Mapping[str, bytes]) -> bytes:
    """Return the JSON of an object with these members."""
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + value for name, value in properties.items()) + b"}"


def only(value: bytes, names: Iterable[str]) -> bytes:
    """Return an object with these properties alone."""
    inner = members(value) or {}
    return encoded({name: inner[name] for name in names if name in inner})


def is_blank(value: bytes | None) -> bool:
    """Return True if a value is absent, null or empty, or an object of nothing but such values."""
    if value is None or canonical(value) in _EMPTY:
        return True
    inner = members(value)
    return inner is not None and all(map(is_blank, inner.values()))


def is_same(one: bytes, other: bytes) -> bool:
    """Return True if two values mean the same, where an absent part means the same as an empty one."""
    return canonical(one) == canonical(other) or canonical(_without_blanks(one)) == canonical(_without_blanks(other))


def _without_blanks(value: bytes) -> bytes:
    """Return a value without the members of its objects that are blank, at any depth; null if the value itself is."""
    if is_blank(value):
        return b"null"
    inner = members(value)
    if inner is None:
        return value
    return encoded({name: _without_blanks(each) for name, each in inner.items() if not is_blank(each)})


def is_unknown(value: bytes) -> bool:
    """Return True if a value has a part that Graph did not show (``unknownFutureValue``)."""
    return _UNKNOWN.search(value) is not None


def part(value: bytes | None, path: str) -> bytes | None:
    """Return the part of a value at a path with dots, or None if there is none."""
    for name in path.split(".") if path else ():
        inner = members(value) if value is not None else None
        value = inner.get(name) if inner is not None else None
    return value


def with_part(value: bytes | None, path: str, inner: bytes | None) -> bytes:
    """Return a value with ``inner`` as its part at a path. With None, remove that part, also within lists on the way."""
    name, _, rest = path.partition(".")
    if value is not None and inner is None and (items := elements(value)) is not None:
        return b"[" + b",".join(with_part(item, path, None) for item in items) + b"]"
    properties = (members(value) if value is not None else None) or {}
    if rest and (inner is not None or name in properties):
        properties[name] = with_part(properties.get(name), rest, inner)
    elif inner is None:
        if name not in properties:
            return value if value is not None else b"{}"
        del properties[name]
    else:
        properties[name] = inner
    return encoded(properties)


def without_parts(name: str, value: bytes, paths: Iterable[str]) -> bytes:
    """Return a property's value without the parts at these paths, which begin with the property's name."""
    for path in paths:
        first, _, rest = path.partition(".")
        if first == name and rest and (members(value) is not None or elements(value) is not None):
            value = with_part(value, rest, None)
    return value


def without_nulls(value: bytes) -> bytes:
    """Return a value without the members of its objects that are null, at any depth."""
    inner = members(value)
    if inner is None:
        return value
    return encoded({name: without_nulls(each) for name, each in inner.items() if each != b"null"})


def text_at(value: bytes | None, path: str) -> str | None:
    """Return the text at a path, or None if there is no text."""
    return string(part(value, path))


def texts_at(value: bytes | None, path: str) -> list[str]:
    """Return the texts of the list at a path."""
    inner = part(value, path)
    items = elements(inner) if inner is not None else None
    return [text for item in items or () if (text := string(item)) is not None]


def is_true(value: bytes | None, path: str) -> bool:
    """Return True if the value at a path is ``true``."""
    return part(value, path) == b"true"


def items_by(value: bytes | None, path: str, key: str) -> dict[str, bytes]:
    """Return the objects of the list at a path by the text of one of their members, in lower case."""
    inner = part(value, path)
    pairs = ((text_at(item, key), item) for item in (elements(inner) if inner is not None else None) or ())
    return {text.lower(): item for text, item in pairs if text is not None}


def list_of(items: Iterable[bytes]) -> bytes:
    """Return the JSON of a list."""
    return b"[" + b",".join(items) + b"]"
