"""Make the blob store's calls of S3.

They are PutObject, GetObject, DeleteObject, HeadObject, ListObjectsV2 and ListObjectVersions (Amazon S3 API Reference).
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError

from shared import aws
from shared.adapters.blobs.s3.answers import ERRORS, code_of, meaning, row_for
from shared.domain.errors import Code, EntrakeepError, Refuse
from shared.domain.limits import LIMITS
from shared.ports.blobs import FOR_EVER

_T = TypeVar("_T")
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    tcp_keepalive=True,
    max_pool_connections=20,
    retries={"mode": "standard", "total_max_attempts": 4},
)
_NO_CHECKSUMS = Config(request_checksum_calculation="when_required")
_TAKEN = "PreconditionFailed"
_PROBE = "-probe"
"""Suffix of a short-lived blob that tests what the store takes."""


class S3Store:
    """Blobs in ``bucket`` below ``prefix``. Clients are thread-safe.

    Credentials, and the Region if it is None, are chosen by AWS's library. Without ``conditional``, ``put_new`` checks
    first and then writes, so that two concurrent callers may both write.
    """

    near = False

    def __init__(self, bucket: str, prefix: str, region: str | None, *, conditional: bool = True) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._region = region
        self._conditional = conditional
        self._lock = threading.Lock()
        self._client = self._make_client()
        self.place = f"s3://{bucket}/{prefix}".rstrip("/") + _endpoint_suffix(self._client.meta.endpoint_url)

    def put(self, name: str, data: bytes) -> None:
        """Write a blob, and replace an existing one."""
        self._call(name, lambda s3: s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data))

    def put_new(self, name: str, data: bytes) -> bool:
        """Write a blob unless its name exists. Return True if it was written."""
        if not self._conditional:
            if self._head(name) is not None:
                return False
            self.put(name, data)
            return True
        try:
            self._call(name, lambda s3: self._put_absent(s3, name, data), _TAKEN)
        except _Expected:
            return False
        return True

    def prove(self, name: str, data: bytes) -> None:
        """Prove that the store works and respects conditional writes. Raises Refuse ``STORE_UNSUITABLE`` if it does not."""
        try:
            new = self.put_new(name, data)
        except Refuse as refusal:
            raise self._lacking(name, data) or refusal from None
        if new and self.put_new(name, data):
            raise self._unsuitable("conditional writes (it ignores If-None-Match)", _CONDITIONAL)

    def get(self, name: str) -> bytes | None:
        """Return a blob, or None if it does not exist."""
        try:
            return self._call(name, lambda s3: self._read(s3, name), "NoSuchKey")
        except _Expected:
            return None

    def delete(self, name: str) -> None:
        """Delete a blob; a bucket with versions keeps the old ones."""
        self._call(name, lambda s3: s3.delete_object(Bucket=self._bucket, Key=self._prefix + name))

    def erase(self, name: str) -> None:
        """Delete every version of a blob."""
        key = self._prefix + name
        for version in list(self._versions(name)):
            if version["Key"] == key:
                parameters = {"Bucket": self._bucket, "Key": key, "VersionId": version["VersionId"]}
                self._call(name, lambda s3, parameters=parameters: s3.delete_object(**parameters))  # type: ignore[misc]

    def locked_until(self, name: str) -> datetime | None:
        """Return until when Object Lock protects the blob: a time, ``FOR_EVER`` for a legal hold, or None."""
        head = self._head(name)
        if head is None:
            return None
        if head.get("ObjectLockLegalHoldStatus") == "ON":
            return FOR_EVER
        until: datetime | None = head.get("ObjectLockRetainUntilDate")
        return until

    def names(self, prefix: str, *, deleted: bool = False) -> Iterator[str]:
        """Yield the names that begin with ``prefix``; with ``deleted`` also those of deleted blobs with versions, sorted."""
        if deleted:
            yield from sorted({version["Key"].removeprefix(self._prefix) for version in self._versions(prefix)})
            return
        for page in self._pages(prefix):
            for entry in page.get("Contents", []):
                yield entry["Key"].removeprefix(self._prefix)

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below ``prefix``."""
        pages = self._pages(prefix, "/")
        prefixes = [folder["Prefix"] for page in pages for folder in page.get("CommonPrefixes", [])]
        return [name.removeprefix(self._prefix + prefix).rstrip("/") for name in prefixes]

    def _head(self, name: str) -> Any:
        """Return the object's metadata, or None if it does not exist."""
        try:
            return self._call(name, lambda s3: s3.head_object(Bucket=self._bucket, Key=self._prefix + name), "404")
        except _Expected:
            return None

    def _put_absent(self, s3: Any, name: str, data: bytes) -> None:
        """Write the object with If-None-Match, which fails if its name exists."""
        s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data, IfNoneMatch="*")

    def _read(self, s3: Any, name: str) -> bytes:
        """Return the object. Read it again if its body breaks off or does not match its checksum."""
        for remaining in reversed(range(LIMITS.store_reads)):
            answer = s3.get_object(Bucket=self._bucket, Key=self._prefix + name)
            try:
                data: bytes = answer["Body"].read()
                return data
            except ERRORS:
                if not remaining:
                    raise
                time.sleep(random.uniform(0.0, LIMITS.store_read_pause_seconds))
        raise AssertionError("the last reading returns or raises")

    def _pages(self, prefix: str, delimiter: str = "") -> Iterator[Any]:
        """Yield the pages of objects below ``prefix``."""
        where = {"Bucket": self._bucket, "Prefix": self._prefix + prefix, "Delimiter": delimiter}
        while True:
            page = self._call(prefix, lambda s3, where=where: s3.list_objects_v2(**where))  # type: ignore[misc]
            yield page
            if not page.get("IsTruncated"):
                return
            where = where | {"ContinuationToken": page["NextContinuationToken"]}

    def _versions(self, prefix: str) -> Iterator[Any]:
        """Yield versions and delete markers. A bucket without versions yields each object as its only version."""
        where = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        while True:
            page = self._call(prefix, lambda s3, where=where: s3.list_object_versions(**where))  # type: ignore[misc]
            yield from (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            if not page.get("IsTruncated"):
                return
            where = where | {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}

    def _call(self, name: str, call: Callable[[Any], _T], expected: str | None = None) -> _T:
        """Return what ``call`` returns. Retry it once with fresh credentials if the session of those in use has expired.

        Raises ``_Expected`` for an answer with the code ``expected``.
        """
        for last in (False, True):
            client = self._client
            try:
                return call(client)
            except ERRORS as error:
                if expected is not None and code_of(error) == expected:
                    raise _Expected from None
                if row_for(error).fresh and not last:
                    self._refresh(client)
                    continue
                raise meaning(error, self._bucket, name) from None
        raise AssertionError("a loop of two always returns or raises")

    def _make_client(self, more: Config | None = None) -> Any:
        """Create a client. Raises Refuse ``SETTINGS_INVALID`` if AWS's library does not accept its settings."""
        try:
            return aws.session(self._region).client("s3", config=_CONFIG.merge(more) if more else _CONFIG)
        except (BotoCoreError, ValueError) as error:
            raise Refuse(
                Code.SETTINGS_INVALID,
                f"The AWS library rejects its settings ({type(error).__name__}): check AWS_ENDPOINT_URL_S3, AWS_PROFILE, "
                "AWS_REGION and AWS_REQUEST_CHECKSUM_CALCULATION.",
            ) from None

    def _refresh(self, client: Any) -> None:
        """Replace this client by one with fresh credentials, unless another thread has done so."""
        with self._lock:
            if self._client is client:
                self._client = self._make_client()

    def _lacking(self, name: str, data: bytes) -> EntrakeepError | None:
        """Return the feature that the store lacks, or None if none explains the refusal.

        The write is repeated without checksums, without conditional writes, and without both.
        """
        probe, plain = name + _PROBE, self._make_client(_NO_CHECKSUMS)
        where = {"Bucket": self._bucket, "Key": self._prefix + probe, "Body": data}
        without_checksums = self._conditional and _takes(lambda: plain.put_object(**where, IfNoneMatch="*"))
        try:
            if without_checksums:
                return self._unsuitable("checksums of what is sent (x-amz-checksum headers)", _CHECKSUMS)
            if _takes(lambda: self._client.put_object(**where)):
                return self._unsuitable("conditional writes (If-None-Match)", _CONDITIONAL)
            if _takes(lambda: plain.put_object(**where)):
                both = ("checksums and conditional writes", f"{_CHECKSUMS} and {_CONDITIONAL}")
                return self._unsuitable(*both) if self._conditional else self._unsuitable("checksums", _CHECKSUMS)
            return None
        finally:
            with contextlib.suppress(EntrakeepError):
                self.delete(probe)

    def _unsuitable(self, what: str, setting: str) -> Refuse:
        """Return the refusal ``STORE_UNSUITABLE``."""
        return Refuse(
            Code.STORE_UNSUITABLE,
            f"The store of the bucket {self._bucket} lacks {what}. Set {setting} to do without it (docs/stores.md says "
            "what that costs), or use another store.",
        )


class _Expected(Exception):
    """Report an answer with the code that the caller handles."""


_CHECKSUMS = "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
_CONDITIONAL = "ENTRAKEEP_STORE_CONDITIONAL_WRITES=off"


def _takes(call: Callable[[], object]) -> bool:
    """Return True if the store takes the write. A failed condition counts as taken."""
    try:
        call()
    except ERRORS as error:
        return code_of(error) == _TAKEN
    return True


def _endpoint_suffix(endpoint: str) -> str:
    """Return the address of an endpoint that is not AWS's own, without a password; otherwise nothing."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return ""
    return f" at {parts.scheme}://{parts.netloc.rpartition('@')[2]}"
