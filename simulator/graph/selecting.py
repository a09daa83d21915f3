"""Query options, and which properties of an object an answer shows."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from simulator.graph import letter
from simulator.graph.answers import Refused, bad_request, unsupported
from simulator.graph.directory import Stored
from simulator.graph.generator import property_names
from simulator.graph.kinds import Kind

_KNOWN = frozenset(
    (
        "$select",
        "$top",
        "$skip",
        "$skiptoken",
        "$deltatoken",
        "$count",
        "$filter",
        "$search",
        "$orderby",
        "$expand",
        "$format",
    )
)
_ID = re.compile(r"\s*id\s+eq\s+'([^']*)'\s*$", re.I)
_LARGEST_PAGE = 999


class Options(NamedTuple):
    """The query options of one request."""

    select: tuple[str, ...] | None
    top: int | None
    skip: int
    token: str | None
    delta_token: str | None
    counted: bool
    ids: tuple[str, ...] | None
    """What `$filter` asked for; only ids can be."""


def parsed(query: str, kind: Kind, advanced: bool) -> Options:
    """The options of a query for a kind; `advanced` with `ConsistencyLevel: eventual`. Refused if one is wrong."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = [name for name in given if name.startswith("$") and name not in _KNOWN]
    if unknown:
        raise Refused(400, "BadRequest", f"The query parameter '{unknown[0]}' is not supported.")
    if "$search" in given and not advanced:
        raise unsupported(
            "Request with $search query parameter only works through MSGraph with a special request header: ConsistencyLevel"
        )
    for name in ("$search", "$orderby", "$expand"):
        if name in given:
            raise unsupported(f"The simulator does not answer {name}.")
    return Options(
        select=_select(given.get("$select"), kind),
        top=_top(given.get("$top"), kind),
        skip=_number(given.get("$skip", "0"), "$skip"),
        token=given.get("$skiptoken"),
        delta_token=given.get("$deltatoken"),
        counted=given.get("$count", "").lower() == "true" and advanced,
        ids=_ids(given.get("$filter")),
    )


def _number(text: str, name: str) -> int:
    if not text.isdecimal():
        raise Refused(400, "BadRequest", f"The value '{text}' of the query parameter '{name}' is not valid.")
    return int(text)


def _top(text: str | None, kind: Kind) -> int | None:
    if text is None:
        return None
    if not kind.paged:
        raise unsupported(
            "This resource does not support custom page sizes. Please retry without a page size argument."
        )
    top = _number(text, "$top")
    if not 1 <= top <= _LARGEST_PAGE and kind.page:
        raise unsupported(f"Invalid page size specified: '{top}'. Must be between 1 and {_LARGEST_PAGE} inclusive.")
    return top


def _select(text: str | None, kind: Kind) -> tuple[str, ...] | None:
    if not text:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name in kind.elsewhere:
            raise Refused(501, "NotImplemented", "This operation target is not yet supported.")
        if not kind.open and name not in kind.properties and name != "*":
            raise Refused(
                400,
                "BadRequest",
                "Parsing OData Select and Expand failed: Could not find a property named "
                f"'{name}' on type 'microsoft.graph.{kind.type}'.",
            )
    return None if "*" in names else names


def _ids(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    found = [_ID.match(part) for part in re.split(r"\s+or\s+", text)]
    if any(
        re.fullmatch(r"\s*[\w/]+\s+(eq|ne|gt|ge|lt|le|in)\s+('[^']*'|[^'\s]+)\s*", part) is None
        for part in text.split(" or ")
    ):
        raise bad_request("Invalid filter clause: Syntax error at position 0.")
    if any(match is None for match in found):
        raise unsupported("The simulator filters by id alone: id eq '…' or id eq '…'.")
    return tuple(match[1] for match in found if match is not None)


def shown(kind: Kind, stored: Stored, select: tuple[str, ...] | None) -> bytes:
    """An object as a listing or a get shows it: to the letter, or what is selected with null for what was never set."""
    if stored.to_the_letter:
        return stored.value
    wanted = kind.properties if select is None and kind.default is None else select or kind.default or ()
    nulls = tuple(name for name in kind.properties if name in wanted)
    return letter.picked(stored.value, frozenset(wanted), nulls if kind.open else ())


def shown_in_delta(stored: Stored, wanted: frozenset[str] | None) -> bytes:
    """An object as delta shows it: to the letter, or those of the wanted properties (None: all) that were ever set."""
    if stored.to_the_letter or wanted is None:
        return stored.value
    return letter.picked(stored.value, wanted)


def wanted_in_delta(kind: Kind, select: tuple[str, ...] | None) -> frozenset[str] | None:
    """Which properties a delta round shows; None if it is all that a generated object can have."""
    wanted = kind.default if select is None else frozenset((*select, "id"))
    return None if wanted is None or wanted >= property_names(kind.path) else wanted
