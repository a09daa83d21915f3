"""A JSON scanner that finds the members of an object and the elements of an array without decoding their values.

msgspec refuses a whole page for one unpaired surrogate escape, which RFC 8259 allows. This scanner checks the grammar of
RFC 8259 but does not interpret escapes, so it can slice such a page. It works on bytes and without recursion. It returns
the same results as the fast slicer, and is some hundred times slower.
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
    """A ``"name": value`` of an object. Positions are byte offsets in the text."""

    name: str
    """The decoded name."""
    start: int
    """The offset of the member's name."""
    value: int
    """The offset of its value."""
    stop: int
    """The offset after its value."""


def members(text: bytes) -> list[Member]:
    """Return the members of a JSON object in order, duplicates included.

    Raises ValueError if the text is not an object.
    """
    position = _start(text, b"{")
    result: list[Member] = []
    while text[position : position + 1] != b"}":
        name = _NAME.match(text, position)
        if name is None:
            raise ValueError("JSON: a name is expected")
        stop = _value_end(text, name.end())
        result.append(Member(_name_text(name[1]), position, name.end(), stop))
        position = _next(text, stop, b"}")
    _check_end(text, position)
    return result


def elements(text: bytes) -> list[bytes]:
    """Return the bytes of each element of a JSON array. Raises ValueError if the text is not an array."""
    position = _start(text, b"[")
    result: list[bytes] = []
    while text[position : position + 1] != b"]":
        stop = _value_end(text, position)
        result.append(text[position:stop])
        position = _next(text, stop, b"]")
    _check_end(text, position)
    return result


def read(text: bytes, shape: type[_S]) -> _S:
    """Return the same as ``msgspec.json.decode(text, type=shape)``.

    The fields of ``shape`` must be str, Raw, list[Raw] or str | None. Raises ValueError if the text is not of that shape.
    """
    values = {member.name: text[member.value : member.stop] for member in members(text)}
    fields = msgspec.structs.fields(shape)
    arguments = {
        field.name: _typed(values[field.encode_name], field.type) for field in fields if field.encode_name in values
    }
    try:
        return shape(**arguments)
    except TypeError:
        raise ValueError("JSON: a member is missing") from None


def string(text: bytes) -> str:
    """Return the value of a JSON string, with unpaired surrogates kept. Raises ValueError if the text is not a string."""
    if not _STRING.fullmatch(text):
        raise ValueError("JSON: a string is expected")
    return str(json.loads(text.decode()))


def _typed(value: bytes, type_: Any) -> Any:
    """Return a JSON value as the type of its field. Raises ValueError if it is not of that type."""
    if type_ is msgspec.Raw:
        return msgspec.Raw(value)
    if type_ == list[msgspec.Raw]:
        return [msgspec.Raw(element) for element in elements(value)]
    if value == b"null" and type_ is not str:
        return None
    return string(value)


def _name_text(name: bytes) -> str:
    """Return a member's name, decoded from its JSON string."""
    text = name.decode(errors="replace")
    return str(json.loads(text)) if "\\" in text else text[1:-1]


def _skip(text: bytes, position: int) -> int:
    """Return the position after white space."""
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _start(text: bytes, bracket: bytes) -> int:
    """Return the position after the opening bracket and white space. Raises ValueError if the bracket is missing."""
    position = _skip(text, 0)
    if text[position : position + 1] != bracket:
        raise ValueError("JSON: an object or array is expected")
    return _skip(text, position + 1)


def _next(text: bytes, position: int, closing: bytes) -> int:
    """Return the position of the next member or element, or of the closing bracket. Raises ValueError for a wrong comma."""
    position = _skip(text, position)
    mark = text[position : position + 1]
    if mark == closing:
        return position
    if mark != b",":
        raise ValueError("JSON: a comma is expected")
    position = _skip(text, position + 1)
    if text[position : position + 1] == closing:
        raise ValueError("JSON: a comma too many")
    return position


def _check_end(text: bytes, position: int) -> None:
    """Raise ValueError if anything but white space follows the closing bracket at ``position``."""
    if _skip(text, position + 1) != len(text):
        raise ValueError("JSON: something follows the end")


def _value_start(text: bytes, position: int, closing: bytes) -> int:
    """Return the position of the value: after the name in an object, ``position`` itself in an array.

    Raises ValueError if an object's member has no name.
    """
    if closing == b"]":
        return position
    name = _NAME.match(text, position)
    if name is None:
        raise ValueError("JSON: a name is expected")
    return name.end()


def _value_end(text: bytes, position: int) -> int:
    """Return the position after the value that starts at ``position``. Raises ValueError if it is not a JSON value."""
    open_brackets: list[bytes] = []
    while True:
        closing = _CLOSING.get(text[position : position + 1])
        if closing is None:
            scalar = _SCALAR.match(text, position)
            if scalar is None:
                raise ValueError("JSON: a value is expected")
            position = scalar.end()
        else:
            position = _skip(text, position + 1)
            if text[position : position + 1] != closing:
                open_brackets.append(closing)
                position = _value_start(text, position, closing)
                continue
            position += 1
        while open_brackets:
            position = _next(text, position, open_brackets[-1])
            if text[position : position + 1] != open_brackets[-1]:
                position = _value_start(text, position, open_brackets[-1])
                break
            open_brackets.pop()
            position += 1
        else:
            return position
