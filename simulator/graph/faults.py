"""Scripted faults, which replace, break or delay the answer of a request."""

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from simulator.graph.answers import Answer, Refused, Request

_WHAT = ("status", "drop", "truncate", "slow", "garbage", "claims-challenge", "drop-after", "status-after")
"""Faults named `-after` do what the request asks for, and replace only the answer."""
_FIELDS = frozenset(("match", "skip", "times", "what", "status", "headers", "body", "seconds"))
_CODES = {
    400: ("Request_BadRequest", "Bad request."),
    401: ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
    403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    404: (
        "Request_ResourceNotFound",
        "Resource does not exist or one of its queried reference-property objects are not present.",
    ),
    410: ("syncStateNotFound", "The sync state generation is not found."),
    429: ("TooManyRequests", "Please retry again later."),
    500: ("InternalServerError", "The server encountered an unexpected condition."),
    502: ("BadGateway", "Bad gateway."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    504: ("GatewayTimeout", "The gateway did not receive a response in time."),
}


@dataclass
class Fault:
    """One scripted fault."""

    posted: dict[str, object]
    """The fault's JSON."""
    what: str
    method: str
    """Upper-case method to match; empty matches every method."""
    path: re.Pattern[str]
    """Regular expression to search in the path."""
    query: str | dict[str, str]
    """Text or regular expression to search in the query, or values by parameter."""
    skip: int
    """Number of matching requests that pass before the fault applies."""
    times: int
    """Number of requests that the fault then hits."""
    status: int
    seconds: float
    """Delay before the answer."""
    fired: int = 0
    """Number of requests that were hit."""

    def matches(self, request: Request) -> bool:
        """Return whether the request's method, path and query match."""
        if self.method not in ("", request.method) or not self.path.search(request.path):
            return False
        if isinstance(self.query, dict):
            parameters = dict(parse_qsl(request.query, keep_blank_values=True))
            return all(parameters.get(name) == value for name, value in self.query.items())
        query = unquote(request.query)
        return self.query in query or re.search(self.query, query) is not None

    def answer(self, request: Request) -> Answer:
        """Return the answer that the fault sends, with the posted body or the default body of its status."""
        raw = self.posted.get("headers")
        headers = {str(name): str(value) for name, value in raw.items()} if isinstance(raw, dict) else {}
        body = self.posted.get("body")
        if self.what == "garbage":
            text = body if isinstance(body, str) else '<html><head><title>edge</title></head><body>{"value": [{"id": "'
            return Answer(self.status or 200, text.encode("utf-8", "surrogateescape"), headers)
        if body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            return Answer(self.status, text.encode(), headers)
        code, message = _CODES.get(self.status, ("UnknownError", ""))
        return Refused(self.status, code, message, headers).answer(request)


def parsed(posted: object) -> Fault:
    """Parse a fault from its JSON. Raises ValueError with a sentence if it is invalid."""
    if not isinstance(posted, dict) or set(posted) - _FIELDS:
        raise ValueError(f"a fault is an object with fields among {', '.join(sorted(_FIELDS))}")
    match = posted.get("match", {})
    if not isinstance(match, dict) or set(match) - {"method", "path", "query"}:
        raise ValueError("match is an object with method, path and query")
    what = posted.get("what")
    if what not in _WHAT:
        raise ValueError(f"what is one of {', '.join(_WHAT)}")
    if what in ("status", "status-after") and not isinstance(posted.get("status"), int):
        raise ValueError("a status fault needs its status, a number")
    query = match.get("query", "")
    try:
        if isinstance(query, str):
            re.compile(query)
        path = re.compile(str(match.get("path", "")))
        skip, times, seconds = int(posted.get("skip", 0)), int(posted.get("times", 1)), float(posted.get("seconds", 0))
    except (re.error, TypeError, ValueError) as error:
        raise ValueError(f"the fault cannot be read: {error}") from None
    return Fault(
        posted=posted,
        what=str(what),
        method=str(match.get("method", "")).upper(),
        path=path,
        query={str(name): str(value) for name, value in query.items()} if isinstance(query, dict) else str(query),
        skip=skip,
        times=times,
        status=int(posted.get("status", 0)),
        seconds=seconds,
    )


class Faults:
    """All faults, in the order posted. The first one that matches and is not used up applies."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._passed: dict[int, int] = {}

    def add(self, faults: list[Fault]) -> None:
        """Add faults."""
        self._faults += faults

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()
        self._passed.clear()

    def listing(self) -> list[dict[str, object]]:
        """Return every fault as it was posted, with the number of requests that it hit."""
        return [{**fault.posted, "fired": fault.fired} for fault in self._faults]

    def take(self, request: Request) -> Fault | None:
        """Return the fault that applies to this request, or None. Counts the match."""
        for place, fault in enumerate(self._faults):
            if fault.fired >= fault.times or not fault.matches(request):
                continue
            passed = self._passed.get(place, 0)
            if passed < fault.skip:
                self._passed[place] = passed + 1
                continue
            fault.fired += 1
            return fault
        return None
