"""Connections and transactions: one engine a process, one transaction a call, the database's own clock."""

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum
from threading import Condition
from typing import Any, Protocol
from weakref import WeakSet

import msgspec
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DatabaseError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.adapters.catalog.postgres import Postgres
from shared.adapters.catalog.sqlite import Sqlite
from shared.domain.errors import Code, Refuse
from shared.ports.catalog import Purged

EVERY_TENANT = "*"
"""What a transaction names instead of a tenant where it may see all: the scheduler's, and lookups by a name or a job."""


class Turn(IntEnum):
    """What processes do one at a time."""

    MIGRATING = 1
    SENDING = 2
    CONNECTING = 3


_NOT_ALLOWED = "42501"
"""PostgreSQL's insufficient_privilege: among the errors of programming, but the operator's to mend."""


class Backend(Protocol):
    """What differs between the databases."""

    @property
    def in_memory(self) -> bool:
        """Whether the database is gone with its connection."""
        ...

    def engine(self, url: URL, common: dict[str, Any]) -> Engine: ...

    def options(self, *, writes: bool) -> dict[str, Any]:
        """Execution options of a connection for one transaction."""
        ...

    def begun(self, connection: Connection, tenant: str) -> None:
        """Called first in every transaction: it may see this tenant's rows, or those of ``EVERY_TENANT``."""
        ...

    def now(self, connection: Connection) -> datetime:
        """The time by the database's clock."""
        ...

    def one_at_a_time(self, connection: Connection, turn: int) -> None:
        """Waits until no other transaction is in this turn; this one is, until it ends."""
        ...

    def unfit(self, connection: Connection) -> str | None:
        """What is wrong with the user that the URL names, and what to do; None if nothing is."""
        ...

    def grant(self, connection: Connection, user: str) -> None:
        """Lets another user of the database use the tables. Raises Refuse ``SETTINGS_INVALID``."""
        ...

    def purge(self, connection: Any, deleted: Collection[bytes]) -> Purged:
        """``ports.catalog.Catalog.purge``, over a connection of the driver that is in no transaction and is closed after."""
        ...

    def reason(self, error: Exception) -> str:
        """What is wrong and what to do, in words of ours, after an error of the driver."""
        ...


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
        self._backend: Backend = Sqlite(url) if self.is_sqlite else Postgres()
        self._engine: Engine | None = None
        self._turn = Condition()
        self._transactions = 0
        self._rests = False
        _databases.add(self)

    @contextmanager
    def read(self, tenant: str) -> Iterator[Connection]:
        """A transaction that writes nothing and sees one moment of this tenant's rows, or of ``EVERY_TENANT``'s.

        Raises Refuse ``CATALOG_UNREACHABLE``.
        """
        with self._transaction(tenant, writes=False) as connection:
            yield connection

    @contextmanager
    def write(self, tenant: str) -> Iterator[tuple[Connection, datetime]]:
        """A transaction that may write, and the time by the database's clock; committed at the end of the block.

        Raises Refuse ``CATALOG_UNREACHABLE``.
        """
        with self._transaction(tenant, writes=True) as connection:
            yield connection, self.now(connection)

    def now(self, connection: Connection) -> datetime:
        """The time by the database's clock."""
        return self._backend.now(connection)

    def one_at_a_time(self, connection: Connection, turn: Turn) -> None:
        """Waits until no other process does the same; for the rest of this transaction that writes."""
        self._backend.one_at_a_time(connection, turn)

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
        if not self._backend.in_memory:
            self.close()

    def go_on(self) -> None:
        """Ends the rest, in the parent and in its child."""
        self._rests = False
        self._turn.notify_all()
        self._turn.release()

    def refuse_unfit(self, connection: Connection) -> None:
        """Raises Refuse ``SETTINGS_INVALID`` if the URL's user is not fit to use the catalog."""
        sentence = self._backend.unfit(connection)
        if sentence is not None:
            raise Refuse(Code.SETTINGS_INVALID, sentence)

    def grant(self, connection: Connection, user: str) -> None:
        """Lets another user of the database use the tables. Raises Refuse ``SETTINGS_INVALID``."""
        self._backend.grant(connection, user)

    def purge(self, deleted: Collection[bytes]) -> Purged:
        """As ``ports.catalog.Catalog.purge``. Raises Refuse ``CATALOG_UNREACHABLE``."""
        if self._backend.in_memory:
            return Purged(gone=True, message="The database is in memory alone.")
        try:
            with self._under_way() as engine:
                pooled = engine.raw_connection()
                connection = pooled.driver_connection
                pooled.detach()
                try:
                    return self._backend.purge(connection, deleted)
                finally:
                    pooled.close()
        except (DatabaseError, InterfaceError, PoolTimeout, sqlite3.Error) as error:
            raise self.unreachable(error) from None

    def unreachable(self, error: Exception) -> Refuse:
        """What to tell of an error of the driver: a sentence of ours, without the password in the URL."""
        where = self.url.render_as_string(hide_password=True)
        return Refuse(
            Code.CATALOG_UNREACHABLE, f"The catalog at {where} cannot be used: {self._backend.reason(error)}."
        )

    @contextmanager
    def _transaction(self, tenant: str, *, writes: bool) -> Iterator[Connection]:
        try:
            with (
                self._under_way() as engine,
                engine.connect().execution_options(**self._backend.options(writes=writes)) as connection,
                connection.begin(),
            ):
                self._backend.begun(connection, tenant)
                yield connection
        except (IntegrityError, ProgrammingError) as error:
            if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
                raise  # a defect of ours, not of the database
            raise self.unreachable(error) from None
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
        return self._backend.engine(self.url, common)


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
