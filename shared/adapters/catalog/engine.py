"""Connections and transactions: one engine a process, one transaction a call, the database's own clock."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Condition
from typing import Any
from weakref import WeakSet

import msgspec
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, text
from sqlalchemy.exc import DatabaseError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.domain.errors import Code, Refuse

BUSY_SECONDS = 10

_SAID_BY_SQLITE = {
    "unable to open": "the file cannot be opened; check that the folder exists and may be written",
    "readonly": "it may not be written; check the file's and the folder's permissions",
    "not a database": "the file is not a SQLite database; name another file or move this one away",
    "malformed": "the file is damaged; put back a copy, or rebuild the catalog from the bucket",
    "is full": "the disk is full",
    "disk i/o": "the disk does not work",
    "locked": f"another process has held it for {BUSY_SECONDS} seconds; try again",
    "no such": "its tables are not those of a catalog",
}

_databases: "WeakSet[Database]" = WeakSet()
"""Those of this process, for what a fork asks of each."""


class Database:
    """A database by its URL. May be used from any thread, and after a fork.

    No connection is open while the process forks. SQLite keeps the locks of a process in its memory, so a child of a parent
    that is in a transaction would find the file locked for ever, and one of a parent with an open connection would not hold
    the locks that it thinks it has. A connection to a server would be shared with the parent.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._in_memory = self.is_sqlite and url.database in (None, "", ":memory:")
        self._engine: Engine | None = None
        self._turn = Condition()
        self._transactions = 0
        self._rests = False
        _databases.add(self)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that writes nothing: one moment of the database. Raises Refuse ``CATALOG_UNREACHABLE``."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[tuple[Connection, datetime]]:
        """A transaction that may write, and the time by the database's clock; committed at the end of the block.

        On SQLite it has the write lock from its beginning, so that nothing read in it is outdated when it writes.
        Raises Refuse ``CATALOG_UNREACHABLE``.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection, self.now(connection)

    def now(self, connection: Connection) -> datetime:
        """The time by the database's clock."""
        if not self.is_sqlite:
            told: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            return told.astimezone(UTC)
        # SQLite before 3.42 has no unixepoch('subsec').
        said: str = connection.execute(text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")).scalar_one()
        return datetime.fromisoformat(said).replace(tzinfo=UTC)

    def close(self) -> None:
        """Closes every connection of this process."""
        with self._turn:
            if self._engine is not None:
                self._engine.dispose()

    def rest(self) -> None:
        """Waits until no transaction is under way, closes every connection, and lets none begin before ``go_on``."""
        self._turn.acquire()
        self._rests = True
        self._turn.wait_for(lambda: not self._transactions)
        if not self._in_memory:
            self.close()

    def go_on(self) -> None:
        """Ends the rest, in the parent and in its child."""
        self._rests = False
        self._turn.notify_all()
        self._turn.release()

    def unreachable(self, error: Exception) -> Refuse:
        """What to tell of an error of the driver: a sentence of ours, without the password in the URL."""
        where = self.url.render_as_string(hide_password=True)
        reason = "it does not answer; check the URL, and that the server runs and lets this user in"
        if self.is_sqlite:
            said = str(getattr(error, "orig", error)).lower()
            reason = next((ours for theirs, ours in _SAID_BY_SQLITE.items() if theirs in said), "it does not answer")
        return Refuse(Code.CATALOG_UNREACHABLE, f"The catalog at {where} cannot be used: {reason}.")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            with (
                self._under_way() as engine,
                engine.connect().execution_options(entrakeep_begin=begin) as connection,
                connection.begin(),
            ):
                yield connection
        except (IntegrityError, ProgrammingError):
            raise  # a defect of ours, not of the database
        except (DatabaseError, InterfaceError, PoolTimeout, sqlite3.Error) as error:
            raise self.unreachable(error) from None

    @contextmanager
    def _under_way(self) -> Iterator[Engine]:
        """This process's engine, for one transaction."""
        with self._turn:
            self._turn.wait_for(lambda: not self._rests)
            self._engine = self._engine or self._made()
            self._transactions += 1
        try:
            yield self._engine
        finally:
            with self._turn:
                self._transactions -= 1
                self._turn.notify_all()

    def _made(self) -> Engine:
        common: dict[str, Any] = {
            "hide_parameters": True,
            "json_serializer": lambda value: msgspec.json.encode(value).decode(),
            "json_deserializer": msgspec.json.decode,
        }
        if not self.is_sqlite:
            return create_engine(self.url, pool_pre_ping=True, **common)
        if self._in_memory:
            # A database in memory is its connection: there is one, and threads take turns.
            common |= {"pool_size": 1, "max_overflow": 0}
        engine = create_engine(
            self.url,
            poolclass=QueuePool,
            connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
            **common,
        )
        event.listen(engine, "connect", _connected)
        event.listen(engine, "begin", _begun)
        return engine


def _connected(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin as _begun says, not as the driver guesses
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begun(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("entrakeep_begin", "BEGIN IMMEDIATE"))


def _rest() -> None:
    _resting[:] = _databases
    for database in _resting:
        database.rest()


def _go_on() -> None:
    for database in _resting:
        database.go_on()
    _resting.clear()


_resting: list[Database] = []
os.register_at_fork(before=_rest, after_in_parent=_go_on, after_in_child=_go_on)
