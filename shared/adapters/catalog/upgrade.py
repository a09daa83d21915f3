"""Read the schema's revision, and migrate to the one that this code needs.

After a migration the code of the previous version can still use the tables, so that workers may be replaced one by one.
The migration writes the compatible revisions into ``compatible_code``. Code that finds a revision it does not know
looks there. Revisions are numbers of four digits, in order.
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
from shared.adapters.catalog.newest import create_tables
from shared.adapters.catalog.schema import REVISION
from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS

if TYPE_CHECKING:
    from alembic.config import Config

_VERSIONS, _COMPATIBLE = "alembic_version", "compatible_code"


class Revision(msgspec.Struct, frozen=True):
    """A schema's revision and the code that may use it.

    - ``revision`` is None if there are no tables.
    - ``compatible`` are the revisions of other code that may use the tables.
    """

    revision: str | None
    compatible: frozenset[str] = frozenset()

    @property
    def fits(self) -> bool:
        """Return True if this code may use the tables as they are."""
        return self.revision == REVISION or (self.newer and REVISION in self.compatible)

    @property
    def newer(self) -> bool:
        """Return True if a newer version of the code has migrated the tables."""
        return self.revision is not None and self.revision > REVISION


def revision_of(database: Database) -> Revision:
    """Return the schema's revision, read by plain queries because alembic takes long to import."""
    with database.read(EVERY_TENANT) as connection:
        return _revision(connection)


def upgraded(database: Database, grant_to: str | None = None, console: str | None = None) -> str:
    """Migrate the schema to the revision that this code needs, one process at a time. Return its revision.

    A newer revision that is compatible with this code is left as it is. ``grant_to`` is a PostgreSQL user that may use
    the tables afterwards, ``console`` one that gets the rights of the console alone.

    Raises Refuse ``CATALOG_NEEDS_MIGRATION`` if a newer version of the code is needed, and ``SETTINGS_INVALID`` if the
    user does not exist or the database has no users.
    """
    with _migration_lock(database), database.write(EVERY_TENANT) as (connection, _):
        # In one transaction, so that an interrupted migration changes nothing.
        database.one_at_a_time(connection, Turn.MIGRATING)
        current = _revision(connection)
        if not current.fits:
            refuse_newer(current)
            _migrate(database, connection, current)
            current = _revision(connection)
        if grant_to is not None:
            database.grant(connection, grant_to)
        if console is not None:
            database.grant_console(connection, console)
    return current.revision or REVISION


def _migrate(database: Database, connection: Connection, current: Revision) -> None:
    """Bring the schema from its revision to the newest one."""
    if current.revision is None and database.is_sqlite:
        create_tables(connection)
        return
    from alembic import command

    command.upgrade(_config(connection), "head")


def refuse_newer(revision: Revision) -> None:
    """Raise Refuse ``CATALOG_NEEDS_MIGRATION`` if newer code migrated the tables and this code is not compatible."""
    if revision.newer:
        raise Refuse(
            Code.CATALOG_NEEDS_MIGRATION,
            "The catalog was migrated by a newer version of Entrakeep: use that version, or a newer one.",
        )


def file_of(database: Database) -> Path | None:
    """Return the file of a SQLite database, or None for other databases and for one in memory."""
    name = database.url.database if database.is_sqlite else None
    return None if name in (None, "", ":memory:") else Path(str(name))


def _revision(connection: Connection) -> Revision:
    """Return the schema's revision."""
    tables = inspect(connection)
    if not tables.has_table(_VERSIONS):
        return Revision(None)
    revision = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608 - our own names
    if revision == REVISION or not tables.has_table(_COMPATIBLE):
        return Revision(revision)
    compatible = connection.execute(text(f"SELECT revision FROM {_COMPATIBLE}")).scalars()  # noqa: S608
    return Revision(revision, frozenset(compatible))


def _config(connection: Connection) -> "Config":
    """Return Alembic's configuration for a migration on this connection."""
    from alembic.config import Config

    config = Config()
    scripts = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", scripts.replace("%", "%%"))  # the value is interpolated
    config.attributes["connection"] = connection
    return config


@contextmanager
def _migration_lock(database: Database) -> Iterator[None]:
    """Keep other processes from migrating this SQLite file, and switch it to a write-ahead log."""
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
    """Switch the file's journal to a write-ahead log. Raises Refuse ``CATALOG_UNREACHABLE``."""
    try:
        connection = sqlite3.connect(file, timeout=LIMITS.catalog_busy_seconds, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise database.unreachable(error) from None
