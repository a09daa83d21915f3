"""moto, behind the gate: S3, STS, IAM, and the KMS operations that the gate does not do itself."""

import io
import re
from collections.abc import Callable, Iterable
from typing import Any

from moto.kms.models import kms_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends

from simulator.aws.answers import Answer
from simulator.aws.keys import Key

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Moto:
    """moto's WSGI application, asked in the name of an account."""

    def __init__(self) -> None:
        self._application: Application = DomainDispatcherApplication(create_backend_app)

    def answer(self, environ: Environ, body: bytes, account: str) -> Answer:
        """Let moto answer a request with `body` as if `account` had sent it."""
        status, headers = "", []

        def start_response(line: str, pairs: list[tuple[str, str]], _exc_info: object = None) -> None:
            nonlocal status, headers
            status, headers = line, pairs

        asked = environ | {
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_MOTO_ACCOUNT_ID": account,
        }
        chunks = self._application(asked, start_response)
        try:
            content = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        number = int(status.split()[0])
        return Answer(number, content, tuple(headers), _code(number, content, headers))

    def owner_of(self, bucket: str) -> str | None:
        """Return the account that a bucket belongs to, None if there is no such bucket."""
        held = s3_backends.bucket_accounts.get(bucket)
        return None if held is None else held[1]

    def introduce(self, key: Key) -> None:
        """Make a key of ours known to moto, before an operation on it is passed on.

        moto makes an RSA key with each of its keys, so this waits until it is needed.
        """
        backend = kms_backends[key.account][key.region]
        if key.id in backend.keys:
            return
        made = backend.create_key(key.policy, key.usage, key.spec, key.description, None, bool(key.family), key.origin)
        del backend.keys[made.id]
        made.id, made.arn = key.id, key.arn
        backend.keys[key.id] = made


def _code(status: int, content: bytes, headers: Iterable[tuple[str, str]]) -> str:
    if status < 400:
        return "OK"
    named = {name.lower(): value for name, value in headers}.get("x-amzn-errortype")
    found = re.search(rb"<Code>([^<]+)</Code>|\"__type\": ?\"([^\"]+)\"", content[:2000])
    if named:
        return named
    return next(group for group in found.groups() if group).decode() if found else str(status)
