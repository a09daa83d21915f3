"""SQLite as the catalog's database: one file, on a local disk, for one machine."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, text

from shared.domain.errors import Code, Refuse

BUSY_SECONDS = 10
# SQLite before 3.42 has no unixepoch('subsec').
_NOW = text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")

_REASONS = {
    "unable to open": "the file cannot be opened; check that the folder exists and may be written",
    "readonly": "it may not be written; check the file's and the folder's permissions",
    "not a database": "the file is not a SQLite database; name another file or move this one away",
    "malformed": "the file is damaged; put back a copy, or rebuild the catalog from the bucket",
    "is full": "the disk is full",
    "disk i/o": "the disk does not work",
    "locked": f"another process has held it for {BUSY_SECONDS} seconds; try again",
    "no such": "its tables are not those of a catalog",
}


class Sqlite:
    """``engine.Backend`` for SQLite. It knows no roles, so a query's own tenant is all that keeps tenants apart."""

    def __init__(self, url: URL) -> None:
        self.in_memory = url.database in (None, "", ":memory:")

    def engine(self, url: URL, common: dict[str, Any]) -> Engine:
        if self.in_memory:
            # A database in memory is its connection: there is one, and threads take turns.
            common |= {"pool_size": 1, "max_overflow": 0}
        arguments = {"check_same_thread": False, "timeout": BUSY_SECONDS}
        engine = create_engine(url, poolclass=QueuePool, connect_args=arguments, **common)
        event.listen(engine, "connect", _connected)
        event.listen(engine, "begin", _begun)
        return engine

    def options(self, *, writes: bool) -> dict[str, Any]:
        """A transaction that may write has the write lock from its beginning, so that nothing read in it is outdated when
        it writes."""
        return {"entrakeep_begin": "BEGIN IMMEDIATE" if writes else "BEGIN"}

    def begun(self, connection: Connection, tenant: str) -> None:
        """Nothing to tell SQLite."""

    def now(self, connection: Connection) -> datetime:
        said: str = connection.execute(_NOW).scalar_one()
        return datetime.fromisoformat(said).replace(tzinfo=UTC)

    def one_at_a_time(self, connection: Connection, turn: int) -> None:
        """There is but one transaction that writes."""

    def unfit(self, connection: Connection) -> str | None:
        return None

    def grant(self, connection: Connection, user: str) -> None:
        raise Refuse(Code.SETTINGS_INVALID, "SQLite has no users: leave --grant out, and mind who may read the file.")

    def reason(self, error: Exception) -> str:
        said = str(getattr(error, "orig", error)).lower()
        return next((ours for theirs, ours in _REASONS.items() if theirs in said), "it does not answer")


def _connected(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin as _begun says, not as the driver guesses
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begun(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("entrakeep_begin", "BEGIN IMMEDIATE"))
