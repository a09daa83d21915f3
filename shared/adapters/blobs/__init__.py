"""Blob stores: an S3 bucket or a folder. They hold sealed bytes and never see what is in them."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.domain.errors import Code, Refuse
from shared.ports.blobs import BlobStore


def open_store(url: str, region: str | None = None) -> BlobStore:
    """The store at ``s3://bucket/prefix`` or ``file:///folder``; the bucket's ``region`` is found the AWS way if it is None.

    Raises Refuse ``SETTINGS_INVALID`` for other URLs.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        from shared.adapters.blobs.folder import FolderStore

        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        from shared.adapters.blobs.s3 import S3Store

        return S3Store(parts.netloc, parts.path.strip("/"), region)
    raise Refuse(Code.SETTINGS_INVALID, "The store must be s3://bucket/prefix or file:///folder.")
