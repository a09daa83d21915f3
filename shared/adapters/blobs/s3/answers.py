"""Decide what to do about an error of an S3 call, by the table."""

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.blobs.s3.row import Kind, Received, Row
from shared.adapters.blobs.s3.table import row_of
from shared.domain.errors import Code, EntrakeepError, Refuse, StoreTrouble
from shared.domain.limits import LIMITS

S3Error = ClientError | BotoCoreError | RecursionError
ERRORS = (ClientError, BotoCoreError, RecursionError)
"""Errors of S3 calls. RecursionError: botocore follows a bucket, or a gateway, that redirects to itself without end."""


def code_of(error: S3Error) -> str:
    """Return the error code of an answer; empty if there was no answer."""
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""


def row_for(error: S3Error) -> Row:
    """Return the row of the table that decides about this error."""
    if not isinstance(error, ClientError):
        return row_of(Received(names=frozenset(kind.__name__ for kind in type(error).__mro__)))
    received = Received(
        names=frozenset({code_of(error)}),
        status=error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
        text=error.response.get("Error", {}).get("Message", "").lower(),
    )
    return row_of(received)


def meaning(error: S3Error, bucket: str, name: str) -> EntrakeepError:
    """Return what to raise after an error of a call about the object ``name``."""
    row = row_for(error)
    code = code_of(error) or type(error).__name__
    operation = error.operation_name if isinstance(error, ClientError) else ""
    sentence = row.sentence.format(bucket=bucket, code=code, name=name, operation=operation)
    match row.kind:
        case Kind.TROUBLE:
            return StoreTrouble(sentence, _retry_after(error))
        case Kind.FULL:
            return Refuse(Code.STORE_FULL, sentence)
        case Kind.FORBIDDEN:
            return Refuse(Code.STORE_FORBIDDEN, sentence)
        case Kind.UNSUITABLE:
            return Refuse(Code.STORE_UNSUITABLE, sentence)


def _retry_after(error: S3Error) -> float | None:
    """Return the seconds that the answer asks to wait, or None if it names none or names a date."""
    headers = (
        error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if isinstance(error, ClientError) else {}
    )
    text = str(headers.get("retry-after", ""))
    return min(float(text), LIMITS.store_wait_most_seconds) if text.isdecimal() else None
