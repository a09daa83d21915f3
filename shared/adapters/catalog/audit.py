"""Append to the audit trail: each change's event, chained to the previous one, in the change's own transaction."""

import logging
from collections.abc import Mapping

from sqlalchemy import RowMapping

from shared.adapters.catalog.event_search import events_wanted
from shared.adapters.catalog.notice_queue import queue_notice
from shared.adapters.catalog.schema import audit_events, audit_heads, tenants
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy, add_if_absent
from shared.domain.audit import INSTALLATION, Action, Entry, Head, Plain, following, head_of
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Details, JobState, row_of
from shared.domain.notice_sources import of_audit, of_job_end
from shared.ports.catalog.audit import EventFilter, Position

log = logging.getLogger(__name__)

_HEAD_CHANGED = (
    "The audit trail of this tenant was changed in the database: its head is not that of its newest event. Find out who may "
    "write to the database; 'entrakeep audit verify' compares the trail with the store, and 'entrakeep catalog rebuild' lets "
    "it go on behind its newest event."
)
_INSTALLATION_NAME = "(installation)"
"""The name of the installation's chain. No tenant can have this name."""
_COUNTED = ("records", "snapshots", "blobs", "damaged", "removed", "operations", "impossible", "done", "failed")
"""Counts of a job's details that the event of its end contains."""


class SqlAudit:
    """``ports.catalog.audit.Audit`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def append(self, action: Action, subject: Mapping[str, str] | None = None, **detail: Plain) -> Head:
        """Append an event. Return the new head."""
        with self._tenancy.write() as rows:
            return append(rows, action, subject or {}, detail)

    def resume(self, head: Head | None) -> None:
        """Append the event of a rebuild after ``head``, the newest head in the store, or after SQL's newest event."""
        with self._tenancy.write() as rows:
            append_rebuilt(rows, {} if head is None else {"head": head.number, "head_hash": head.hash}, head)

    def entries(self, after: int = 0, limit: int = 1000) -> list[Entry]:
        """Return up to ``limit`` entries after the one numbered ``after``, in order."""
        with self._tenancy.read() as rows:
            query = rows.query(audit_events, audit_events.c.number > after).order_by(audit_events.c.number)
            return [_entry_of(row) for row in rows.all(query.limit(limit))]

    def recent(self, limit: int) -> list[Entry]:
        """Return the latest entries, the newest first."""
        with self._tenancy.read() as rows:
            query = rows.query(audit_events).order_by(audit_events.c.number.desc()).limit(limit)
            return [_entry_of(row) for row in rows.all(query)]

    def find(self, wanted: EventFilter) -> list[Entry]:
        """Return a page of entries that pass the filter, the newest first."""
        with self._tenancy.read() as rows:
            conditions = events_wanted(wanted, rows.connection.dialect.name)
            query = rows.query(audit_events, *conditions).order_by(audit_events.c.number.desc())
            return [_entry_of(row) for row in rows.all(query.limit(wanted.limit))]

    def head(self) -> Head | None:
        """Return the chain's head, or None if it has no events."""
        with self._tenancy.read() as rows:
            return _head_of(rows.one(audit_heads))

    def position(self) -> Position:
        """Return the stored head, the number of the newest event's row, and the number of the last event in the store."""
        with self._tenancy.read() as rows:
            row, next_number = rows.one(audit_heads), rows.number(audit_events)
        return Position(head=_head_of(row), newest=next_number - 1, anchored=0 if row is None else int(row["anchored"]))

    def note_anchored(self, number: int) -> None:
        """Record that the store has the trail up to this event."""
        with self._tenancy.write() as rows:
            rows.update(audit_heads, audit_heads.c.anchored < number, anchored=number)


def append(
    rows: Changes,
    action: Action,
    subject: Mapping[str, str | None],
    detail: Mapping[str, Plain] | None = None,
    *,
    called: str | None = None,
) -> Head:
    """Append an event, and queue its notice if it has one. Return the new head.

    ``called`` is the tenant's name, needed where its row may be removed already. Raises Refuse ``AUDIT_BROKEN`` if the
    trail's head is not that of its newest event: somebody has changed one of them directly in the database.

    Lock order: job rows first, the audit head last. Concurrent appends serialise and cannot deadlock.
    """
    name = called or _name(rows)
    queue_notice(rows, of_audit(action, rows.actor, subject, detail or {}))  # also if the trail is broken, see below
    before = _lock_head(rows, name)
    if before != _newest(rows):
        raise Refuse(Code.AUDIT_BROKEN, _HEAD_CHANGED)
    return _add(rows, name, before, action, subject, detail)


