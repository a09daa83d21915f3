"""PostgreSQL as the catalog's database: a server, for many machines.

Each transaction names its tenant (``entrakeep.tenant``), and row-level security, forced on every table of a tenant, shows it
no row of another: a query that forgets its tenant sees nothing. (PostgreSQL: "Row Security Policies", "Explicit Locking".)
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, text

from shared.adapters.catalog import schema
from shared.domain.errors import Code, Refuse
from shared.ports.catalog import Purged

_SESSION = {
    "application_name": "entrakeep",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}
_CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Seconds, and milliseconds for the last: a server that is gone is noticed while a claim still stands."""

_OURS = 0x456E7472
"""The first half of our advisory locks' keys; the second says whose turn it is."""

_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"
_LOOK = {"alembic_version": "SELECT", "compatible_code": "SELECT"}
_ADD = {
    "audit_heads": "SELECT, INSERT, UPDATE",
    "audit_events": "SELECT, INSERT",
    "withheld_directories": "SELECT, INSERT",
}
"""Of these no row is removed, and no event is changed, whatever the user was granted before."""

_BY_STATE = {
    "42501": "this user may not use its tables; run 'entrakeep catalog migrate --grant USER' as their owner",
    "25006": "the server takes no changes now: it is read-only, or a standby",
    "53100": "the server's disk is full",
    "53300": "the server has no connection left; give it more, or run fewer workers",
    "57P03": "the server is starting or ending; try again",
    "55P03": "another process has held a row for too long; try again",
    "57014": "a statement took too long; try again",
}
_BY_WORDS = {
    "password authentication failed": "the server refuses this user or password",
    "no password supplied": "the server asks for a password; put it into the URL or into a password file",
    "does not exist": "the server knows no such database or user",
    "no pg_hba.conf entry": "the server lets this user in from nowhere or not from here",
    "starting up": "the server is starting; try again",
    "too many clients": "the server has no connection left; give it more, or run fewer workers",
    "failed to resolve": "there is no such host",
    "could not translate": "there is no such host",
    "refused": "nobody listens there; check host and port, and that the server runs",
}
_SILENT = "it does not answer; check the URL, and that the server runs and lets this user in"


_MAY_HOLD = (
    "PostgreSQL may still hold deleted wrapped data keys, which the former KMS key opens as long as it is there: in pages of "
    "its tables that are not overwritten yet, in the write-ahead log, its archives and replicas, and in dumps made before."
)


class Postgres:
    """``engine.Backend`` for PostgreSQL."""

    in_memory = False

    def engine(self, url: URL, common: dict[str, Any]) -> Engine:
        options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        asked = {name: value for name, value in _CONNECTION.items() if name not in url.query}
        return create_engine(url, pool_pre_ping=True, connect_args=asked | {"options": options}, **common)

    def options(self, *, writes: bool) -> dict[str, Any]:
        """One that only reads sees one moment; one that may write sees what it has waited for a lock on."""
        if writes:
            return {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def begun(self, connection: Connection, tenant: str) -> None:
        """Until it ends, the transaction sees the rows of this tenant alone."""
        connection.execute(text("SELECT set_config('entrakeep.tenant', :tenant, true)"), {"tenant": tenant})

    def now(self, connection: Connection) -> datetime:
        told: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return told.astimezone(UTC)

    def one_at_a_time(self, connection: Connection, turn: int) -> None:
        lock = text("SELECT pg_advisory_xact_lock(:ours, :turn)")
        connection.execute(lock, {"ours": _OURS, "turn": turn})

    def unfit(self, connection: Connection) -> str | None:
        """Row-level security does not bind every user."""
        role = text("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        user, unbound = connection.execute(role).one()
        if not unbound:
            return None
        return (
            f"The database user {user} passes by row-level security, which keeps tenants apart: name one in "
            "ENTRAKEEP_DATABASE_URL that is no superuser and has no BYPASSRLS, and let it in with 'entrakeep catalog "
            "migrate --grant USER' as the tables' owner."
        )

    def grant(self, connection: Connection, user: str) -> None:
        if not connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :user"), {"user": user}).scalar():
            raise Refuse(
                Code.SETTINGS_INVALID, f"The database has no user {user}: make it with CREATE ROLE {user} LOGIN."
            )
        named = connection.dialect.identifier_preparer.quote
        rights = {table.name: _RIGHTS for table in schema.metadata.sorted_tables}
        for table, right in {**rights, **_LOOK, **_ADD}.items():
            if table in _ADD:
                connection.exec_driver_sql(f"REVOKE ALL ON {table} FROM {named(user)}")
            connection.exec_driver_sql(f"GRANT {right} ON {table} TO {named(user)}")

    def purge(self, connection: Any, deleted: Collection[bytes]) -> Purged:  # noqa: ARG002 - there is no file to search
        """Nobody but the server's administrator can read its files, so that the sentence says where the bytes may be."""
        vacuumed = "VACUUM was run on the table." if _vacuumed(connection) else "Let their owner say: VACUUM data_keys."
        return Purged(gone=None, message=f"{_MAY_HOLD} {vacuumed}")

    def reason(self, error: Exception) -> str:
        cause = getattr(error, "orig", error)
        by_state = _BY_STATE.get(getattr(cause, "sqlstate", None) or "")
        said = str(cause).lower()
        return by_state or next((ours for theirs, ours in _BY_WORDS.items() if theirs in said), _SILENT)


def _vacuumed(connection: Any) -> bool:
    """Remove dead rows of data keys, if this user owns the table; return whether that was done."""
    import psycopg

    connection.autocommit = True  # VACUUM runs in no transaction
    owns = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'data_keys'::regclass"
    try:
        if not connection.execute(owns).fetchone()[0]:
            return False
        connection.execute("VACUUM data_keys")
    except psycopg.OperationalError:  # a lock that somebody holds, or too long a wait
        return False
    return True
