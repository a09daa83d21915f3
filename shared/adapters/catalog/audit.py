"""The audit trail: events that are added, each behind the one before, in the transaction of what they tell of."""

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from shared.adapters.catalog.schema import audit_events, audit_heads, tenants
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy, add_if_absent
from shared.domain.audit import ENDED, INSTALLATION, Action, Entry, Head, Plain, following, head_of
from shared.domain.errors import Code, Refuse
from shared.domain.model import JobKind, JobState
from shared.ports.audit import Position

log = logging.getLogger(__name__)

_HEAD_CHANGED = (
    "The audit trail of this tenant was changed in the database: its head is not that of its newest event. Find out who may "
    "write to the database; 'entrakeep audit verify' compares the trail with the store, and 'entrakeep catalog rebuild' lets "
    "it go on behind its newest event."
)
_INSTALLATION_NAME = "(installation)"
"""What the installation's chain is called. No tenant can have this name."""
_COUNTED = ("records", "snapshots", "blobs", "damaged", "removed")
"""What the end of a job tells of its detail."""


class SqlAudit:
    """``ports.audit.Audit`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def append(self, action: Action, subject: Mapping[str, str] | None = None, **detail: Plain) -> Head:
        with self._tenancy.write() as rows:
            return append(rows, action, subject or {}, detail)

    def resume(self, head: Head | None) -> None:
        with self._tenancy.write() as rows:
            append_rebuilt(rows, {} if head is None else {"head": head.number, "head_hash": head.hash}, head)

    def entries(self, after: int = 0, limit: int = 1000) -> list[Entry]:
        with self._tenancy.read() as rows:
            query = rows.query(audit_events, audit_events.c.number > after).order_by(audit_events.c.number)
            return [_entry_of(row) for row in rows.all(query.limit(limit))]

    def recent(self, limit: int) -> list[Entry]:
        with self._tenancy.read() as rows:
            query = rows.query(audit_events).order_by(audit_events.c.number.desc()).limit(limit)
            return [_entry_of(row) for row in rows.all(query)]

    def head(self) -> Head | None:
        with self._tenancy.read() as rows:
            return _head_of(rows.one(audit_heads))

    def position(self) -> Position:
        with self._tenancy.read() as rows:
            row, next_number = rows.one(audit_heads), rows.number(audit_events)
        return Position(head=_head_of(row), newest=next_number - 1, anchored=0 if row is None else int(row["anchored"]))

    def note_anchored(self, number: int) -> None:
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
    """Add an event, and return the head that it makes. Raises Refuse ``AUDIT_BROKEN`` if the trail's head is not that of its
    newest event: somebody has changed either behind the catalog's back.

    ``called`` is the tenant's name, where its row may be gone. Lock order: whatever hangs on jobs first, the tenant's head
    last. So concurrent appends serialise and cannot deadlock.
    """
    name = called or _name(rows)
    before = _locked_head(rows, name)
    if before != _newest(rows):
        raise Refuse(Code.AUDIT_BROKEN, _HEAD_CHANGED)
    return _added(rows, name, before, action, subject, detail)


def append_rebuilt(rows: Changes, detail: Mapping[str, Plain], kept: Head | None) -> Head:
    """Add the event of a rebuild, behind the newest event or behind ``kept``, the newest head in the store.

    It also repairs a head that is not that of the newest event. The trail is anchored anew from ``kept``.
    """
    name = _name(rows)
    _locked_head(rows, name)
    before = max(filter(None, (_newest(rows), kept)), key=lambda head: head.number, default=None)
    head = _added(rows, name, before, Action.CATALOG_REBUILT, {}, detail)
    rows.update(audit_heads, anchored=0 if kept is None else kept.number)
    return head


def append_if_sound(
    rows: Changes, action: Action, subject: Mapping[str, str | None], detail: Mapping[str, Plain] | None = None
) -> Refuse | None:
    """Add an event of what must happen even if somebody has changed the trail. Return what is wrong with it, if anything."""
    try:
        append(rows, action, subject, detail)
    except Refuse as broken:
        if broken.code is not Code.AUDIT_BROKEN:
            raise
        log.error("no event of %s was added: %s", action, broken, extra={"tenant": rows.tenant_id})
        return broken
    return None


def append_end(rows: Changes, job: RowMapping, state: JobState, code: Code | None, detail: Any) -> Refuse | None:
    """Add the event of a job's end, if its kind has one. Return what is wrong with the trail, if anything."""
    given: dict[str, Any] = detail if isinstance(detail, dict) else {}
    counts = {name: given[name] for name in _COUNTED if name in given}
    counts = {name: len(value) if isinstance(value, list) else int(value) for name, value in counts.items()}
    if job["kind"] in ENDED:
        subject = {"job": job["job_id"], "snapshot": job["snapshot"]}
        return append_if_sound(rows, ENDED[job["kind"]], subject, {"state": state, "code": code, **counts})
    if job["kind"] == JobKind.PRUNE and counts.get("removed"):
        return append_if_sound(rows, Action.SWEEP_REMOVED, {"job": job["job_id"]}, {"removed": counts["removed"]})
    return None


def _locked_head(rows: Changes, name: str) -> Head | None:
    add_if_absent(rows.connection, audit_heads, tenant_id=rows.tenant_id, name=name, number=0, at="", hash="")
    return _head_of(rows.one(audit_heads, lock=True))


def _newest(rows: Rows) -> Head | None:
    """Return the head that the newest event makes. Raises Refuse ``AUDIT_BROKEN`` if it is no event."""
    newest = rows.all(rows.query(audit_events).order_by(audit_events.c.number.desc()).limit(1))
    return head_of(_entry_of(newest[0])) if newest else None


def _added(
    rows: Changes,
    name: str,
    before: Head | None,
    action: Action,
    subject: Mapping[str, str | None],
    detail: Mapping[str, Plain] | None,
) -> Head:
    entry, head = following(before, rows.tenant_id, rows.now, rows.actor, action, subject, detail or {})
    rows.insert(audit_events, number=entry.number, line=entry.line, hash=entry.hash)
    rows.update(audit_heads, name=name, number=head.number, at=head.at, hash=head.hash)
    return head


def _name(rows: Rows) -> str:
    """What the tenant is called, or was. Raises Refuse ``NO_SUCH_TENANT`` if there never was one."""
    if rows.tenant_id == INSTALLATION:
        return _INSTALLATION_NAME
    for table in (tenants, audit_heads):
        row = rows.one(table)
        if row is not None:
            name: str = row["name"]
            return name
    raise Refuse(Code.NO_SUCH_TENANT, "This tenant was removed.")


def _head_of(row: RowMapping | None) -> Head | None:
    if row is None or not row["number"]:
        return None
    return Head(tenant_id=row["tenant_id"], number=row["number"], at=row["at"], hash=row["hash"])


def _entry_of(row: RowMapping) -> Entry:
    """SQLite would give bytes where somebody put them."""
    line = row["line"] if isinstance(row["line"], str) else bytes(row["line"]).decode("utf-8", "backslashreplace")
    return Entry(number=row["number"], line=line, hash=str(row["hash"]))
