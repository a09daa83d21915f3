"""An S3 bucket as a blob store (Amazon S3 API Reference: PutObject, GetObject, DeleteObject, ListObjectsV2,
ListObjectVersions)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from shared import aws
from shared.domain.errors import Code, EntrakeepError, Refuse, StoreTrouble
from shared.ports.blobs import FOR_EVER

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    tcp_keepalive=True,
    max_pool_connections=20,
    retries={"mode": "standard", "total_max_attempts": 4},
)
_TRANSIENT = {
    "SlowDown",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "Throttling",
    "ThrottlingException",
    "InternalError",
    "ConditionalRequestConflict",  # somebody else is writing this name just now
}
_FULL = frozenset({"QuotaExceeded", "InsufficientCapacity"})
_TAKEN = "PreconditionFailed"

_Error = ClientError | BotoCoreError | RecursionError
_ERRORS = (ClientError, BotoCoreError, RecursionError)
"""RecursionError: botocore follows a bucket that redirects to itself, as a gateway on the way may, for ever."""


class S3Store:
    """Blobs in ``bucket`` below ``prefix``. Clients are thread-safe; credentials come the AWS way, and the Region if it is
    None."""

    def __init__(self, bucket: str, prefix: str, region: str | None) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = aws.session(region).client("s3", config=_CONFIG)

    def put(self, name: str, data: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data)
        except _ERRORS as error:
            raise self._meaning(error) from None

    def put_new(self, name: str, data: bytes) -> bool:
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data, IfNoneMatch="*")
        except _ERRORS as error:
            if _code(error) == _TAKEN:
                return False
            raise self._meaning(error) from None
        return True

    def get(self, name: str) -> bytes | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            return answer["Body"].read()
        except _ERRORS as error:
            if _code(error) == "NoSuchKey":
                return None
            raise self._meaning(error) from None

    def delete(self, name: str) -> None:
        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)
        except _ERRORS as error:
            raise self._meaning(error) from None

    def erase(self, name: str) -> None:
        key = self._prefix + name
        for version in list(self._versions(name)):
            if version["Key"] == key:
                try:
                    self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=version["VersionId"])
                except _ERRORS as error:
                    raise self._meaning(error) from None

    def locked_until(self, name: str) -> datetime | None:
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)
        except _ERRORS as error:
            if _code(error) == "404":
                return None
            raise self._meaning(error) from None
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

    def _listed(self, prefix: str, delimiter: str = "") -> Iterator[Any]:
        pages = self._client.get_paginator("list_objects_v2")
        try:
            yield from pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix, Delimiter=delimiter)
        except _ERRORS as error:
            raise self._meaning(error) from None

    def _versions(self, prefix: str) -> Iterator[Any]:
        """Versions and delete markers; of a bucket that keeps no versions its objects, each as its only version."""
        pages = self._client.get_paginator("list_object_versions")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                yield from (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        except _ERRORS as error:
            raise self._meaning(error) from None

    def _meaning(self, error: _Error) -> EntrakeepError:
        if isinstance(error, NoCredentialsError | PartialCredentialsError):
            return Refuse(Code.STORE_FORBIDDEN, f"There are no AWS credentials for the bucket {self._bucket}.")
        if not isinstance(error, ClientError):
            return StoreTrouble(f"The bucket {self._bucket} does not answer ({type(error).__name__}).")
        code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _FULL:
            return Refuse(Code.STORE_FULL, f"The bucket {self._bucket} takes nothing more ({code}).")
        if code in _TRANSIENT or status >= 500:
            return StoreTrouble(f"The bucket {self._bucket} is in trouble ({code}).")
        if code == "NoSuchBucket":
            return Refuse(Code.STORE_FORBIDDEN, f"There is no bucket {self._bucket}; make it, or set another store.")
        return Refuse(
            Code.STORE_FORBIDDEN, f"The bucket {self._bucket} refuses us ({code}); check its policy and ours."
        )


def _code(error: _Error) -> str:
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
