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


class Audit(Protocol):
    def append(self, action: Action, subject: Mapping[str, str] | None = None, **detail: Plain) -> Head:
        """Adds an event about what stands in SQL already, or elsewhere: ``subject`` by what the ids are ids of (``job``,
        ``snapshot``), ``detail`` of ids, counts, codes and names that an operator typed. However many do so at once, each
        event follows another. Raises Refuse ``NO_SUCH_TENANT`` if there never was such a tenant."""
        ...

    def resume(self, head: Head) -> None:
        """Append the event of a rebuild behind ``head``, which was stored elsewhere before SQL lost the events up to it."""
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
