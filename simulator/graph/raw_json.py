"""JSON as bytes: find, merge and pick the members of an object without changing the bytes of any other member.

Values that a test provides are served as they were written (`1E+2`, duplicate names, unpaired surrogate escapes, white
space), so they are never parsed and serialised again. The syntax is that of RFC 8259. Callers validate the text first.
"""

import json
import re
from collections.abc import Collection
from typing import NamedTuple

import msgspec

_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.S)
_ATOM = re.compile(rb"[^,\]} \t\r\n]+")
_VALUES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MARK = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.S)


class Member(NamedTuple):
    """One `"name": value` of an object. Positions are in bytes."""

    name: str
    """The decoded name."""
    start: int
    """The position of the name."""
    value: int
    """The position of the value."""
    stop: int
    """The position after the value."""


def valid(text: bytes) -> object:
    """Return the parsed value of a JSON text, which may have unpaired surrogate escapes. Raises ValueError."""
    try:
        return json.loads(text.decode(), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _skip(text: bytes, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _end(text: bytes, position: int) -> int:
    """Return the end of the value that starts at `position`. Raises ValueError if it has none."""
    first = text[position : position + 1]
    if first == b'"':
        match = _STRING.match(text, position)
    elif first not in (b"{", b"["):
        match = _ATOM.match(text, position)
    else:
        depth = 0
        for match in _MARK.finditer(text, position):
            mark = match.group()
            if mark in (b"{", b"["):
                depth += 1
            elif mark in (b"}", b"]"):
                depth -= 1
                if depth == 0:
                    return match.end()
        match = None
    if match is None:
        raise ValueError("JSON ends too early")
    return match.end()


def members(text: bytes) -> list[Member]:
    """Return the top-level members of an object, in order, including duplicates. Raises ValueError for another text."""
    position = _skip(text, 0)
    if text[position : position + 1] != b"{":
        raise ValueError("an object is expected")
    result: list[Member] = []
    position = _skip(text, position + 1)
    while text[position : position + 1] == b'"':
        start, position = position, _end(text, position)
        name = str(json.loads(text[start:position]))
        value = _skip(text, _skip(text, position) + 1)
        stop = _end(text, value)
        result.append(Member(name, start, value, stop))
        position = _skip(text, stop)
        position = _skip(text, position + 1) if text[position : position + 1] == b"," else position
    return result


def elements(text: bytes) -> list[bytes]:
    """Return the bytes of each element of an array. Raises ValueError if the text is not an array."""
    position = _skip(text, 0)
    if text[position : position + 1] != b"[":
        raise ValueError("a list is expected")
    result: list[bytes] = []
    position = _skip(text, position + 1)
    while text[position : position + 1] not in (b"]", b""):
        stop = _end(text, position)
        result.append(text[position:stop])
        position = _skip(text, stop)
        position = _skip(text, position + 1) if text[position : position + 1] == b"," else position
    return result


def values(text: bytes) -> dict[str, bytes]:
    """Return the bytes of each value of an object by name, the last of duplicates. Raises ValueError for another text."""
    try:
        return {name: bytes(value) for name, value in _VALUES.decode(text).items()}
    except msgspec.DecodeError:  # an unpaired surrogate escape
        return {each.name: text[each.value : each.stop] for each in members(text)}


def member(text: bytes, name: str) -> bytes | None:
    """Return the bytes of the value with this name (the last of duplicates), or None."""
    return values(text).get(name)


def text(value: bytes, name: str) -> str | None:
    """Return the string with this name, or None if the object has no string there."""
    parsed = json.loads(member(value, name) or b"null")
    return parsed if isinstance(parsed, str) else None


def written(name: str, value: bytes) -> bytes:
    """Return one member as bytes."""
    return b"%s:%s" % (json.dumps(name).encode(), value)


def before(text: bytes, added: bytes) -> bytes:
    """Return the object with further members before its own. All other bytes are unchanged."""
    position = text.index(b"{") + 1
    comma = b"" if text[_skip(text, position) :][:1] == b"}" else b","
    return text[:position] + added + comma + text[position:]


def after(text: bytes, added: bytes) -> bytes:
    """Return the object with further members after its own. All other bytes are unchanged."""
    position = text.rindex(b"}")
    empty = text[:position].rstrip(b" \t\r\n").endswith(b"{") and not members(text)
    return text[:position] + (b"" if empty else b",") + added + text[position:]


def merged(old: bytes, new: bytes) -> bytes:
    """Return `old` with the top-level members of `new`. Existing names are replaced in place, others are appended."""
    for change in members(new):
        value = new[change.value : change.stop]
        existing = [each for each in members(old) if each.name == change.name]
        if existing:
            old = old[: existing[-1].value] + value + old[existing[-1].stop :]
        else:
            old = after(old, new[change.start : change.stop])
    return old


def picked(text: bytes, names: Collection[str], nulls: tuple[str, ...] = ()) -> bytes:
    """Return an object of the members with these names, then a null for each name in `nulls` that the object lacks."""
    kept = [each for each in members(text) if each.name in names]
    parts = [text[each.start : each.stop] for each in kept]
    present = {each.name for each in kept}
    parts += [written(name, b"null") for name in nulls if name not in present]
    return b"{" + b",".join(parts) + b"}"
