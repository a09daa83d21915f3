"""The audit trail: who did what to a tenant and when, as a chain of events in which any change shows.

Each event is a line of canonical JSON that holds the hash of the one before; its own hash is the SHA-256 of that line. A
head, the newest event's number and hash, is kept elsewhere: with it, not even the end of a chain can be cut off or the whole
of it written anew. docs/audit.md has it to the byte.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.model import JobKind

FORMAT = "entrakeep/1"
NOTHING_BEFORE = "0" * 64
"""What stands for the hash of the event before the first."""
INSTALLATION = str(uuid.UUID(int=0))
"""The id of the installation's own chain, in the place of a tenant's id: no tenant has it."""
SCHEDULE = "schedule"
"""The actor of what happens because its time has come."""
_LONGEST = 256
"""Characters of a text in an event."""
_MOST = 2**53 - 1
"""The largest number that every reader of JSON takes for the same."""

Plain = str | int | bool | None


class Action(StrEnum):
    """What an event tells of: a closed list. Added to, never reused."""

    TENANT_ADDED = "tenant.added"
    TENANT_REMOVED = "tenant.removed"
    TENANT_SHREDDED = "tenant.shredded"
    DIRECTORY_ADDED_AGAIN = "directory.added-again"
    CREDENTIAL_UPDATED = "credential.updated"
    SCHEDULE_SET = "schedule.set"
    SCHEDULE_PAUSED = "schedule.paused"
    SCHEDULE_RESUMED = "schedule.resumed"
    BACKUP_ASKED = "backup.asked"
    JOB_CANCELLED = "job.cancelled"
    JOB_RETRIED = "job.retried"
    DOWNLOAD_BEGUN = "download.begun"
    DOWNLOAD_ENDED = "download.ended"
    BROWSE_BEGUN = "browse.begun"
    BROWSE_ENDED = "browse.ended"
    VERIFY_ASKED = "verify.asked"
    VERIFY_ENDED = "verify.ended"
    KEY_REFUSED = "key.refused"
    KEY_ANSWERED = "key.answered"
    KEY_ALLOWED = "key.allowed"
    KEY_TERMS_ACCEPTED = "key.terms-accepted"
    KEY_ENABLE_ASKED = "key.enable-asked"
    KEY_ENABLE_ENDED = "key.enable-ended"
    KEY_UPDATE_ASKED = "key.update-asked"
    KEY_UPDATE_ENDED = "key.update-ended"
    KEY_SWITCHED = "key.switched"
    KEY_TRUSTED = "key.trusted"
    KEY_UNTRUSTED = "key.untrusted"
    CATALOG_REBUILT = "catalog.rebuilt"
    STORE_ADOPTED = "store.adopted"
    SWEEP_REMOVED = "sweep.removed"


ASKED = {
    JobKind.BACKUP: Action.BACKUP_ASKED,
    JobKind.VERIFY: Action.VERIFY_ASKED,
    JobKind.KEY_ENABLE: Action.KEY_ENABLE_ASKED,
    JobKind.KEY_UPDATE: Action.KEY_UPDATE_ASKED,
}
"""What it is to ask for a job by hand."""
BEGUN = {JobKind.DOWNLOAD: Action.DOWNLOAD_BEGUN, JobKind.BROWSE: Action.BROWSE_BEGUN}
ENDED = {
    JobKind.DOWNLOAD: Action.DOWNLOAD_ENDED,
    JobKind.BROWSE: Action.BROWSE_ENDED,
    JobKind.VERIFY: Action.VERIFY_ENDED,
    JobKind.KEY_ENABLE: Action.KEY_ENABLE_ENDED,
    JobKind.KEY_UPDATE: Action.KEY_UPDATE_ENDED,
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is kept: ``line`` is what is hashed."""

    number: int
    line: str
    hash: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An entry, read. ``action`` may be one that only a newer version knows."""

    tenant_id: str
    number: int
    at: str
    """RFC 3339, in UTC, by the database's clock."""
    actor: str
    action: str
    subject: dict[str, str]
    """Ids of what it is about, by what they are ids of: ``job``, ``snapshot``."""
    detail: dict[str, Plain]
    """Ids, counts, codes, and names that an operator typed; nothing from a directory."""
    previous: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """How far a chain has come: the number, time and hash of its newest event."""

    tenant_id: str
    number: int
    at: str
    hash: str


def canonical(value: Mapping[str, object]) -> str:
    """JSON as RFC 8785 has it, of texts without control characters, whole numbers, booleans and nulls."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_of(line: str) -> str:
    """The hash of an event's line."""
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def following(
    head: Head | None,
    tenant_id: str,
    at: datetime,
    actor: str,
    action: Action,
    subject: Mapping[str, str | None],
    detail: Mapping[str, Plain],
) -> tuple[Entry, Head]:
    """The entry that follows ``head`` (None: the first one), and the head that it becomes. Subjects that are None are left
    out. Raises ValueError for a number that not every reader would take for the same."""
    event = Event(
        tenant_id=tenant_id,
        number=1 if head is None else head.number + 1,
        at=f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z",
        actor=_text(actor),
        action=action.value,
        subject={name: _text(each) for name, each in subject.items() if each is not None},
        detail={name: _plain(each) for name, each in detail.items()},
        previous=NOTHING_BEFORE if head is None else head.hash,
    )
    line = canonical({"format": FORMAT, **msgspec.structs.asdict(event)})
    entry = Entry(number=event.number, line=line, hash=hash_of(line))
    return entry, head_of(entry)


def head_of(entry: Entry) -> Head:
    """The head of a chain that ends with this entry. Raises Refuse ``AUDIT_BROKEN`` if it is no event."""
    event = event_of(entry)
    return Head(tenant_id=event.tenant_id, number=event.number, at=event.at, hash=entry.hash)


def encode_head(head: Head) -> bytes:
    """A head as it lies in the bucket."""
    return canonical({"format": FORMAT, **msgspec.structs.asdict(head)}).encode()


def event_of(entry: Entry) -> Event:
    """The event in its entry. Raises Refuse ``AUDIT_BROKEN`` if it is none."""
    try:
        return msgspec.json.decode(entry.line, type=Event)
    except (msgspec.DecodeError, UnicodeError):
        raise Refuse(
            Code.AUDIT_BROKEN, f"The audit trail was changed: event {entry.number:,} cannot be read any more."
        ) from None


def exported(entry: Entry) -> str:
    """The event with its hash, as one line of canonical JSON. Raises Refuse ``AUDIT_BROKEN`` if it is none."""
    event_of(entry)
    return canonical({**json.loads(entry.line), "hash": entry.hash})


def _plain(value: Plain) -> Plain:
    if isinstance(value, str):
        return _text(value)
    if value is not None and not -_MOST <= value <= _MOST:
        raise ValueError("a number in an event is below 2^53")
    return value


def _text(value: str) -> str:
    """Without what a terminal, or another reader of JSON, may take for something else."""
    return "".join(c if c.isprintable() else "?" for c in value[:_LONGEST])
