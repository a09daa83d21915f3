"""Answers, error bodies and the headers that all answers have (Graph: "Error responses")."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

_CONTENT = "application/json;odata.metadata=%s;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
_DIAGNOSTIC = json.dumps(
    {
        "ServerInfo": {
            "DataCenter": "West Europe",
            "Slice": "E",
            "Ring": "5",
            "ScaleUnit": "002",
            "RoleInstance": "AM2PEPF0000BE1A",
        }
    },
    separators=(",", ":"),
)


@dataclass
class Request:
    """One complete request."""

    method: str
    path: str
    """The decoded path."""
    query: str
    """The raw query."""
    headers: dict[str, str]
    """Values by name in lower case."""
    body: bytes
    origin: str
    """Scheme, host and port that the client used, for the links in answers."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def client_request_id(self) -> str:
        """Return the id that the client gave the request, or else the server's."""
        return self.headers.get("client-request-id") or self.request_id

    @property
    def metadata(self) -> bool:
        """Return whether the client wants annotations such as `@odata.context`."""
        return "odata.metadata=none" not in self.headers.get("accept", "")


@dataclass
class Answer:
    """One answer, without the headers that all answers have."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    stream: Iterator[bytes] | None = None
    """A body that is too large for memory, in place of `body`."""


class Refused(Exception):
    """A request that Graph answers with an error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        details: list[dict[str, str]] | None = None,
        inner: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.details = details
        self.inner = inner or {}

    def answer(self, request: Request) -> Answer:
        """Return the error as Graph writes it: code, message, and innerError with the date and both request ids."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = self.details
        error["innerError"] = {
            **self.inner,
            "date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
            "request-id": request.request_id,
            "client-request-id": request.client_request_id,
        }
        return Answer(self.status, json.dumps({"error": error}).encode(), dict(self.headers))


def bad_request(message: str) -> Refused:
    """Return a 400 of the directory."""
    return Refused(400, "Request_BadRequest", message)


def unsupported(message: str) -> Refused:
    """Return a 400 for a query that the directory does not support."""
    return Refused(400, "Request_UnsupportedQuery", message)


def missing(id: str) -> Refused:
    """Return a 404 of the directory, with Graph's message."""
    message = f"Resource '{id}' does not exist or one of its queried reference-property objects are not present."
    return Refused(404, "Request_ResourceNotFound", message)


def not_allowed() -> Refused:
    """Return a 405, for a known path with an unsupported method."""
    return Refused(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")


def no_segment(segment: str) -> Refused:
    """Return a 400, for a path that is unknown in this version."""
    return Refused(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def only(request: Request, method: str) -> None:
    """Raise Refused (405) if the request has another method."""
    if request.method != method:
        raise not_allowed()


def odata(body: bytes, request: Request, status: int = 200) -> Answer:
    """Return an answer with OData's content type and version."""
    kind = "minimal" if request.metadata else "none"
    return Answer(status, body, {"OData-Version": "4.0"}, _CONTENT % kind)


def document(value: object, status: int = 200) -> Answer:
    """Return an answer with a plain JSON document."""
    return Answer(status, json.dumps(value).encode())


def headers(answer: Answer, request: Request) -> dict[str, str]:
    """Return all headers of an answer except those of the connection."""
    common = {
        "Cache-Control": "no-cache",
        "Strict-Transport-Security": "max-age=31536000",
        "Vary": "Accept-Encoding",
        "request-id": request.request_id,
        "client-request-id": request.client_request_id,
        "x-ms-ags-diagnostic": _DIAGNOSTIC,
    }
    if answer.body or answer.status not in (204, 304):
        common["Content-Type"] = answer.content_type
    return common | answer.headers
