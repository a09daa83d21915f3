"""The audit trail: one chain of events for each tenant. Events are only appended.

Each change in the catalog appends its audit event in the same transaction. Its actor is the one to whom
the handle is bound (``Catalog.as_actor``).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.audit import Action, Entry, Head, Plain


class AuditedTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant that has an audit trail, or will have one."""

    tenant_id: str
    name: str
    removed: bool
    """True if the tenant was removed: the catalog has only its trail."""


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The events of a trail to list, newest first. A field of None chooses all."""

    action: str | None = None
    """Only events of this action."""
    family: str | None = None
    """Only events of actions that begin with this word and a dot: ``download`` for ``download.begun``."""
    actor: str | None = None
    """Only events of this actor."""
    job: str | None = None
    """Only events that name this job."""
    since: datetime | None = None
    """Only events at this time or later."""
    until: datetime | None = None
    """Only events before this time."""
    below: int | None = None
    """Only events with a lower number: that of the last event of the previous page."""
    limit: int = 50
    """The number of events at most."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a chain and of its heads in the store."""

    head: Head | None
    """The head stored beside the chain; None before the first event."""
    newest: int
    """The number of the newest event; 0 if there is none."""
    anchored: int
    """The number of the newest event whose hash was put into the store; 0 if there is none."""


class Audit(Protocol):
    """The audit trail of one tenant."""

    def append(self, action: Action, subject: Mapping[str, str] | None = None, **detail: Plain) -> Head:
        """Append an event about a change that is already stored, in SQL or elsewhere. Return the new head.

        ``subject`` maps kinds of ids (``job``, ``snapshot``) to ids. ``detail`` contains ids, counts, codes and names
        that an operator typed. Concurrent appends serialise: each event follows another. Raise Refuse
        ``NO_SUCH_TENANT`` if the tenant never existed, ``AUDIT_BROKEN`` if the trail's head does not match its newest
        event.
        """

    def resume(self, head: Head | None) -> None:
        """Append the event of a rebuild after the newest event, or after ``head``.

        ``head`` was stored elsewhere before SQL lost the events up to it. This also repairs a head that does not match
        the newest event.
        """

    def entries(self, after: int = 0, limit: int = 1000) -> list[Entry]:
        """Return the entries with a number above ``after``, in order, unchecked."""

    def recent(self, limit: int) -> list[Entry]:
        """Return the newest entries, newest first."""

    def find(self, wanted: EventFilter) -> list[Entry]:
        """Return a page of entries, newest first, unchecked. One query."""

    def head(self) -> Head | None:
        """Return the head of the chain, or None before the first event."""

    def position(self) -> Position:
        """Return the progress of the chain and of its heads in the store, both at the same moment."""

    def note_anchored(self, number: int) -> None:
        """Store that the blob store has the hash of this event, unless it is known to have that of a newer event."""
