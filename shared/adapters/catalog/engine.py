"""Manage connections and transactions: one engine per process, one transaction per call, the database's own clock."""

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
from shared.ports.catalog.database import Purged

EVERY_TENANT = "*"
"""Tenant id of a transaction that may see all rows: the scheduler's, and lookups by a name or a job."""


class Turn(IntEnum):
    """Advisory locks: actions that one process performs at a time."""

    MIGRATING = 1
    """Migrate the schema."""
    SENDING = 2
    """Choose the steps to send messages for."""
    CONNECTING = 3
    """Connect a tenant to a directory, or disconnect it."""
    PEOPLE = 4
    """Change people, their ways to sign in, or their grants."""
    NOTICES = 5
    """Add, remove or test notice targets."""


_NOT_ALLOWED = "42501"
"""PostgreSQL's ``insufficient_privilege``. The driver reports it as a programming error, but the operator must fix it."""


class Backend(Protocol):
    """The operations that differ between SQLite and PostgreSQL."""

    @property
    def in_memory(self) -> bool:
        """Return True if the database disappears with its connection."""
        ...

    def engine(self, url: URL, common: dict[str, Any]) -> Engine:
        """Create the engine. ``common`` holds the engine arguments that both databases share."""
        ...

    def options(self, *, writes: bool) -> dict[str, Any]:
        """Return the execution options of a connection for one transaction."""
        ...

    def start_transaction(self, connection: Connection, tenant: str) -> None:
        """Limit the transaction to this tenant's rows. With ``EVERY_TENANT``, do not limit it.

        Call it first in a transaction.
        """
        ...

    def now(self, connection: Connection) -> datetime:
        """Return the time of the database's clock."""
        ...

    def one_at_a_time(self, connection: Connection, turn: int) -> None:
        """Lock this turn until the transaction ends. Wait while another transaction holds it."""
        ...

    def unfit(self, connection: Connection) -> str | None:
        """Return what is wrong with the URL's user and what to do about it, or None if the user is fit."""
        ...

    def grant(self, connection: Connection, user: str) -> None:
        """Grant another user of the database the use of the tables. Raises Refuse ``SETTINGS_INVALID``."""
        ...

    def grant_console(self, connection: Connection, user: str) -> None:
        """Grant another user of the database the rights of the console alone. Raises Refuse ``SETTINGS_INVALID``."""
        ...

    def purge(self, connection: Any, deleted: Collection[bytes]) -> Purged:
        """Purge deleted data keys as ``ports.catalog.database.Catalog.purge`` does.

        ``connection`` is one of the driver's own. It is in no transaction, and the caller closes it afterwards.
        """
        ...

    def reason(self, error: Exception) -> str:
        """Return what is wrong and what to do after a driver's error, in this project's words."""
        ...


_databases: "WeakSet[Database]" = WeakSet()
"""The databases of this process. A fork pauses each of them."""


