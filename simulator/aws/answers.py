"""Answers and errors in the wire formats of the three services: JSON 1.1 for KMS, XML for S3 and STS."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `code` is "OK" or the AWS error code, for the counters."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(default=())
    code: str = "OK"

    @property
    def status_line(self) -> str:
        """Return status and reason phrase. A status without a standard phrase gets `Simulated`."""
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return f"{self.status} Simulated"


class Refused(Exception):
    """AWS refuses a call with an error code. `status` is the HTTP status: 400 for nearly all errors of KMS."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def as_json(value: object, status: int = 200) -> Answer:
    """Return a plain JSON answer, as the `/_sim/` addresses send it."""
    return Answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def from_kms(document: Mapping[str, object] | None) -> Answer:
    """Return KMS's answer to a successful call. The body is empty for an operation without a result."""
    body = b"" if document is None else json.dumps(document).encode()
    headers = (("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", str(uuid.uuid4())))
    return Answer(200, body, headers)


def from_sts(action: str, fields: Mapping[str, str]) -> Answer:
    """Return STS's answer to a successful call with the given result fields."""
    result = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    body = (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Answer(200, body.encode(), (("Content-Type", "text/xml"),))


def refusal(service: str, refused: Refused, *, head: bool = False) -> Answer:
    """Return the error in the format of `service`. The answer to a HEAD request has no body."""
    request_id = str(uuid.uuid4())
    if service == "kms":
        document = {"__type": refused.code, "message": refused.message, "Message": refused.message}
        headers = (
            ("Content-Type", "application/x-amz-json-1.1"),
            ("x-amzn-errortype", refused.code),
            ("x-amzn-RequestId", request_id),
        )
        return Answer(refused.status, json.dumps(document).encode(), headers, refused.code)
    error = f"<Code>{escape(refused.code)}</Code><Message>{escape(refused.message)}</Message>"
    if service == "s3":
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{error}<RequestId>{request_id}</RequestId></Error>'
    else:
        kind = "Sender" if refused.status < 500 else "Receiver"
        text = f"<ErrorResponse><Error><Type>{kind}</Type>{error}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    headers = (("Content-Type", "application/xml"), ("x-amz-request-id", request_id), ("x-amzn-RequestId", request_id))
    return Answer(refused.status, b"" if head else text.encode(), headers, refused.code)
