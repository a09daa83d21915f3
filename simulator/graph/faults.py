"""Scripted faults: what a request meets instead of, or on its way to, its answer."""

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from simulator.graph.answers import Answer, Refused, Request

_WHAT = ("status", "drop", "truncate", "slow", "garbage", "claims-challenge")
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
    """One scripted fault: which requests it matches, how many it lets pass first, how many it hits."""

    given: dict[str, object]
    what: str
    method: str
    path: re.Pattern[str]
    query: str | dict[str, str]
    skip: int
    times: int
    status: int
    seconds: float
    fired: int = 0

    def matches(self, request: Request) -> bool:
        """Whether the request's method, path (a regular expression found anywhere in it) and query fit."""
        if self.method not in ("", request.method) or not self.path.search(request.path):
            return False
        if isinstance(self.query, dict):
            given = dict(parse_qsl(request.query, keep_blank_values=True))
            return all(given.get(name) == value for name, value in self.query.items())
        query = unquote(request.query)
        return self.query in query or re.search(self.query, query) is not None

    def answer(self, request: Request) -> Answer:
        """The answer of a `status` or `garbage` fault: the given body or the usual one for the status."""
        raw = self.given.get("headers")
        headers = {str(name): str(value) for name, value in raw.items()} if isinstance(raw, dict) else {}
        body = self.given.get("body")
        if self.what == "garbage":
            text = body if isinstance(body, str) else '<html><head><title>edge</title></head><body>{"value": [{"id": "'
            return Answer(self.status or 200, text.encode("utf-8", "surrogateescape"), headers)
        if body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            return Answer(self.status, text.encode(), headers)
        code, message = _CODES.get(self.status, ("UnknownError", ""))
        return Refused(self.status, code, message, headers).answer(request)


def parsed(given: object) -> Fault:
    """A fault from its JSON. ValueError with one sentence if it is wrong."""
    if not isinstance(given, dict) or set(given) - _FIELDS:
        raise ValueError(f"a fault is an object with fields among {', '.join(sorted(_FIELDS))}")
    match = given.get("match", {})
    if not isinstance(match, dict) or set(match) - {"method", "path", "query"}:
        raise ValueError("match is an object with method, path and query")
    what = given.get("what")
    if what not in _WHAT:
        raise ValueError(f"what is one of {', '.join(_WHAT)}")
    if what == "status" and not isinstance(given.get("status"), int):
        raise ValueError("a status fault needs its status, a number")
    query = match.get("query", "")
    try:
        if isinstance(query, str):
            re.compile(query)
        path = re.compile(str(match.get("path", "")))
        skip, times, seconds = int(given.get("skip", 0)), int(given.get("times", 1)), float(given.get("seconds", 0))
    except (re.error, TypeError, ValueError) as error:
        raise ValueError(f"the fault cannot be read: {error}") from None
    return Fault(
        given=given,
        what=str(what),
        method=str(match.get("method", "")).upper(),
        path=path,
        query={str(name): str(value) for name, value in query.items()} if isinstance(query, dict) else str(query),
        skip=skip,
        times=times,
        status=int(given.get("status", 0)),
        seconds=seconds,
    )


class Faults:
    """All faults, in the order given: the first that matches and is not spent hits."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._passed: dict[int, int] = {}

    def add(self, faults: list[Fault]) -> None:
        """Appends faults."""
        self._faults += faults

    def clear(self) -> None:
        """Forgets every fault."""
        self._faults.clear()
        self._passed.clear()

    def listing(self) -> list[dict[str, object]]:
        """Every fault as it was given, with how often it fired."""
        return [{**fault.given, "fired": fault.fired} for fault in self._faults]

    def take(self, request: Request) -> Fault | None:
        """The fault that hits this request, counted."""
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