class Database:
    """A database at a URL. It may be used from any thread, and after a fork.

    No connection is open while the process forks. SQLite keeps the locks of a process in its memory. So the child of a
    parent in a transaction would find the file locked for ever, and the child of a parent with an open connection would
    not hold the locks that it believes to hold. A connection to a server would be shared with the parent.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._backend: Backend = Sqlite(url) if self.is_sqlite else Postgres()
        self._engine: Engine | None = None
        self._turn = Condition()
        self._transactions = 0
        self._paused = False
        _databases.add(self)

    @contextmanager
    def read(self, tenant: str) -> Iterator[Connection]:
        """Open a read-only transaction that sees one moment of this tenant's rows.

        With ``EVERY_TENANT``, it sees all rows. Raises Refuse ``CATALOG_UNREACHABLE``.
        """
        with self._transaction(tenant, writes=False) as connection:
            yield connection

    @contextmanager
    def write(self, tenant: str) -> Iterator[tuple[Connection, datetime]]:
        """Open a transaction that may write, and commit it at the end of the block.

        Yields the connection and the time of the database's clock. Raises Refuse ``CATALOG_UNREACHABLE``.
        """
        with self._transaction(tenant, writes=True) as connection:
            yield connection, self.now(connection)

    def now(self, connection: Connection) -> datetime:
        """Return the time of the database's clock."""
        return self._backend.now(connection)

    def one_at_a_time(self, connection: Connection, turn: Turn) -> None:
        """Lock this turn for the rest of this writing transaction. Wait while another process holds it."""
        self._backend.one_at_a_time(connection, turn)

    def close(self) -> None:
        """Close every connection of this process."""
        with self._turn:
            if self._engine is not None:
                self._engine.dispose()

    def rest(self) -> None:
        """Pause for a fork: wait until no transaction is open, and close every connection.

        No transaction begins before ``go_on``.
        """
        self._turn.acquire()
        self._paused = True
        self._turn.wait_for(lambda: not self._transactions)
        if not self._backend.in_memory:
            self.close()

    def go_on(self) -> None:
        """End the pause that ``rest`` began before a fork. Called in the parent and in its child."""
        self._paused = False
        self._turn.notify_all()
        self._turn.release()

    def refuse_unfit(self, connection: Connection) -> None:
        """Raise Refuse ``SETTINGS_INVALID`` if the URL's user is not fit to use the catalog."""
        sentence = self._backend.unfit(connection)
        if sentence is not None:
            raise Refuse(Code.SETTINGS_INVALID, sentence)

    def grant(self, connection: Connection, user: str) -> None:
        """Grant another user of the database the use of the tables. Raises Refuse ``SETTINGS_INVALID``."""
        self._backend.grant(connection, user)

    def grant_console(self, connection: Connection, user: str) -> None:
        """Grant another user of the database the rights of the console alone. Raises Refuse ``SETTINGS_INVALID``."""
        self._backend.grant_console(connection, user)

    def purge(self, deleted: Collection[bytes]) -> Purged:
        """Purge deleted data keys as ``ports.catalog.database.Catalog.purge`` does. Raises Refuse ``CATALOG_UNREACHABLE``."""
        if self._backend.in_memory:
            return Purged(removed=True, message="The database is in memory alone.")
        try:
            with self._use_engine() as engine:
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
        """Return the refusal for a driver's error: a sentence of this project, without the password in the URL."""
        where = self.url.render_as_string(hide_password=True)
        return Refuse(
            Code.CATALOG_UNREACHABLE, f"The catalog at {where} cannot be used: {self._backend.reason(error)}."
        )

    @contextmanager
    def _transaction(self, tenant: str, *, writes: bool) -> Iterator[Connection]:
        """Open a transaction, and translate the driver's errors.

        Errors in this code's own statements are raised unchanged.
        """
        try:
            with (
                self._use_engine() as engine,
                engine.connect().execution_options(**self._backend.options(writes=writes)) as connection,
                connection.begin(),
            ):
                self._backend.start_transaction(connection, tenant)
                yield connection
        except (IntegrityError, ProgrammingError) as error:
            if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
                raise  # this is a defect of our code, not of the database
            raise self.unreachable(error) from None
        except (DatabaseError, InterfaceError, PoolTimeout, sqlite3.Error) as error:
            raise self.unreachable(error) from None

    @contextmanager
    def _use_engine(self) -> Iterator[Engine]:
        """Yield this process's engine for one transaction. Wait while the database is paused."""
        with self._turn:
            self._turn.wait_for(lambda: not self._paused)
            self._engine = self._engine or self._create_engine()
            self._transactions += 1
        try:
            yield self._engine
        finally:
            with self._turn:
                self._transactions -= 1
                self._turn.notify_all()

    def _create_engine(self) -> Engine:
        """Create the engine."""
        common: dict[str, Any] = {
            "hide_parameters": True,
            "json_serializer": lambda value: msgspec.json.encode(value).decode(),
            "json_deserializer": msgspec.json.decode,
        }
        return self._backend.engine(self.url, common)


def _rest() -> None:
    """Pause every database of this process before it forks."""
    _paused_databases[:] = _databases
    for database in _paused_databases:
        database.rest()


def _go_on() -> None:
    """Resume the databases that the fork paused."""
    for database in _paused_databases:
        database.go_on()
    _paused_databases.clear()


_paused_databases: list[Database] = []
os.register_at_fork(before=_rest, after_in_parent=_go_on, after_in_child=_go_on)
