"""The calls of S3 that the blob store makes (Amazon S3 API Reference: PutObject, GetObject, DeleteObject, HeadObject,
ListObjectsV2, ListObjectVersions)."""

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
_READS, _PAUSE = 4, 0.5
"""How often a body is asked for that breaks off on the way, and seconds between: botocore tries only to get an answer
again."""
_TAKEN = "PreconditionFailed"
_PROBE = "-probe"
"""Behind the name of a blob that shows, for a moment, what the store takes."""


class S3Store:
    """Blobs in ``bucket`` below ``prefix``. Clients are thread-safe; credentials come the AWS way, and the Region if it is
    None. Without ``conditional``, ``put_new`` looks first and then writes, which two callers may do at the same time."""

    near = False

    def __init__(self, bucket: str, prefix: str, region: str | None, *, conditional: bool = True) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._region = region
        self._conditional = conditional
        self._lock = threading.Lock()
        self._client = self._made()
        self.place = f"s3://{bucket}/{prefix}".rstrip("/") + _behind(self._client.meta.endpoint_url)

    def put(self, name: str, data: bytes) -> None:
        self._call(name, lambda s3: s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data))

    def put_new(self, name: str, data: bytes) -> bool:
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
        try:
            new = self.put_new(name, data)
        except Refuse as refusal:
            raise self._lacking(name, data) or refusal from None
        if new and self.put_new(name, data):
            raise self._unsuitable("conditional writes (it ignores If-None-Match)", _CONDITIONAL)

    def get(self, name: str) -> bytes | None:
        try:
            return self._call(name, lambda s3: self._read(s3, name), "NoSuchKey")
        except _Expected:
            return None

    def delete(self, name: str) -> None:
        self._call(name, lambda s3: s3.delete_object(Bucket=self._bucket, Key=self._prefix + name))

    def erase(self, name: str) -> None:
        key = self._prefix + name
        for version in list(self._versions(name)):
            if version["Key"] == key:
                what = {"Bucket": self._bucket, "Key": key, "VersionId": version["VersionId"]}
                self._call(name, lambda s3, what=what: s3.delete_object(**what))  # type: ignore[misc]

    def locked_until(self, name: str) -> datetime | None:
        found = self._head(name)
        if found is None:
            return None
        if found.get("ObjectLockLegalHoldStatus") == "ON":
            return FOR_EVER
        until: datetime | None = found.get("ObjectLockRetainUntilDate")
        return until

    def names(self, prefix: str, *, deleted: bool = False) -> Iterator[str]:
        if deleted:
            yield from sorted({version["Key"].removeprefix(self._prefix) for version in self._versions(prefix)})
            return
        for page in self._listed(prefix):
            for found in page.get("Contents", []):
                yield found["Key"].removeprefix(self._prefix)

    def folders(self, prefix: str) -> list[str]:
        pages = self._listed(prefix, "/")
        found = [folder["Prefix"] for page in pages for folder in page.get("CommonPrefixes", [])]
        return [name.removeprefix(self._prefix + prefix).rstrip("/") for name in found]

    def _head(self, name: str) -> Any:
        try:
            return self._call(name, lambda s3: s3.head_object(Bucket=self._bucket, Key=self._prefix + name), "404")
        except _Expected:
            return None

    def _put_absent(self, s3: Any, name: str, data: bytes) -> None:
        s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data, IfNoneMatch="*")

    def _read(self, s3: Any, name: str) -> bytes:
        """Return the object, read again where its body breaks off, or is not what its checksum says."""
        for left in reversed(range(_READS)):
            answer = s3.get_object(Bucket=self._bucket, Key=self._prefix + name)
            try:
                data: bytes = answer["Body"].read()
                return data
            except ERRORS:
                if not left:
                    raise
                time.sleep(random.uniform(0.0, _PAUSE))
        raise AssertionError("the last reading returns or raises")

    def _listed(self, prefix: str, delimiter: str = "") -> Iterator[Any]:
        where = {"Bucket": self._bucket, "Prefix": self._prefix + prefix, "Delimiter": delimiter}
        while True:
            page = self._call(prefix, lambda s3, where=where: s3.list_objects_v2(**where))  # type: ignore[misc]
            yield page
            if not page.get("IsTruncated"):
                return
            where = where | {"ContinuationToken": page["NextContinuationToken"]}

    def _versions(self, prefix: str) -> Iterator[Any]:
        """Versions and delete markers; of a bucket that keeps no versions its objects, each as its only version."""
        where = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        while True:
            page = self._call(prefix, lambda s3, where=where: s3.list_object_versions(**where))  # type: ignore[misc]
            yield from (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            if not page.get("IsTruncated"):
                return
            where = where | {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}

    def _call(self, name: str, call: Callable[[Any], _T], expected: str | None = None) -> _T:
        """Return what ``call`` returns, made once more with fresh credentials if the session of ours has ended.

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

    def _made(self, more: Config | None = None) -> Any:
        try:
            return aws.session(self._region).client("s3", config=_CONFIG.merge(more) if more else _CONFIG)
        except (BotoCoreError, ValueError) as error:
            raise Refuse(
                Code.SETTINGS_INVALID,
                f"AWS's library does not take its settings ({type(error).__name__}): check AWS_ENDPOINT_URL_S3, AWS_PROFILE, "
                "AWS_REGION and AWS_REQUEST_CHECKSUM_CALCULATION.",
            ) from None

    def _refresh(self, client: Any) -> None:
        """Replace this client by one with the credentials of now, unless another thread has done so."""
        with self._lock:
            if self._client is client:
                self._client = self._made()

    def _lacking(self, name: str, data: bytes) -> EntrakeepError | None:
        """Return what the store lacks, found by leaving out one thing after the other; None if that is not it."""
        probe, plain = name + _PROBE, self._made(_NO_CHECKSUMS)
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
        return Refuse(
            Code.STORE_UNSUITABLE,
            f"The store of the bucket {self._bucket} lacks {what}. Set {setting} to do without (docs/stores.md says what "
            "that costs), or use another store.",
        )


class _Expected(Exception):
    """The answer has the code that the caller knows what to do about."""


_CHECKSUMS = "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
_CONDITIONAL = "ENTRAKEEP_STORE_CONDITIONAL_WRITES=off"


def _takes(call: Callable[[], object]) -> bool:
    try:
        call()
    except ERRORS as error:
        return code_of(error) == _TAKEN
    return True


def _behind(endpoint: str) -> str:
    """Return how people tell this endpoint from AWS's own, without a password."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return ""
    return f" at {parts.scheme}://{parts.netloc.rpartition('@')[2]}"
