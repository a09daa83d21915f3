"""The audit trail: who did what to a tenant and when, as a chain of events that reveals any change.

Each event is a line of canonical JSON that contains the hash of the previous event. Its own hash is the SHA-256 of that
line. A head, the newest event's number and hash, is stored elsewhere. With it, a chain that was cut off at the end, or
rewritten as a whole, is detected. docs/audit.md describes the bytes.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from shared.domain.errors import Code, Refuse

FORMAT = "entrakeep/1"
NOTHING_BEFORE = "0" * 64
"""The value of ``previous`` in the first event."""
INSTALLATION = str(uuid.UUID(int=0))
"""The id of the installation's own chain, in place of a tenant's id. No tenant has it."""
SCHEDULE = "schedule"
"""The actor of scheduled actions."""
_LONGEST = 256
"""The largest number of characters of a text in an event."""
_MOST = 2**53 - 1
"""The largest number that every JSON reader reads without loss."""

Plain = str | int | bool | None


class Action(StrEnum):
    """The action that an event records: a closed list. Values are added, never reused."""

    TENANT_ADDED = "tenant.added"
    TENANT_REMOVED = "tenant.removed"
    TENANT_SHREDDED = "tenant.shredded"
    DIRECTORY_ADDED_AGAIN = "directory.added-again"
    CREDENTIAL_UPDATED = "credential.updated"
    CHOICE_CHANGED = "choice.changed"
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
    COMPARE_BEGUN = "compare.begun"
    COMPARE_ENDED = "compare.ended"
    VERIFY_ASKED = "verify.asked"
    VERIFY_ENDED = "verify.ended"
    KEY_REFUSED = "key.refused"
    KEY_ANSWERED = "key.answered"
    KEY_ALLOWED = "key.allowed"
    KEY_DISALLOWED = "key.disallowed"
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
    RESTORE_IDENTITY_UPDATED = "restore-identity.updated"
    PLAN_ASKED = "plan.asked"
    PLAN_ENDED = "plan.ended"
    PLAN_WITHDRAWN = "plan.withdrawn"
    RESTORE_ASKED = "restore.asked"
    RESTORE_ENDED = "restore.ended"
    RESTORE_REFUSED = "restore.refused"
    UNDO_ASKED = "undo.asked"
    PASSWORDS_HANDED_OUT = "passwords.handed-out"
    SWEEP_REMOVED = "sweep.removed"
    PERSON_ADDED = "person.added"
    PERSON_INVITED = "person.invited"
    PERSON_RESET = "person.reset"
    PERSON_REMOVED = "person.removed"
    WAY_ADDED = "way.added"
    WAY_REMOVED = "way.removed"
    CODES_MADE = "codes.made"
    GRANT_GIVEN = "grant.given"
    GRANT_TAKEN = "grant.taken"
    SIGN_IN_BEGUN = "sign-in.begun"
    SIGN_IN_ENDED = "sign-in.ended"
    SIGN_IN_SLOWED = "sign-in.slowed"
    BREAK_GLASS_USED = "break-glass.used"
    TOKEN_MADE = "token.made"  # noqa: S105 - an action, not a secret
    TOKEN_ENDED = "token.ended"  # noqa: S105 - an action, not a secret
    NOTICE_TARGET_ADDED = "notice-target.added"
    NOTICE_TARGET_REMOVED = "notice-target.removed"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is stored."""

    number: int
    line: str
    """The event as canonical JSON, which is hashed."""
    hash: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A decoded entry."""

    tenant_id: str
    number: int
    at: str
    """RFC 3339, in UTC, by the database's clock."""
    actor: str
    action: str
    """The action's name. It may be one that only a newer version knows."""
    subject: dict[str, str]
    """Ids of the objects of the action, by kind of id: ``job``, ``snapshot``."""
    detail: dict[str, Plain]
    """Ids, counts, codes, and names that an operator typed. It contains nothing from a directory."""
    previous: str
    """The hash of the previous event."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The number, time and hash of a chain's newest event."""

    tenant_id: str
    number: int
    at: str
    hash: str


def canonical(value: Mapping[str, object]) -> str:
    """Return JSON as RFC 8785 defines it.

    ``value`` may contain texts without control characters, whole numbers, booleans and nulls.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_of(line: str) -> str:
    """Return the hash of an event's line, in hex."""
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def following(
    head: Head | None,
    tenant_id: str,
    time: datetime,
    actor: str,
    action: Action,
    subject: Mapping[str, str | None],
    detail: Mapping[str, Plain],
) -> tuple[Entry, Head]:
    """Return the entry that follows ``head``, and the new head. For a ``head`` of None it is the first entry.

    Subjects that are None are omitted. Raise ValueError for a number that some JSON readers would read with loss.
    """
    event = Event(
        tenant_id=tenant_id,
        number=1 if head is None else head.number + 1,
        at=f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z",
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
    """Return the head of a chain that ends with this entry. Raise Refuse ``AUDIT_BROKEN`` if it is not an event."""
    event = event_of(entry)
    return Head(tenant_id=event.tenant_id, number=event.number, at=event.at, hash=entry.hash)


def encode_head(head: Head) -> bytes:
    """Return the head as it is stored in the bucket."""
    return canonical({"format": FORMAT, **msgspec.structs.asdict(head)}).encode()


def event_of(entry: Entry) -> Event:
    """Return the event in its entry. Raise Refuse ``AUDIT_BROKEN`` if it is not an event."""
    try:
        return msgspec.json.decode(entry.line, type=Event)
    except (msgspec.DecodeError, UnicodeError):
        raise Refuse(
            Code.AUDIT_BROKEN, f"The audit trail was changed: event {entry.number:,} cannot be read."
        ) from None


def exported(entry: Entry) -> str:
    """Return the event with its hash, as one line of canonical JSON.

    Raise Refuse ``AUDIT_BROKEN`` if the entry is not an event.
    """
    event_of(entry)
    return canonical({**json.loads(entry.line), "hash": entry.hash})


def _plain(value: Plain) -> Plain:
    """Return the value as it may be stored in an event. Raise ValueError for a number that is too large."""
    if isinstance(value, str):
        return _text(value)
    if value is not None and not -_MOST <= value <= _MOST:
        raise ValueError("a number in an event is below 2^53")
    return value


def _text(value: str) -> str:
    """Return the text shortened, with ``?`` for characters that terminals or other JSON readers may interpret."""
    return "".join(c if c.isprintable() else "?" for c in value[:_LONGEST])
