"""JSON as text: slice objects and lists without changing a character, and compare values by meaning.

msgspec slices fast. It refuses some texts that Graph sends, such as unpaired surrogates; the standard library slices those.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,18}))?")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_STRING = msgspec.json.Decoder(str)
_VALUES = json.JSONDecoder(parse_int=str, parse_float=str)
_ANNOTATION = "@odata."
"""Part of the names of members that describe others and are no data (OData JSON format, section 4.6)."""


class _Number(str):
    """A number in its shortest form, so that ``1.0`` equals ``1E0`` and no digit is lost."""

    __slots__ = ()


def is_annotation(name: str) -> bool:
    """Return True if a member's name is an OData annotation, which says nothing about the object itself."""
    return _ANNOTATION in name


def members(value: bytes) -> dict[str, bytes] | None:
    """Return an object's members, each value as written, or None if the text is not an object.

    Of several members with one name the last counts, as in other readers of JSON.
    """
    if not value.lstrip().startswith(b"{"):
        return None
    try:
        return {name: bytes(raw) for name, raw in _OBJECT.decode(value).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return dict(_sliced_members(_text(value)))
    except (ValueError, RecursionError, IndexError):
        return None


def elements(value: bytes) -> list[bytes] | None:
    """Return a list's elements, each as written, or None if the text is not a list."""
    if not value.lstrip().startswith(b"["):
        return None
    try:
        return list(map(bytes, _LIST.decode(value)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return list(_sliced_elements(_text(value)))
    except (ValueError, RecursionError, IndexError):
        return None


def values_at(value: bytes, path: Sequence[str]) -> Iterator[bytes]:
    """Yield the values at a path of member names, each as written. Lists on the way are entered."""
    if not path:
        yield value
        return
    for each in elements(value) or [value]:
        inner = (members(each) or {}).get(path[0])
        if inner is not None:
            yield from values_at(inner, path[1:])


def canonical(value: bytes | None) -> str:
    """Return a text that two values share if they mean the same. None, an absent value, means null.

    Members that are null and annotations are left out, lists are sorted, and numbers are compared by value. A text that is
    not JSON, or is nested too deeply to parse, only equals itself.
    """
    if value is None:
        return "null"
    try:
        parsed = json.loads(_text(value), parse_int=_number, parse_float=_number, parse_constant=_refuse_constant)
        return _canonical(parsed)
    except (ValueError, RecursionError):
        return f"?{_text(value)}"


def string(value: bytes | None) -> str | None:
    """Return the text of a JSON string, which may contain unpaired surrogates, or None for any other value."""
    if value is None or not value.startswith(b'"'):
        return None
    try:
        return _STRING.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        text = json.loads(_text(value))
    except ValueError:
        return None
    return text if isinstance(text, str) else None


def _canonical(value: Any) -> str:
    if isinstance(value, dict):
        kept = sorted((name, each) for name, each in value.items() if each is not None and not is_annotation(name))
        return "{" + ",".join(f"{json.dumps(name)}:{_canonical(each)}" for name, each in kept) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted(map(_canonical, value))) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value)


def _number(text: str) -> _Number:
    """Return a number without needless digits: its sign, its digits and the power of ten that they are multiplied with."""
    match = _NUMBER.fullmatch(text)
    if match is None:  # an exponent of more digits than a machine can count to
        return _Number(text)
    sign, whole, fraction, exponent = match.groups(default="")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) - len(fraction) + len(digits)
    digits = digits.rstrip("0")
    return _Number(f"{sign}{digits}e{power - len(digits)}" if digits else "0")


def _refuse_constant(name: str) -> None:
    """Raise ValueError for NaN and the infinities, which are not JSON."""
    raise ValueError(name)


def _text(value: bytes) -> str:
    """Return the text of a value. Bytes that are not UTF-8 survive a round trip."""
    return value.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _behind_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _sliced_members(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield the members of an object. Raise ValueError or IndexError if the text is not one."""
    position = _behind_space(text, _behind_space(text, 0) + 1)
    while text[position] != "}":
        if text[position] != '"':
            raise ValueError("a name begins with a quotation mark")
        name, position = _VALUES.raw_decode(text, position)
        position = _behind_space(text, position)
        if text[position] != ":":
            raise ValueError("a colon follows a name")
        value, position = _next_value(text, position + 1)
        yield name, value
        position = _behind_comma(text, position, "}")


def _sliced_elements(text: str) -> Iterator[bytes]:
    """Yield the elements of a list. Raise ValueError or IndexError if the text is not one."""
    position = _behind_space(text, _behind_space(text, 0) + 1)
    while text[position] != "]":
        value, position = _next_value(text, position)
        yield value
        position = _behind_comma(text, position, "]")


def _next_value(text: str, position: int) -> tuple[bytes, int]:
    """Return the value that begins here, as written, and where it ends."""
    start = _behind_space(text, position)
    _, end = _VALUES.raw_decode(text, start)
    return _bytes(text[start:end]), end


def _behind_comma(text: str, position: int, closing: str) -> int:
    """Return the position of the next item or of the closing bracket."""
    position = _behind_space(text, position)
    if text[position] == closing:
        return position
    if text[position] != ",":
        raise ValueError("a comma separates items")
    return _behind_space(text, position + 1)
