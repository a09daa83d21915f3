"""What a request costs in resource units and writes (Graph: "Service-specific throttling limits", identity and access)."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from simulator.graph.kinds import is_delta, split

_SCARCE = re.compile(r"identity/conditionalAccess/|identityProtection/")
_BY_IDS = "directoryObjects/getByIds"
_BY_IDS_UNITS = 3
_SMALL_PAGE = 20


class Price(NamedTuple):
    """The price of one request. `units` is 0 for what the directory does not answer, `scarce` for one request a second."""

    units: int
    writes: int = 0
    scarce: bool = False


def price(method: str, path: str, query: str) -> Price:
    """The price of a request for a path without version: a write is one unit and one write, whatever it does."""
    if _SCARCE.match(path):
        return Price(0, scarce=True)
    if path == _BY_IDS:
        return Price(_BY_IDS_UNITS)
    if method != "GET":
        return Price(1, writes=1)
    given = dict(parse_qsl(query, keep_blank_values=True))
    top = given.get("$top", "")
    small = top.isdecimal() and int(top) < _SMALL_PAGE
    return Price(max(1, _listed(path) - ("$select" in given) + ("$expand" in given) - small))


def _listed(path: str) -> int:
    """The units of a page before what its query options take or add."""
    found = split(path)
    if found is None:
        return 1
    kind, tail = found
    if not tail or is_delta(tail):
        return kind.units
    relation = kind.relation(tail[1]) if len(tail) > 1 else None
    return relation.units if relation else 1
