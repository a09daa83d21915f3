"""Values of a directory as text that no terminal, spreadsheet or browser takes for anything but text."""

from console.cli.output import printable
from shared.domain.compare import PropertyChange
from shared.domain.json_text import string
from shared.engine.compare.differences import Difference
from shared.engine.compare.naming import Names
from shared.engine.compare.references import reference_at

_BMP = 0xFFFF


def visible(value: bytes | None) -> str:
    """Return the JSON of a value on one line, with escapes for characters that are not printable. Absent is ``null``.

    Such characters occur in strings only, so the text is still JSON of the same value.
    """
    if value is None:
        return "null"
    text = value.decode("utf-8", "surrogateescape")
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def shortened(text: str, longest: int) -> str:
    """Return the text, or its beginning and its length if it is longer than that many characters."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def named_value(resource: str, change: PropertyChange, value: bytes | None, names: Names) -> str:
    """Return a value as ``visible`` does, followed by the name of the object if it is the id of one."""
    text = visible(value)
    reference = reference_at(resource, change.path)
    object_id = string(value) if reference is not None else None
    name = names.find(object_id) if object_id is not None else None
    return text if name is None else f"{text} ({printable(name)})"


def name_of(difference: Difference) -> str:
    """Return the name of a difference's record on one line, empty if it has none."""
    return printable(difference.name or "")


def path_of(change: PropertyChange) -> str:
    """Return a property's path on one line."""
    return printable(change.path) or "(value)"


def _escaped(character: str) -> str:
    """Return the escape of a character in JSON."""
    code = ord(character)
    if code <= _BMP:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
