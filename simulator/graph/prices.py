"""The price of a request in resource units and writes (Graph: "Service-specific throttling limits", identity and access)."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from simulator.graph.kinds import is_delta, split

_SCARCE = re.compile(r"identity/conditionalAccess/|identityProtection/")
_REPORTED = re.compile(r"auditLogs/|reports/|users/[^/]+/authentication/methods")
_BY_IDS = "directoryObjects/getByIds"
_BY_IDS_UNITS = 3
_SMALL_PAGE = 20


class Price(NamedTuple):
    """The price of one request."""

    units: int
    """Resource units; 0 if another service than the directory answers."""
    writes: int = 0
    """Number of writes."""
    scarce: bool = False
    """Whether the request counts toward the limit of one request per second."""
    reported: bool = False
    """Whether the request counts toward the limit of five requests in ten seconds."""


def price(method: str, path: str, query: str) -> Price:
    """Return the price of a request for a path without version. Every write costs one unit and one write."""
    if _SCARCE.match(path):
        return Price(0, scarce=True)
    if _REPORTED.match(path):
        return Price(0, reported=True)
    if path == _BY_IDS:
        return Price(_BY_IDS_UNITS)
    if method != "GET":
        return Price(1, writes=1)
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    top = parameters.get("$top", "")
    small = top.isdecimal() and int(top) < _SMALL_PAGE
    return Price(max(1, _listed(path) - ("$select" in parameters) + ("$expand" in parameters) - small))


def _listed(path: str) -> int:
    """Return the units of a page without the effect of its query options."""
    parts = split(path)
    if parts is None:
        return 1
    kind, tail = parts
    if not tail or is_delta(tail):
        return kind.units
    relation = kind.relation(tail[1]) if len(tail) > 1 else None
    return relation.units if relation else 1