def append_rebuilt(rows: Changes, detail: Mapping[str, Plain], kept: Head | None) -> Head:
    """Append the event of a rebuild, after the newest event or after ``kept``, the newest head in the store.

    It also repairs a head that is not that of the newest event. Anchoring starts again from ``kept``.
    """
    name = _name(rows)
    _lock_head(rows, name)
    before = max(filter(None, (_newest(rows), kept)), key=lambda head: head.number, default=None)
    head = _add(rows, name, before, Action.CATALOG_REBUILT, {}, detail)
    rows.update(audit_heads, anchored=0 if kept is None else kept.number)
    return head


def append_if_sound(
    rows: Changes, action: Action, subject: Mapping[str, str | None], detail: Mapping[str, Plain] | None = None
) -> Refuse | None:
    """Append an event of a change that must happen even if somebody has changed the trail. Return the refusal, or None.

    The event's notice is queued in any case.
    """
    try:
        append(rows, action, subject, detail)
    except Refuse as broken:
        if broken.code is not Code.AUDIT_BROKEN:
            raise
        log.error("no event of %s was added: %s", action, broken, extra={"tenant": rows.tenant_id})
        return broken
    return None


def append_end(
    rows: Changes, job: RowMapping, state: JobState, code: Code | None, detail: Details | None
) -> Refuse | None:
    """Append the event of a job's end, for kinds that have one, and queue the notice of damage that the job found.

    Return the refusal if the trail is broken, or None.
    """
    kind = row_of(job["kind"])
    counts = {name: count for name, count in (detail.counts() if detail else {}).items() if name in _COUNTED}
    queue_notice(rows, of_job_end(job["kind"], job["job_id"], state, code, counts))
    if kind is not None and kind.ended is not None:
        subject = {"job": job["job_id"], "snapshot": job["snapshot"]}
        return append_if_sound(rows, kind.ended, subject, {"state": state, "code": code, **counts})
    if kind is not None and kind.removed is not None and counts.get("removed"):
        return append_if_sound(rows, kind.removed, {"job": job["job_id"]}, {"removed": counts["removed"]})
    return None


def _lock_head(rows: Changes, name: str) -> Head | None:
    """Lock and return the tenant's head. Insert an empty one first if there is none."""
    add_if_absent(rows.connection, audit_heads, tenant_id=rows.tenant_id, name=name, number=0, at="", hash="")
    return _head_of(rows.one(audit_heads, lock=True))


def _newest(rows: Rows) -> Head | None:
    """Return the head that the newest event makes, or None. Raises Refuse ``AUDIT_BROKEN`` if the row is not an event."""
    newest = rows.all(rows.query(audit_events).order_by(audit_events.c.number.desc()).limit(1))
    return head_of(_entry_of(newest[0])) if newest else None


def _add(
    rows: Changes,
    name: str,
    before: Head | None,
    action: Action,
    subject: Mapping[str, str | None],
    detail: Mapping[str, Plain] | None,
) -> Head:
    """Insert the event after ``before``, and store the new head."""
    entry, head = following(before, rows.tenant_id, rows.now, rows.actor, action, subject, detail or {})
    rows.insert(audit_events, number=entry.number, line=entry.line, hash=entry.hash)
    rows.update(audit_heads, name=name, number=head.number, at=head.at, hash=head.hash)
    return head


def _name(rows: Rows) -> str:
    """Return the tenant's name, or its former one. Raises Refuse ``NO_SUCH_TENANT`` if it never existed."""
    if rows.tenant_id == INSTALLATION:
        return _INSTALLATION_NAME
    for table in (tenants, audit_heads):
        row = rows.one(table)
        if row is not None:
            name: str = row["name"]
            return name
    raise Refuse(Code.NO_SUCH_TENANT, "This tenant was removed.")


def _head_of(row: RowMapping | None) -> Head | None:
    """Return the head in a row, or None if the chain has no events."""
    if row is None or not row["number"]:
        return None
    return Head(tenant_id=row["tenant_id"], number=row["number"], at=row["at"], hash=row["hash"])


def _entry_of(row: RowMapping) -> Entry:
    """Return the entry in a row. SQLite returns bytes if somebody stored bytes there."""
    line = row["line"] if isinstance(row["line"], str) else bytes(row["line"]).decode("utf-8", "backslashreplace")
    return Entry(number=row["number"], line=line, hash=str(row["hash"]))
