"""Use PostgreSQL as the catalog's database: a server, for many machines.

Each transaction names its tenant (``entrakeep.tenant``). Row-level security is forced on every table of a tenant and
hides the rows of other tenants, so that a query which forgets its tenant sees nothing. (PostgreSQL: "Row Security
Policies", "Explicit Locking".)
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, text

from shared.adapters.catalog import schema
from shared.adapters.catalog.console_rights import console_rights
from shared.domain.errors import Code, Refuse
from shared.ports.catalog.database import Purged

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
"""In seconds; ``tcp_user_timeout`` in milliseconds. A lost server is noticed before a claim expires."""

_LOCK_SPACE = 0x456E7472
"""The first half of this project's advisory lock keys. The second half is the turn."""

_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"
_READ_ONLY = {"alembic_version": "SELECT", "compatible_code": "SELECT"}
_APPEND_ONLY = {
    "audit_heads": "SELECT, INSERT, UPDATE",
    "audit_events": "SELECT, INSERT",
    "withheld_directories": "SELECT, INSERT",
}
"""No row of these tables is removed, and no event is changed, whatever rights the user had before."""

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
    "refused": "no server listens there; check host and port, and that the server runs",
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
        """Create the engine. Connection parameters in the URL override the defaults."""
        options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        parameters = {name: value for name, value in _CONNECTION.items() if name not in url.query}
        return create_engine(url, pool_pre_ping=True, connect_args=parameters | {"options": options}, **common)

    def options(self, *, writes: bool) -> dict[str, Any]:
        """Return the isolation level of the transaction.

        A read-only transaction sees one moment. A writing one also sees rows that were committed while it waited for a
        lock.
        """
        if writes:
            return {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def start_transaction(self, connection: Connection, tenant: str) -> None:
        """Limit the transaction to the rows of this tenant, until it ends."""
        connection.execute(text("SELECT set_config('entrakeep.tenant', :tenant, true)"), {"tenant": tenant})

    def now(self, connection: Connection) -> datetime:
        """Return the time of the server's clock in UTC. It advances within a transaction."""
        timestamp: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return timestamp.astimezone(UTC)

    def one_at_a_time(self, connection: Connection, turn: int) -> None:
        """Take the turn's advisory lock. PostgreSQL releases it when the transaction ends."""
        lock = text("SELECT pg_advisory_xact_lock(:space, :turn)")
        connection.execute(lock, {"space": _LOCK_SPACE, "turn": turn})

    def unfit(self, connection: Connection) -> str | None:
        """Return a message if row-level security does not bind the user (superuser or BYPASSRLS), otherwise None."""
        role = text("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        user, unbound = connection.execute(role).one()
        if not unbound:
            return None
        return (
            f"The database user {user} bypasses row-level security, which keeps tenants apart: name one in "
            "ENTRAKEEP_DATABASE_URL that is no superuser and has no BYPASSRLS, and let it in with 'entrakeep catalog "
            "migrate --grant USER' as the tables' owner."
        )

    def grant(self, connection: Connection, user: str) -> None:
        """Grant a user the rights on every table. Raises Refuse ``SETTINGS_INVALID`` if the user does not exist."""
        quoted = _existing_user(connection, user)
        rights = {table.name: _RIGHTS for table in schema.metadata.sorted_tables}
        for table, right in {**rights, **_READ_ONLY, **_APPEND_ONLY}.items():
            if table in _APPEND_ONLY:
                connection.exec_driver_sql(f"REVOKE ALL ON {table} FROM {quoted}")
            connection.exec_driver_sql(f"GRANT {right} ON {table} TO {quoted}")

    def grant_console(self, connection: Connection, user: str) -> None:
        """Grant a user the rights of the console alone, whatever rights the user had before. Raises as ``grant`` does."""
        quoted = _existing_user(connection, user)
        for name in [table.name for table in schema.metadata.sorted_tables] + ["alembic_version"]:
            connection.exec_driver_sql(f"REVOKE ALL ON {name} FROM {quoted}")
        for name, right in console_rights():
            connection.exec_driver_sql(f"GRANT {right} ON {name} TO {quoted}")

    def purge(self, connection: Any, deleted: Collection[bytes]) -> Purged:  # noqa: ARG002 - no file to search
        """Vacuum the table of data keys if possible, and report where deleted bytes may remain.

        Only the server's administrator can read its files, so ``removed`` is None: unknown.
        """
        vacuumed = (
            "VACUUM was run on the table." if _vacuum(connection) else "The table's owner must run: VACUUM data_keys."
        )
        return Purged(removed=None, message=f"{_MAY_HOLD} {vacuumed}")

    def reason(self, error: Exception) -> str:
        """Return the reason for the error's SQLSTATE, or else for the distinctive words of its message."""
        cause = getattr(error, "orig", error)
        by_state = _BY_STATE.get(getattr(cause, "sqlstate", None) or "")
        message = str(cause).lower()
        return by_state or next((reason for words, reason in _BY_WORDS.items() if words in message), _SILENT)


def _existing_user(connection: Connection, user: str) -> str:
    """Return the user's name, quoted. Raises Refuse ``SETTINGS_INVALID`` if the user does not exist."""
    if not connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :user"), {"user": user}).scalar():
        raise Refuse(Code.SETTINGS_INVALID, f"The database has no user {user}: make it with CREATE ROLE {user} LOGIN.")
    return connection.dialect.identifier_preparer.quote(user)


def _vacuum(connection: Any) -> bool:
    """Remove dead rows of data keys if this user owns the table. Return True if that was done."""
    import psycopg

    connection.autocommit = True  # VACUUM cannot run in a transaction
    owns = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'data_keys'::regclass"
    try:
        if not connection.execute(owns).fetchone()[0]:
            return False
        connection.execute("VACUUM data_keys")
    except psycopg.OperationalError:  # a lock that another session holds, or a timeout
        return False
    return True
