"""JSON by its letters: finds the members of an object and the elements of an array without reading their values.

msgspec refuses a whole page for one unpaired surrogate escape, which RFC 8259 lets pass. This scanner knows the grammar of
RFC 8259 and nothing of what escapes mean, so such a page is sliced all the same. It works on bytes and without recursion,
gives what the fast slicer gives, and is some hundred times slower.
"""

import json
import re
from typing import Any, NamedTuple, TypeVar

import msgspec

_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING_TEXT = rb'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"'
_STRING = re.compile(_STRING_TEXT)
_SCALAR = re.compile(_STRING_TEXT + rb"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_NAME = re.compile(rb"(" + _STRING_TEXT + rb")[ \t\r\n]*:[ \t\r\n]*")
_CLOSING = {b"{": b"}", b"[": b"]"}

_S = TypeVar("_S", bound=msgspec.Struct)


class Member(NamedTuple):
    """A ``"name": value`` of an object: its decoded name, where it starts, where its value starts, and where it ends."""

    name: str
    start: int
    value: int
    stop: int


def members(text: bytes) -> list[Member]:
    """The members of the object that the text is, in order, duplicates included. Raises ValueError if it is none."""
    at = _opened(text, b"{")
    found: list[Member] = []
    while text[at : at + 1] != b"}":
        name = _NAME.match(text, at)
        if name is None:
            raise ValueError("JSON: a name is expected")
        stop = _value_end(text, name.end())
        found.append(Member(_name_text(name[1]), at, name.end(), stop))
        at = _next(text, stop, b"}")
    _ended(text, at)
    return found


def elements(text: bytes) -> list[bytes]:
    """The bytes of each element of the array that the text is. Raises ValueError if it is none."""
    at = _opened(text, b"[")
    found: list[bytes] = []
    while text[at : at + 1] != b"]":
        stop = _value_end(text, at)
        found.append(text[at:stop])
        at = _next(text, stop, b"]")
    _ended(text, at)
    return found


def read(text: bytes, shape: type[_S]) -> _S:
    """What ``msgspec.json.decode(text, type=shape)`` gives, for shapes whose fields are str, Raw, list[Raw] or str | None.

    Raises ValueError if the text is not of that shape.
    """
    values = {member.name: text[member.value : member.stop] for member in members(text)}
    fields = msgspec.structs.fields(shape)
    found = {
        field.name: _typed(values[field.encode_name], field.type) for field in fields if field.encode_name in values
    }
    try:
        return shape(**found)
    except TypeError:
        raise ValueError("JSON: a member is missing") from None


def string(text: bytes) -> str:
    """The string that the JSON text is; unpaired surrogates stay as they are. Raises ValueError if it is none."""
    if not _STRING.fullmatch(text):
        raise ValueError("JSON: a string is expected")
    return str(json.loads(text.decode()))


def _typed(value: bytes, type_: Any) -> Any:
    if type_ is msgspec.Raw:
        return msgspec.Raw(value)
    if type_ == list[msgspec.Raw]:
        return [msgspec.Raw(element) for element in elements(value)]
    if value == b"null" and type_ is not str:
        return None
    return string(value)


def _name_text(name: bytes) -> str:
    text = name.decode(errors="replace")
    return str(json.loads(text)) if "\\" in text else text[1:-1]


def _skip(text: bytes, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _opened(text: bytes, bracket: bytes) -> int:
    at = _skip(text, 0)
    if text[at : at + 1] != bracket:
        raise ValueError("JSON: an object or array is expected")
    return _skip(text, at + 1)


def _next(text: bytes, at: int, closing: bytes) -> int:
    """Where the next member or element starts, or the bracket stands that closes."""
    at = _skip(text, at)
    mark = text[at : at + 1]
    if mark == closing:
        return at
    if mark != b",":
        raise ValueError("JSON: a comma is expected")
    at = _skip(text, at + 1)
    if text[at : at + 1] == closing:
        raise ValueError("JSON: a comma too many")
    return at


def _ended(text: bytes, at: int) -> None:
    if _skip(text, at + 1) != len(text):
        raise ValueError("JSON: something follows the end")


def _named(text: bytes, at: int, closing: bytes) -> int:
    """Where the value starts, past the name that an object has before it."""
    if closing == b"]":
        return at
    name = _NAME.match(text, at)
    if name is None:
        raise ValueError("JSON: a name is expected")
    return name.end()


def _value_end(text: bytes, at: int) -> int:
    """The end of the value that starts at ``at``."""
    open_brackets: list[bytes] = []
    while True:
        closing = _CLOSING.get(text[at : at + 1])
        if closing is None:
            scalar = _SCALAR.match(text, at)
            if scalar is None:
                raise ValueError("JSON: a value is expected")
            at = scalar.end()
        else:
            at = _skip(text, at + 1)
            if text[at : at + 1] != closing:
                open_brackets.append(closing)
                at = _named(text, at, closing)
                continue
            at += 1
        while open_brackets:
            at = _next(text, at, open_brackets[-1])
            if text[at : at + 1] != open_brackets[-1]:
                at = _named(text, at, open_brackets[-1])
                break
            open_brackets.pop()
            at += 1
        else:
            return at
