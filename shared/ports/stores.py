"""The Catalog's memory of the blob store: which one belongs to it, by the id in the store's mark.

As in ``catalog``: one transaction a method, and the same errors.
"""

from typing import Protocol

import msgspec


class KnownStore(msgspec.Struct, frozen=True, kw_only=True):
    """The store that belongs to the catalog. ``place`` is where it was seen last."""

    store_id: str
    place: str
    marked: bool
    """False: the id is chosen, and no store has been seen with it yet."""


class Stores(Protocol):
    def known(self) -> KnownStore | None:
        """Return the catalog's store, or None if no id has been chosen yet."""
        ...

    def choose(self, store_id: str, place: str) -> KnownStore:
        """Choose the id of the store at ``place``. Return the one that counts: of several callers the first one chooses."""
        ...

    def seen(self, store_id: str, place: str) -> None:
        """Note that the store with this mark is at ``place``. An id that was only chosen gives way to this one; a store that
        was seen before never gives way to another one."""
        ...

    def adopt(self, store_id: str, place: str) -> None:
        """Make the store with this mark the catalog's, whatever was known before. Each tenant's audit trail tells of it."""
        ...
