"""The rights of the console's own database user on PostgreSQL: no wrapped key, no sealed row, and events only added.

Each table that the console reads is named by what it may do besides. What is sealed or wrapped is a column of bytes.
"""

from collections.abc import Iterator

from sqlalchemy import LargeBinary, Table

from shared.adapters.catalog import schema

_READABLE_BYTES = frozenset({("passkeys", "public_key")})
"""The only column of bytes that the console reads: public keys."""

_EVERYTHING = "INSERT, UPDATE, DELETE"
_WRITES = {
    # people, and what they do to sign in
    "people": _EVERYTHING,
    "passkeys": _EVERYTHING,
    "identities": _EVERYTHING,
    "secrets_hashed": _EVERYTHING,
    "grants": _EVERYTHING,
    "sign_ins": _EVERYTHING,
    "invitations": _EVERYTHING,
    "challenges": _EVERYTHING,
    "tries": _EVERYTHING,
    "tokens": _EVERYTHING,
    # jobs that people ask for, cancel and retry
    "jobs": "INSERT, UPDATE",
    "steps": "INSERT, UPDATE",
    "pins": "INSERT, DELETE",
    "checkpoints": "DELETE",
    "checkpoint_runs": "DELETE",
    # settings of a tenant
    "schedules": _EVERYTHING,
    "acceptances": "INSERT",
    "tenants": "UPDATE (key_allowed_at, served_at)",
    "notices": "INSERT",
    "notice_targets": _EVERYTHING,
    "deliveries": _EVERYTHING,
    # the audit trail: events are added
    "audit_heads": "INSERT, UPDATE",
    "audit_events": "INSERT",
}


def console_rights() -> Iterator[tuple[str, str]]:
    """Yield each table with the rights of the console's user, in the form of GRANT."""
    for table in schema.metadata.sorted_tables:
        yield table.name, _reading(table)
        if table.name in _WRITES:
            yield table.name, _WRITES[table.name]
    yield "alembic_version", "SELECT"


def _reading(table: Table) -> str:
    """Return the right to read every column that is neither sealed nor wrapped."""
    kept = [column.name for column in table.c if not _is_secret(table, column.name)]
    return "SELECT" if len(kept) == len(table.c) else f"SELECT ({', '.join(kept)})"


def _is_secret(table: Table, column: str) -> bool:
    """Return True if the column contains sealed or wrapped bytes."""
    return isinstance(table.c[column].type, LargeBinary) and (table.name, column) not in _READABLE_BYTES
