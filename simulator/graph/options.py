"""Query options (Graph: "Use query parameters to customize responses"), as far as the simulator supports OData."""

import re
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl

from simulator.graph.answers import Refused, Request, bad_request, unsupported
from simulator.graph.filtering import Clause, clauses
from simulator.graph.kinds import Kind, Relation

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
_ID = re.compile(r"\s*id\s+eq\s+'([^']*)'\s*", re.I)
_CLAUSE = re.compile(r"\s*[\w/]+\s+(eq|ne|gt|ge|lt|le|in)\s+('[^']*'|[^'\s]+)\s*")
_EXPANDED = re.compile(r"\s*(\w+)\s*(?:\(\s*(?:\$select=([\w\s,@.]*)|\$expand=[\w,]+)\))?\s*")
_BETWEEN_ITEMS = re.compile(r",(?![^(]*\))")
_LARGEST_PAGE = 999


class Expand(NamedTuple):
    """A relation to expand within each object, and the properties to show of its objects."""

    relation: Relation
    select: tuple[str, ...] | None


class Options(NamedTuple):
    """The query options of one request."""

    select: tuple[str, ...] | None
    expand: Expand | None
    embedded: tuple[str, ...]
    """Relations to expand whose objects are stored inside the object."""
    top: int | None
    skip: int
    token: str | None
    """Value of `$skiptoken`."""
    delta_token: str | None
    """Value of `$deltatoken`."""
    counted: bool
    """Whether the answer contains a count."""
    ids: tuple[str, ...] | None
    """The ids in a `$filter` by id; None if there is none."""
    filter: tuple[Clause, ...] | None
    """The conditions of a `$filter` by other properties; None if there is none."""

    @property
    def context(self) -> str:
        """Return the options' part of the context URL: the names in the requested order."""
        names = list(self.select or ())
        if self.expand:
            names.append(f"{self.expand.relation.name}({','.join(self.expand.select or ())})")
        return f"({','.join(names)})" if names else ""


def eventual(request: Request) -> bool:
    """Return whether the answer may come from the eventually consistent index. Counts and searches need that index."""
    return request.headers.get("consistencylevel", "").lower() == "eventual"


def parsed(request: Request, kind: Kind, filters: Literal["", "ids", "values"] = "", expands: bool = False) -> Options:
    """Parse the query options of a request. Raises Refused (400) for an invalid or unsupported option.

    `filters` and `expands` say whether `$filter`, by ids or also by other values, and `$expand` are supported for this path.
    """
    parameters = dict(parse_qsl(request.query, keep_blank_values=True))
    unknown = [name for name in parameters if name.startswith("$") and name not in _KNOWN]
    if unknown:
        raise Refused(400, "BadRequest", f"The query parameter '{unknown[0]}' is not supported.")
    if "$search" in parameters and not eventual(request):
        raise unsupported(
            "Request with $search query parameter only works through MSGraph with a special request header: ConsistencyLevel"
        )
    supported = {"$filter": bool(filters), "$expand": expands}
    for name in ("$search", "$orderby", "$filter", "$expand"):
        if name in parameters and not supported.get(name):
            raise unsupported(f"The simulator does not answer {name} here.")
    counted = parameters.get("$count", "").lower() == "true" and eventual(request)
    if counted and "$expand" in parameters:
        raise unsupported("$expand cannot be combined with $count.")
    ids, conditions = _filter(parameters.get("$filter"))
    if conditions is not None and filters == "ids":
        raise unsupported("The simulator filters by id alone here: id eq '…' or id eq '…'.")
    embedded = _embedded(parameters.get("$expand"), kind)
    return Options(
        select=_select(parameters.get("$select"), kind),
        expand=None if embedded else _expand(parameters.get("$expand"), kind),
        embedded=embedded,
        top=_top(parameters.get("$top"), kind),
        skip=_number(parameters.get("$skip", "0"), "$skip"),
        token=parameters.get("$skiptoken"),
        delta_token=parameters.get("$deltatoken"),
        counted=counted,
        ids=ids,
        filter=conditions,
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
        if name in kind.stored_elsewhere:
            raise Refused(501, "NotImplemented", "This operation target is not yet supported.")
        if not kind.open and name not in kind.properties and name != "*":
            raise _no_property(name, kind)
    return None if "*" in names else names


def _embedded(text: str | None, kind: Kind) -> tuple[str, ...]:
    """Return the names in `$expand` if the object contains all of them, otherwise none."""
    names = tuple(item.partition("(")[0].strip() for item in _BETWEEN_ITEMS.split(text or ""))
    return names if set(names) <= set(kind.embedded) else ()


def _expand(text: str | None, kind: Kind) -> Expand | None:
    if text is None:
        return None
    items = _BETWEEN_ITEMS.split(text)
    if len(items) > 1:
        message = f"The result of parsing $expand contained at least {len(items)} items, but the maximum allowed is 1."
        raise Refused(400, "BadRequest", message)
    match = _EXPANDED.fullmatch(text)
    if match is None:
        raise unsupported("The simulator expands a relation with $select alone: relation($select=id).")
    relation = kind.relation(match[1])
    if relation is None:
        raise _no_property(match[1], kind)
    names = tuple(name.strip() for name in (match[2] or "").split(",") if name.strip())
    return Expand(relation, names or None)


def _no_property(name: str, kind: Kind) -> Refused:
    message = f"Could not find a property named '{name}' on type 'microsoft.graph.{kind.type}'."
    return Refused(400, "BadRequest", f"Parsing OData Select and Expand failed: {message}")


def _filter(text: str | None) -> tuple[tuple[str, ...] | None, tuple[Clause, ...] | None]:
    """Return the ids that a filter names, or its conditions. Raises Refused (400) for an invalid or unsupported filter."""
    if text is None:
        return None, None
    alternatives = re.split(r"\s+or\s+", text)
    ids = [_ID.fullmatch(each) for each in alternatives]
    if all(ids):
        return tuple(dict.fromkeys(match[1] for match in ids if match)), None
    conditions = clauses(text)
    if conditions is not None and all(clause.name != "id" for clause in conditions):
        return None, conditions
    if all(_CLAUSE.fullmatch(each) for each in alternatives):
        raise unsupported("The simulator filters by ids, id eq '…' or id eq '…', and by values, name eq '…' and …")
    raise bad_request("Invalid filter clause: Syntax error at position 0.")
