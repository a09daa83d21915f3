"""moto, behind the gate: S3, STS, IAM, and the KMS operations that the gate does not implement."""

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
    """moto's WSGI application, called on behalf of an account."""

    def __init__(self) -> None:
        self._application: Application = DomainDispatcherApplication(create_backend_app)

    def answer(self, environ: Environ, body: bytes, account: str) -> Answer:
        """Return moto's answer to a request with `body` as if `account` had sent it."""
        status, headers = "", []

        def start_response(line: str, pairs: list[tuple[str, str]], _exc_info: object = None) -> None:
            nonlocal status, headers
            status, headers = line, pairs

        request = environ | {
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_MOTO_ACCOUNT_ID": account,
        }
        chunks = self._application(request, start_response)
        try:
            content = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        code = int(status.split()[0])
        return Answer(code, content, tuple(headers), _code(code, content, headers))

    def owner_of(self, bucket: str) -> str | None:
        """Return the account that owns a bucket, or None if the bucket does not exist."""
        owner = s3_backends.bucket_accounts.get(bucket)
        return None if owner is None else owner[1]

    def introduce(self, key: Key) -> None:
        """Register a key with moto, if moto does not know it yet.

        Called only before moto handles an operation on the key, since moto generates an RSA key for each key, which is slow.
        """
        backend = kms_backends[key.account][key.region]
        if key.id in backend.keys:
            return
        moto_key = backend.create_key(
            key.policy, key.usage, key.spec, key.description, None, bool(key.family), key.origin
        )
        del backend.keys[moto_key.id]
        moto_key.id, moto_key.arn = key.id, key.arn
        backend.keys[key.id] = moto_key


def _code(status: int, content: bytes, headers: Iterable[tuple[str, str]]) -> str:
    if status < 400:
        return "OK"
    header = {name.lower(): value for name, value in headers}.get("x-amzn-errortype")
    match = re.search(rb"<Code>([^<]+)</Code>|\"__type\": ?\"([^\"]+)\"", content[:2000])
    if header:
        return header
    return next(group for group in match.groups() if group).decode() if match else str(status)
