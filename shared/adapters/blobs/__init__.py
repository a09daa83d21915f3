"""Open blob stores: an S3 bucket or a folder. They contain sealed bytes only."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.domain.errors import Code, Refuse
from shared.ports.blobs import RawStore


def open_store(url: str, region: str | None = None, *, conditional: bool = True) -> RawStore:
    """Return the store at ``s3://bucket/prefix`` or ``file:///folder``.

    - ``region`` is the bucket's; None leaves the choice to AWS's library.
    - ``conditional`` False avoids conditional writes.

    Raises Refuse ``SETTINGS_INVALID`` for other URLs.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        from shared.adapters.blobs.folder import FolderStore

        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        from shared.adapters.blobs.s3 import S3Store

        return S3Store(parts.netloc, parts.path.strip("/"), region, conditional=conditional)
    raise Refuse(Code.SETTINGS_INVALID, "The store must be s3://bucket/prefix or file:///folder.")
