"""What goes back over the wire: answers, error bodies and the headers that all of them bear (Graph: "Error responses")."""

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
    """One request, read whole. `path` is decoded, `query` is raw, header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    origin: str
    """Scheme, host and port under which the client reached us, for the links in answers."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def client_request_id(self) -> str:
        return self.headers.get("client-request-id") or self.request_id

    @property
    def metadata(self) -> bool:
        """Whether annotations such as `@odata.context` are wanted."""
        return "odata.metadata=none" not in self.headers.get("accept", "")


@dataclass
class Answer:
    """One answer before the headers that all have."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    stream: Iterator[bytes] | None = None
    """A body too large to hold, instead of `body`."""


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
        """The error as Graph writes it: code, message, and innerError with the date and both request ids."""
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
    """400 of the directory."""
    return Refused(400, "Request_BadRequest", message)


def unsupported(message: str) -> Refused:
    """400 for a query that the directory does not take."""
    return Refused(400, "Request_UnsupportedQuery", message)


def missing(id: str) -> Refused:
    """404 of the directory, in Graph's words."""
    message = f"Resource '{id}' does not exist or one of its queried reference-property objects are not present."
    return Refused(404, "Request_ResourceNotFound", message)


def not_allowed() -> Refused:
    """405: the path is known, the method is not."""
    return Refused(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")


def no_segment(segment: str) -> Refused:
    """400: the path is unknown in this version."""
    return Refused(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def only(request: Request, method: str) -> None:
    """Refuses (405) every other method."""
    if request.method != method:
        raise not_allowed()


def odata(body: bytes, request: Request, status: int = 200) -> Answer:
    """An answer with OData's content type and version."""
    kind = "minimal" if request.metadata else "none"
    return Answer(status, body, {"OData-Version": "4.0"}, _CONTENT % kind)


def document(value: object, status: int = 200) -> Answer:
    """A plain JSON document."""
    return Answer(status, json.dumps(value).encode())


def headers(answer: Answer, request: Request) -> dict[str, str]:
    """Every header of an answer but those of the connection."""
    found = {
        "Cache-Control": "no-cache",
        "Strict-Transport-Security": "max-age=31536000",
        "Vary": "Accept-Encoding",
        "request-id": request.request_id,
        "client-request-id": request.client_request_id,
        "x-ms-ags-diagnostic": _DIAGNOSTIC,
    }
    if answer.body or answer.status not in (204, 304):
        found["Content-Type"] = answer.content_type
    return found | answer.headers
