"""The schema's revision, and the way to the one that this code needs.

A migration leaves tables that the code of the version before it can use too, so that workers may be replaced one by one.
It writes the revisions whose code may use them into ``compatible_code``, where code looks that meets a revision which it
does not know. Revisions are numbers of four digits, in order.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, inspect, text

from shared.adapters.catalog.engine import EVERY_TENANT, Database, Turn
from shared.adapters.catalog.schema import REVISION
from shared.adapters.catalog.sqlite import BUSY_SECONDS
from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from alembic.config import Config

_VERSIONS, _COMPATIBLE = "alembic_version", "compatible_code"


class Revision(msgspec.Struct, frozen=True):
    """What a database says of its schema: its revision (None if there are no tables), and the code that may use it."""

    revision: str | None
    compatible: frozenset[str] = frozenset()

    @property
    def fits(self) -> bool:
        """Whether this code may use the tables as they are."""
        return self.revision == REVISION or (self.newer and REVISION in self.compatible)

    @property
    def newer(self) -> bool:
        """Whether a newer version of the code has migrated the tables."""
        return self.revision is not None and self.revision > REVISION


def revision_of(database: Database) -> Revision:
    """The schema's revision, by plain queries: alembic takes long to import."""
    with database.read(EVERY_TENANT) as connection:
        return _revision(connection)


def upgraded(database: Database, grant_to: str | None = None) -> str:
    """Brings the schema to the revision that this code needs, one process at a time; the revision that it has then.

    A newer one with which this code gets along is left as it is. ``grant_to`` is a user of PostgreSQL who may use the tables
    afterwards. Raises Refuse ``CATALOG_NEEDS_MIGRATION`` if a newer version of the code is needed, ``SETTINGS_INVALID`` if
    there is no such user, or no users at all.
    """
    from alembic import command

    with _alone(database), database.write(EVERY_TENANT) as (connection, _):
        # In one transaction: a migration that is cut off leaves what was there before.
        database.one_at_a_time(connection, Turn.MIGRATING)
        found = _revision(connection)
        if not found.fits:
            refuse_newer(found)
            command.upgrade(_config(connection), "head")
            found = _revision(connection)
        if grant_to is not None:
            database.grant(connection, grant_to)
    return found.revision or REVISION


def refuse_newer(found: Revision) -> None:
    """Raises Refuse if the tables are those of a newer version that this code does not get along with."""
    if found.newer:
        raise Refuse(
            Code.CATALOG_NEEDS_MIGRATION,
            "The catalog was migrated by a newer version of Entrakeep: use that version, or a newer one.",
        )


def file_of(database: Database) -> Path | None:
    """The file of a SQLite database; None if there is none."""
    name = database.url.database if database.is_sqlite else None
    return None if name in (None, "", ":memory:") else Path(str(name))


def _revision(connection: Connection) -> Revision:
    tables = inspect(connection)
    if not tables.has_table(_VERSIONS):
        return Revision(None)
    revision = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608 - our own names
    if revision == REVISION or not tables.has_table(_COMPATIBLE):
        return Revision(revision)
    named = connection.execute(text(f"SELECT revision FROM {_COMPATIBLE}")).scalars()  # noqa: S608
    return Revision(revision, frozenset(named))


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    scripts = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", scripts.replace("%", "%%"))  # the value is interpolated
    config.attributes["connection"] = connection
    return config


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """No other process migrates this SQLite file meanwhile; its journal is a write-ahead log from here on."""
    file = file_of(database)
    if file is None:
        yield
        return
    lock = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _keep_write_ahead_log(database, file)
        yield
    finally:
        os.close(lock)


def _keep_write_ahead_log(database: Database, file: Path) -> None:
    try:
        connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise database.unreachable(error) from None
