"""BlobStore: sealed bytes by name. It never gets plaintext.

Methods block and may be called from several threads. All raise ``StoreTrouble`` (try again) and ``Refuse`` with
``STORE_FULL`` or ``STORE_FORBIDDEN``. Names use ``/`` as separator. The names that we write use only ``A-Za-z0-9-._/``.
``get``, ``delete`` and ``erase`` also take any other name that ``names`` returns, because people and tools leave files
of their own.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

FOR_EVER = datetime.max.replace(tzinfo=UTC)
"""The end of a lock that has none."""


class BlobStore(Protocol):
    """The blob store as the engine uses it."""

    def put(self, name: str, data: bytes) -> None:
        """Store ``data`` durably under ``name``. Idempotent for equal data.

        The write is atomic: readers get all of it or nothing.
        """

    def put_new(self, name: str, data: bytes) -> bool:
        """Store ``data`` under a new ``name``. Return False if the name exists.

        As ``put``, but it never overwrites. Atomic against other callers.
        """

    def get(self, name: str) -> bytes | None:
        """Return the bytes under ``name``, or None if it does not exist."""

    def delete(self, name: str) -> None:
        """Remove ``name``. Do nothing if it does not exist."""

    def erase(self, name: str) -> None:
        """Remove ``name`` with all versions that the store keeps. Do nothing if none exists."""

    def names(self, prefix: str, *, deleted: bool = False) -> Iterator[str]:
        """Yield all names that begin with ``prefix``, in order.

        With ``deleted``, include deleted names if the store still keeps versions of them.
        """

    def locked_until(self, name: str) -> datetime | None:
        """Return when the store's lock on ``name`` ends, or None if it was never locked.

        The time may be in the past. A legal hold gives ``FOR_EVER``. (Amazon S3 User Guide, "Locking objects with
        Object Lock".)
        """

    def folders(self, prefix: str) -> list[str]:
        """Return the path segments that follow ``prefix`` and have names below them, in order.

        ``prefix`` is empty or ends in ``/``.
        """


class RawStore(BlobStore, Protocol):
    """A store as an adapter creates it, before its mark was checked."""

    @property
    def place(self) -> str:
        """Return the place of the store as people name it, without any secret."""

    @property
    def near(self) -> bool:
        """Return True if reading a small blob costs almost nothing, as on a disk."""

    def prove(self, name: str, data: bytes) -> None:
        """Store ``data`` under ``name`` as ``put_new`` does, and prove that the store keeps the promises of ``put_new``.

        Raise Refuse ``STORE_UNSUITABLE`` with a sentence that names what the store lacks.
        """
