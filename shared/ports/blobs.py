"""BlobStore: sealed bytes by name. It never sees plaintext.

Methods block and may be called from several threads. All raise ``StoreTrouble`` (try again) and ``Refuse`` with
``STORE_FULL`` or ``STORE_FORBIDDEN``. Names use ``/`` as separator and, where we write them, only ``A-Za-z0-9-._/``. ``get``,
``delete`` and ``erase`` also take any other name that ``names`` gives: people and tools leave files of their own.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

FOR_EVER = datetime.max.replace(tzinfo=UTC)
"""Of a lock without an end."""


class BlobStore(Protocol):
    def put(self, name: str, data: bytes) -> None:
        """Store ``data`` durably under ``name``. Atomic: readers see all of it or nothing. Idempotent for equal data."""
        ...

    def put_new(self, name: str, data: bytes) -> bool:
        """As ``put``, but never overwrites: False if the name is taken already. Atomic against other callers."""
        ...

    def get(self, name: str) -> bytes | None:
        """The bytes under ``name``, or None if there are none."""
        ...

    def delete(self, name: str) -> None:
        """Remove ``name``. No error if it is not there."""
        ...

    def erase(self, name: str) -> None:
        """Remove ``name`` with all versions of it that the store keeps. No error if there is none."""
        ...

    def names(self, prefix: str, *, deleted: bool = False) -> Iterator[str]:
        """All names that begin with ``prefix``, in order; with ``deleted`` those too of which only versions are left that the
        store keeps after they were removed."""
        ...

    def locked_until(self, name: str) -> datetime | None:
        """Until when the store keeps ``name`` against deletion, which may be over: ``FOR_EVER`` under a legal hold, None if
        it never did.
        (Amazon S3 User Guide, "Locking objects with Object Lock".)"""
        ...

    def folders(self, prefix: str) -> list[str]:
        """The segments that follow ``prefix`` (empty, or ending in ``/``) in names that go on below them, in order."""
        ...


class RawStore(BlobStore, Protocol):
    """A store as an adapter makes it: whether it is the right one is not known yet."""

    @property
    def place(self) -> str:
        """Where the store is, as people name it, without any secret."""
        ...

    @property
    def near(self) -> bool:
        """Whether reading a small blob costs next to nothing, as on a disk."""
        ...

    def prove(self, name: str, data: bytes) -> None:
        """Store ``data`` under ``name`` as ``put_new`` does, and prove that the store does what ``put_new`` promises.

        Raises Refuse ``STORE_UNSUITABLE`` with a sentence that names what the store lacks.
        """
        ...
