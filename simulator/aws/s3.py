"""S3 behind the gate: the action and object of a request, and a lock for each object."""

import threading
from dataclasses import dataclass
from urllib.parse import parse_qs
from zlib import crc32

_OBJECT = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject", "POST": "PostObject"}
_BUCKET = {
    "GET": "ListObjects",
    "PUT": "CreateBucket",
    "DELETE": "DeleteBucket",
    "HEAD": "HeadBucket",
    "POST": "PostObject",
}
_MARKED = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "uploadId"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "uploadId"): "ListParts",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "versions"): "ListObjectVersions",
    ("POST", "delete"): "DeleteObjects",
}
_SUBRESOURCES = ("acl", "cors", "encryption", "lifecycle", "location", "policy", "tagging", "versioning")
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}


@dataclass(frozen=True)
class S3Call:
    """A path-style request. `key` is empty for a request to a bucket, and `bucket` as well for ListBuckets."""

    action: str
    bucket: str
    key: str


def s3_call(method: str, path: str, query: str, *, copies: bool) -> S3Call:
    """Return the action of a request as the S3 API reference names it, with its bucket and key.

    `copies` says whether the request has an x-amz-copy-source header.
    """
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket:
        return S3Call("ListBuckets", "", "")
    marks = parse_qs(query, keep_blank_values=True)
    for (verb, mark), action in _MARKED.items():
        if verb == method and mark in marks:
            return S3Call(action, bucket, key)
    for mark in _SUBRESOURCES:
        if mark in marks and method in _VERBS:
            noun = "Object" if key else "Bucket"
            return S3Call(f"{_VERBS[method]}{noun}{mark.capitalize()}", bucket, key)
    if key and method == "PUT" and copies:
        return S3Call("CopyObject", bucket, key)
    return S3Call((_OBJECT if key else _BUCKET).get(method, method), bucket, key)


class ObjectLocks:
    """Locks by object, which make the check of If-None-Match or If-Match and the write atomic."""

    def __init__(self) -> None:
        self._locks = [threading.Lock() for _ in range(64)]

    def lock(self, call: S3Call) -> threading.Lock:
        """Return the lock of the call's object. Several objects may share one lock."""
        return self._locks[crc32(f"{call.bucket}/{call.key}".encode()) % len(self._locks)]
