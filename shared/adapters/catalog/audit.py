"""The audit trail: events that are added, each behind the one before, in the transaction of what they tell of."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from shared.adapters.catalog.schema import audit_events, audit_heads, tenants
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy, add_if_absent
from shared.domain.audit import ENDED, INSTALLATION, Action, Entry, Head, Plain, following
from shared.domain.errors import Code, Refuse
from shared.domain.model import JobKind, JobState

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

    def resume(self, head: Head) -> None:
        with self._tenancy.write() as rows:
            detail: dict[str, Plain] = {"head": head.number, "head_hash": head.hash}
            append(rows, Action.CATALOG_REBUILT, {}, detail, behind=head)

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


def append(
    rows: Changes,
    action: Action,
    subject: Mapping[str, str | None],
    detail: Mapping[str, Plain] | None = None,
    *,
    called: str | None = None,
    behind: Head | None = None,
) -> Head:
    """Adds an event, and returns the head that it makes.

    ``called`` is the tenant's name, where its row may be gone. ``behind`` is a head that the chain had before SQL lost it;
    one that SQL has come as far as counts no more. Whoever adds locks the tenant's head, and after that nothing else but
    what hangs on jobs that it holds: so two who add wait for each other, and never in a circle.
    """
    name = called or _name(rows)
    add_if_absent(rows.connection, audit_heads, tenant_id=rows.tenant_id, name=name, number=0, at="", hash="")
    before = _head_of(rows.one(audit_heads, lock=True))
    if behind is not None and (before is None or before.number < behind.number):
        before = behind
    entry, head = following(before, rows.tenant_id, rows.now, rows.actor, action, subject, detail or {})
    rows.insert(audit_events, number=entry.number, line=entry.line, hash=entry.hash)
    rows.update(audit_heads, name=name, number=head.number, at=head.at, hash=head.hash)
    return head


def append_end(rows: Changes, job: RowMapping, state: JobState, code: Code | None, detail: Any) -> None:
    """Tells of the end of a job whose end is told of."""
    told: dict[str, Any] = detail if isinstance(detail, dict) else {}
    counts = {name: told[name] for name in _COUNTED if name in told}
    counts = {name: len(value) if isinstance(value, list) else int(value) for name, value in counts.items()}
    if job["kind"] in ENDED:
        subject = {"job": job["job_id"], "snapshot": job["snapshot"]}
        append(rows, ENDED[job["kind"]], subject, {"state": state, "code": code, **counts})
    elif job["kind"] == JobKind.PRUNE and counts.get("removed"):
        append(rows, Action.SWEEP_REMOVED, {"job": job["job_id"]}, {"removed": counts["removed"]})


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
