"""Documents of the audit trail."""

import msgspec

from console.documents.times import Moment
from shared.domain.audit import Entry, Plain, event_of
from shared.domain.audit_chain import Verdict


class EventDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An event of an audit trail."""

    tenant: str
    """The tenant's name, or ``the installation``."""
    tenant_id: str
    """The tenant's id; all zeros for the installation."""
    number: int
    """The event's number in its trail, from 1."""
    at: Moment
    """When it occurred, by the database's clock."""
    actor: str
    """Who did it."""
    action: str
    """What was done. Newer versions add actions."""
    subject: dict[str, str]
    """Ids of the objects of the action, by kind of id."""
    detail: dict[str, Plain]
    """Ids, counts, codes and names that belong to the action."""
    previous: str
    """The hash of the previous event."""
    hash: str
    """The hash of the event: SHA-256, in hex."""


class HeadDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The last event of a trail that is intact."""

    number: int
    """The event's number."""
    at: Moment
    """When it occurred."""
    hash: str
    """Its hash."""


class FaultDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The first event of a trail that was changed, removed or inserted."""

    number: int
    """The event's number."""
    reason: str
    """What is wrong with it."""


class TrailVerification(msgspec.Struct, frozen=True, kw_only=True):
    """The result of verifying an audit trail."""

    tenant: str
    """The tenant's name, or ``the installation``."""
    events: int
    """Number of events that are intact."""
    heads: int
    """Number of heads in the store that they were compared with."""
    head: HeadDocument | None
    """The last event that is intact, null if there is none."""
    lost: list[tuple[int, int]]
    """First and last number of events that were lost when the catalog was rebuilt."""
    fault: FaultDocument | None
    """The first event that is not intact, null if all are."""


def event_document(entry: Entry, tenant: str) -> EventDocument:
    """Return the document of an audit event. Raise Refuse ``AUDIT_BROKEN`` if it cannot be read."""
    event = event_of(entry)
    return EventDocument(
        tenant=tenant,
        tenant_id=event.tenant_id,
        number=event.number,
        at=event.at,
        actor=event.actor,
        action=event.action,
        subject=event.subject,
        detail=event.detail,
        previous=event.previous,
        hash=entry.hash,
    )


def trail_verification(verdict: Verdict, tenant: str) -> TrailVerification:
    """Return the result of an audit verification."""
    head, fault = verdict.head, verdict.fault
    return TrailVerification(
        tenant=tenant,
        events=verdict.events,
        heads=verdict.heads,
        head=HeadDocument(number=head.number, at=head.at, hash=head.hash) if head else None,
        lost=verdict.lost,
        fault=FaultDocument(number=fault.number, reason=fault.reason) if fault else None,
    )
