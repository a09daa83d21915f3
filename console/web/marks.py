"""Marks in URLs that name the last row of a page, so that the next page begins behind it."""

import base64
import json

from shared.domain.errors import Code, Refuse

_LONGEST = 512


def mark(*values: str | int) -> str:
    """Return the mark for a row with these values of the sort order."""
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def values_of(text: str, *kinds: type[str] | type[int]) -> tuple[str | int, ...]:
    """Return the values in a mark, one of each of these kinds. Raise Refuse ``WRONG_USE`` for any other text.

    Marks are not signed: a made-up one shows nothing but another part of the same list.
    """
    try:
        if len(text) > _LONGEST:
            raise ValueError
        values = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        fits = isinstance(values, list) and len(values) == len(kinds)
        if not fits or any(type(value) is not kind for value, kind in zip(values, kinds, strict=True)):
            raise ValueError
    except (ValueError, RecursionError):
        raise Refuse(Code.WRONG_USE, "The address names no page of this list. Begin at its first page.") from None
    return tuple(values)
