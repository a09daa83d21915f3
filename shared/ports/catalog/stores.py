"""The catalog's record of its blob store, identified by the id in the store's mark."""

from typing import Protocol

import msgspec


class KnownStore(msgspec.Struct, frozen=True, kw_only=True):
    """The store that belongs to the catalog."""

    store_id: str
    place: str
    """Where the store was seen last."""
    marked: bool
    """False if the id is only chosen, and no store has been seen with it yet."""


class Stores(Protocol):
    """The identity of the blob store."""

    def known_stores(self) -> KnownStore | None:
        """Return the catalog's store, or None if no id has been chosen yet."""

    def choose(self, store_id: str, place: str) -> KnownStore:
        """Choose the id of the store at ``place``. Return the chosen one: the first of concurrent callers chooses."""

    def record_mark(self, store_id: str, place: str) -> None:
        """Store that the store with this mark is at ``place``.

        This id replaces one that was only chosen. It never replaces the id of a store that was seen before.
        """

    def adopt(self, store_id: str, place: str) -> None:
        """Make the store with this mark the catalog's store, in place of any other. Each tenant's audit trail records it."""
