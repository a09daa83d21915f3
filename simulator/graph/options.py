"""Query options (Graph: "Use query parameters to customize responses"): what of OData the simulator answers."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from simulator.graph.answers import Refused, Request, bad_request, unsupported
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
_EXPANDED = re.compile(r"\s*(\w+)\s*(?:\(\s*\$select=([\w\s,@.]*)\))?\s*")
_LARGEST_PAGE = 999


class Expand(NamedTuple):
    """A relation whose other ends are to stand in each object, and what to show of them."""

    relation: Relation
    select: tuple[str, ...] | None


class Options(NamedTuple):
    """The query options of one request."""

    select: tuple[str, ...] | None
    expand: Expand | None
    top: int | None
    skip: int
    token: str | None
    delta_token: str | None
    counted: bool
    ids: tuple[str, ...] | None
    """What `$filter` asked for; only ids can be."""

    @property
    def context(self) -> str:
        """What the context of an answer says of them: the names in the order asked."""
        names = list(self.select or ())
        if self.expand:
            names.append(f"{self.expand.relation.name}({','.join(self.expand.select or ())})")
        return f"({','.join(names)})" if names else ""


def eventual(request: Request) -> bool:
    """Whether the answer may come from the index that lags behind, which alone counts and searches."""
    return request.headers.get("consistencylevel", "").lower() == "eventual"


def parsed(request: Request, kind: Kind, filters: bool = False, expands: bool = False) -> Options:
    """The options of a request for a kind. Refused (400) if one is wrong, or not taken here: `$filter`, `$expand`."""
    given = dict(parse_qsl(request.query, keep_blank_values=True))
    unknown = [name for name in given if name.startswith("$") and name not in _KNOWN]
    if unknown:
        raise Refused(400, "BadRequest", f"The query parameter '{unknown[0]}' is not supported.")
    if "$search" in given and not eventual(request):
        raise unsupported(
            "Request with $search query parameter only works through MSGraph with a special request header: ConsistencyLevel"
        )
    taken = {"$filter": filters, "$expand": expands}
    for name in ("$search", "$orderby", "$filter", "$expand"):
        if name in given and not taken.get(name):
            raise unsupported(f"The simulator does not answer {name} here.")
    counted = given.get("$count", "").lower() == "true" and eventual(request)
    if counted and "$expand" in given:
        raise unsupported("$expand cannot be combined with $count.")
    return Options(
        select=_select(given.get("$select"), kind),
        expand=_expand(given.get("$expand"), kind),
        top=_top(given.get("$top"), kind),
        skip=_number(given.get("$skip", "0"), "$skip"),
        token=given.get("$skiptoken"),
        delta_token=given.get("$deltatoken"),
        counted=counted,
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
            raise _no_property(name, kind)
    return None if "*" in names else names


def _expand(text: str | None, kind: Kind) -> Expand | None:
    if text is None:
        return None
    items = re.split(r",(?![^(]*\))", text)
    if len(items) > 1:
        message = f"The result of parsing $expand contained at least {len(items)} items, but the maximum allowed is 1."
        raise Refused(400, "BadRequest", message)
    found = _EXPANDED.fullmatch(text)
    if found is None:
        raise unsupported("The simulator expands a relation with $select alone: relation($select=id).")
    relation = kind.relation(found[1])
    if relation is None:
        raise _no_property(found[1], kind)
    names = tuple(name.strip() for name in (found[2] or "").split(",") if name.strip())
    return Expand(relation, names or None)


def _no_property(name: str, kind: Kind) -> Refused:
    message = f"Could not find a property named '{name}' on type 'microsoft.graph.{kind.type}'."
    return Refused(400, "BadRequest", f"Parsing OData Select and Expand failed: {message}")


def _ids(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    clauses = re.split(r"\s+or\s+", text)
    if any(_CLAUSE.fullmatch(clause) is None for clause in clauses):
        raise bad_request("Invalid filter clause: Syntax error at position 0.")
    found = [_ID.fullmatch(clause) for clause in clauses]
    if not all(found):
        raise unsupported("The simulator filters by id alone: id eq '…' or id eq '…'.")
    return tuple(dict.fromkeys(match[1] for match in found if match))
