"""The Catalog's side of the audit trail: one chain of events a tenant, which are added and never changed or removed.

What the catalog does itself it tells of in the same transaction. As in ``catalog``: one transaction a method, one tenant a
handle, and the same errors. Who did it is the actor whom the handle is bound to (``Catalog.by``).
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from shared.domain.audit import Action, Entry, Head, Plain


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant of whom there is an audit trail, or will be. ``removed``: the trail is all that the catalog has of it."""

    tenant_id: str
    name: str
    removed: bool


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """``head`` is the one beside the chain, ``newest`` the number of the newest event, ``anchored`` that of the newest event
    whose hash was put into the store; 0 where there is none."""

    head: Head | None
    newest: int
    anchored: int


class Audit(Protocol):
    def append(self, action: Action, subject: Mapping[str, str] | None = None, **detail: Plain) -> Head:
        """Adds an event about what stands in SQL already, or elsewhere: ``subject`` by what the ids are ids of (``job``,
        ``snapshot``), ``detail`` of ids, counts, codes and names that an operator typed. However many do so at once, each
        event follows another. Raises Refuse ``NO_SUCH_TENANT`` if there never was such a tenant, and ``AUDIT_BROKEN`` if
        the head of the trail is not that of its newest event."""
        ...

    def resume(self, head: Head | None) -> None:
        """Append the event of a rebuild behind the newest event, or behind ``head``, which was stored elsewhere before SQL
        lost the events up to it. That also repairs a head that is not that of the newest event."""
        ...

    def entries(self, after: int = 0, limit: int = 1000) -> list[Entry]:
        """Those with a number above ``after``, in order, as they stand: nothing is checked."""
        ...

    def recent(self, limit: int) -> list[Entry]:
        """Newest first."""
        ...

    def head(self) -> Head | None:
        """How far the chain has come; None before the first event."""
        ...

    def position(self) -> Position:
        """Return how far the chain has come, and how far it was anchored, at one moment."""
        ...

    def note_anchored(self, number: int) -> None:
        """Remember that the hash of this event is in the store, unless that of a newer one is."""
        ...
