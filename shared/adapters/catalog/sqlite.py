"""Use SQLite as the catalog's database: one file on a local disk, for one machine."""

import sqlite3
import time
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, text

from shared.adapters.catalog.residue import residue
from shared.domain.deadline import Deadline
from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS
from shared.ports.catalog.database import Purged

# SQLite before 3.42 has no unixepoch('subsec').
_NOW = text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")

_GONE = Purged(
    removed=True,
    message="The database's files were overwritten and searched: no deleted wrapped data key is left in them.",
)
_IN_USE = Purged(
    removed=False,
    message="The database's write-ahead log still holds deleted wrapped data keys, as another program keeps on reading: end "
    "it (a SQL shell, or one that copies the file).",
)
_NOT_GONE = Purged(
    removed=False, message="The database's files still hold deleted wrapped data keys after they were rewritten."
)

_REASONS = {
    "unable to open": "the file cannot be opened; check that the folder exists and may be written",
    "readonly": "it may not be written; check the file's and the folder's permissions",
    "not a database": "the file is not a SQLite database; name another file or move this one away",
    "malformed": "the file is damaged; restore a copy, or rebuild the catalog from the bucket",
    "is full": "the disk is full",
    "disk i/o": "the disk does not work",
    "locked": f"another process has held it for {LIMITS.catalog_busy_seconds} seconds; try again",
    "no such": "its tables are not those of a catalog",
}


class Sqlite:
    """``engine.Backend`` for SQLite. SQLite has no roles: only the tenant id in each query separates tenants."""

    def __init__(self, url: URL) -> None:
        self.in_memory = url.database in (None, "", ":memory:")
        self._files = [Path(f"{url.database}{end}") for end in ("", "-wal", "-journal")]

    def engine(self, url: URL, common: dict[str, Any]) -> Engine:
        """Create the engine. A database in memory has one connection, which threads share in turn."""
        if self.in_memory:
            # A database in memory is its connection: there is one, and threads take turns.
            common |= {"pool_size": 1, "max_overflow": 0}
        arguments = {"check_same_thread": False, "timeout": LIMITS.catalog_busy_seconds}
        engine = create_engine(url, poolclass=QueuePool, connect_args=arguments, **common)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
        return engine

    def options(self, *, writes: bool) -> dict[str, Any]:
        """Return how the transaction begins.

        A writing transaction takes the write lock at its beginning, so that no row which it has read is outdated when
        it writes.
        """
        return {"entrakeep_begin": "BEGIN IMMEDIATE" if writes else "BEGIN"}

    def start_transaction(self, connection: Connection, tenant: str) -> None:
        """Do nothing: SQLite has no row-level security."""

    def now(self, connection: Connection) -> datetime:
        """Return the time of the machine's clock, as SQLite reads it, to the millisecond."""
        timestamp: str = connection.execute(_NOW).scalar_one()
        return datetime.fromisoformat(timestamp).replace(tzinfo=UTC)

    def one_at_a_time(self, connection: Connection, turn: int) -> None:
        """Do nothing: SQLite allows one writing transaction at a time."""

    def unfit(self, connection: Connection) -> str | None:
        """Return None: SQLite has no users."""
        return None

    def grant(self, connection: Connection, user: str) -> None:
        """Raise Refuse ``SETTINGS_INVALID``: SQLite has no users."""
        raise Refuse(
            Code.SETTINGS_INVALID,
            "SQLite has no users: omit --grant and --grant-console, and limit who may read the file.",
        )

    def grant_console(self, connection: Connection, user: str) -> None:
        """Raise Refuse ``SETTINGS_INVALID``: SQLite has no users."""
        self.grant(connection, user)

    def purge(self, connection: sqlite3.Connection, deleted: Collection[bytes]) -> Purged:
        """Empty the write-ahead log, and rewrite the file if it still contains a deleted wrapped data key.

        SQLite overwrites deleted rows (``secure_delete``). A row that it moved within the file earlier may have left a
        copy.
        """
        connection.execute(f"PRAGMA busy_timeout = {LIMITS.purge_busy_ms}")
        for rewrite in (False, True) if deleted else (True,):
            if not _empty_log(connection, rewrite=rewrite):
                return _IN_USE
            if not residue(self._files, deleted):
                return _GONE
        return _NOT_GONE

    def reason(self, error: Exception) -> str:
        """Return the reason whose distinctive words the driver's message contains."""
        message = str(getattr(error, "orig", error)).lower()
        return next((reason for words, reason in _REASONS.items() if words in message), "it does not answer")


def _empty_log(connection: sqlite3.Connection, *, rewrite: bool) -> bool:
    """Move the write-ahead log into the file and truncate it. Return False if others kept the database busy for 20 seconds.

    ``rewrite`` runs VACUUM first. Each wait is short, because no other process can write meanwhile.
    """
    deadline = Deadline(LIMITS.purge_seconds, time.monotonic)
    while True:
        try:
            if rewrite:
                connection.execute("VACUUM")
                rewrite = False
            busy = bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            busy = True
        if not busy or deadline.over:
            return not busy
        time.sleep(LIMITS.purge_pause_seconds)


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    """Set the pragmas of a new connection."""
    connection.isolation_level = None  # _begin starts transactions; otherwise the driver would start them implicitly
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Overwrite deleted rows: they may contain wrapped data keys and sealed credentials.
    connection.execute("PRAGMA secure_delete = ON")


def _begin(connection: Connection) -> None:
    """Begin a transaction with the statement that the connection's options name."""
    connection.exec_driver_sql(connection.get_execution_options().get("entrakeep_begin", "BEGIN IMMEDIATE"))
