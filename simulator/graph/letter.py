"""JSON by its letters: finds, merges and picks the members of an object without touching the bytes of any other.

Values that a test hands in are served as they were written (`1E+2`, duplicate names, unpaired surrogate escapes, white
space), so they are never parsed and written again. Shapes as RFC 8259 has them; a caller validates with `json.loads` first.
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
    """One `"name": value` of an object: its decoded name, where it starts, where its value starts and where it ends."""

    name: str
    start: int
    value: int
    stop: int


def valid(text: bytes) -> object:
    """What the JSON text means, an unpaired surrogate escape included; ValueError with one sentence if it is no JSON."""
    try:
        return json.loads(text.decode(), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _skip(text: bytes, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _end(text: bytes, at: int) -> int:
    """The end of the value that starts at `at`."""
    first = text[at : at + 1]
    if first == b'"':
        found = _STRING.match(text, at)
    elif first not in (b"{", b"["):
        found = _ATOM.match(text, at)
    else:
        depth = 0
        for found in _MARK.finditer(text, at):
            mark = found.group()
            if mark in (b"{", b"["):
                depth += 1
            elif mark in (b"}", b"]"):
                depth -= 1
                if depth == 0:
                    return found.end()
        found = None
    if found is None:
        raise ValueError("JSON ends too early")
    return found.end()


def members(text: bytes) -> list[Member]:
    """The top-level members of an object, in order, duplicates included. ValueError if the text is no object."""
    at = _skip(text, 0)
    if text[at : at + 1] != b"{":
        raise ValueError("an object is expected")
    found: list[Member] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] == b'"':
        start, at = at, _end(text, at)
        name = str(json.loads(text[start:at]))
        value = _skip(text, _skip(text, at) + 1)
        stop = _end(text, value)
        found.append(Member(name, start, value, stop))
        at = _skip(text, stop)
        at = _skip(text, at + 1) if text[at : at + 1] == b"," else at
    return found


def elements(text: bytes) -> list[bytes]:
    """The bytes of each element of an array. ValueError if the text is no array."""
    at = _skip(text, 0)
    if text[at : at + 1] != b"[":
        raise ValueError("a list is expected")
    found: list[bytes] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] not in (b"]", b""):
        stop = _end(text, at)
        found.append(text[at:stop])
        at = _skip(text, stop)
        at = _skip(text, at + 1) if text[at : at + 1] == b"," else at
    return found


def values(text: bytes) -> dict[str, bytes]:
    """The bytes of each value of an object by name, the last one of duplicates. ValueError if the text is no object."""
    try:
        return {name: bytes(value) for name, value in _VALUES.decode(text).items()}
    except msgspec.DecodeError:  # an unpaired surrogate escape
        return {found.name: text[found.value : found.stop] for found in members(text)}


def member(text: bytes, name: str) -> bytes | None:
    """The bytes of the value called `name` (the last one of duplicates), or None."""
    return values(text).get(name)


def text(value: bytes, name: str) -> str | None:
    """The text that an object has under a name, None if it has no text there."""
    found = json.loads(member(value, name) or b"null")
    return found if isinstance(found, str) else None


def written(name: str, value: bytes) -> bytes:
    """One member as bytes."""
    return b"%s:%s" % (json.dumps(name).encode(), value)


def before(text: bytes, added: bytes) -> bytes:
    """The object with further members ahead of its own; the other bytes stay."""
    at = text.index(b"{") + 1
    comma = b"" if text[_skip(text, at) :][:1] == b"}" else b","
    return text[:at] + added + comma + text[at:]


def after(text: bytes, added: bytes) -> bytes:
    """The object with further members behind its own; the other bytes stay."""
    at = text.rindex(b"}")
    empty = text[:at].rstrip(b" \t\r\n").endswith(b"{") and not members(text)
    return text[:at] + (b"" if empty else b",") + added + text[at:]


def merged(old: bytes, new: bytes) -> bytes:
    """`old` with the top-level members of `new` put over its own: known names keep their place, others come last."""
    for change in members(new):
        value = new[change.value : change.stop]
        known = [found for found in members(old) if found.name == change.name]
        if known:
            old = old[: known[-1].value] + value + old[known[-1].stop :]
        else:
            old = after(old, new[change.start : change.stop])
    return old


def picked(text: bytes, names: Collection[str], nulls: tuple[str, ...] = ()) -> bytes:
    """An object of those members whose names are wanted, then a null for each name in `nulls` that the object lacks."""
    kept = [found for found in members(text) if found.name in names]
    parts = [text[found.start : found.stop] for found in kept]
    have = {found.name for found in kept}
    parts += [written(name, b"null") for name in nulls if name not in have]
    return b"{" + b",".join(parts) + b"}"
