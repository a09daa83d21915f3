"""Opening a catalog: its tables are there and of the revision that this code needs, or the sentence says what to do."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from shared.adapters.catalog.engine import BUSY_SECONDS, Database
from shared.adapters.catalog.schema import REVISION
from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from alembic.config import Config

_VERSIONS = "alembic_version"


def opened(url: str, *, migrate: bool | None) -> Database:
    """The database at ``url``, its schema current. See ``open_catalog``."""
    database = database_of(url)
    revision = _revision(database)
    if revision == REVISION:
        return database
    if not (database.is_sqlite if migrate is None else migrate):
        _refuse_newer(database, revision)
        raise Refuse(
            Code.CATALOG_NEEDS_MIGRATION,
            "The catalog's tables are older than this version of Entrakeep: run 'entrakeep catalog migrate'.",
        )
    upgraded(database)
    return database


def upgraded(database: Database) -> str:
    """Brings the schema to the revision that this code needs, one process at a time; that revision."""
    from alembic import command

    with _alone(database):
        revision = _revision(database)
        _refuse_newer(database, revision)
        if revision != REVISION:
            # SQLite makes tables in transactions, so a migration that is cut off leaves what was there before.
            with database.write() as (connection, _):
                command.upgrade(_config(connection), "head")
    return REVISION


def database_of(url: str) -> Database:
    """The database at ``url``; on SQLite its file is there."""
    database = Database(_parsed(url))
    if database.is_sqlite:
        _prepare_file(database)
    return database


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect().import_dbapi()
    except ArgumentError:
        raise _invalid("The catalog's URL is none: give sqlite:///FILE or postgresql+psycopg://…") from None
    except (NoSuchModuleError, ImportError):
        raise _invalid(f"There is no driver for {parsed.drivername}: give sqlite:///FILE") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise _invalid("The catalog must be on SQLite or PostgreSQL")
    return parsed


def _invalid(sentence: str) -> Refuse:
    return Refuse(Code.SETTINGS_INVALID, f"{sentence}.")


def _file(database: Database) -> Path | None:
    name = database.url.database
    return None if name in (None, "", ":memory:") else Path(str(name))


def _prepare_file(database: Database) -> None:
    """Makes the file, for its owner alone, if there is none. SQLite gives its journals the same mode."""
    file = _file(database)
    if file is None:
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Never a file that is there: to close it would take away the locks that SQLite holds on it in this process.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise Refuse(
            Code.CATALOG_UNREACHABLE,
            f"The catalog at {file} cannot be opened: {error.strerror}. Check the folder and its permissions.",
        ) from None


def _revision(database: Database) -> str | None:
    """The schema's revision, by a plain query: alembic takes long to import. None if there is no schema."""
    with database.read() as connection:
        if not inspect(connection).has_table(_VERSIONS):
            return None
        return connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608


def _refuse_newer(database: Database, revision: str | None) -> None:
    from alembic.script import ScriptDirectory

    if revision is None:
        return
    with database.read() as connection:
        known = {script.revision for script in ScriptDirectory.from_config(_config(connection)).walk_revisions()}
    if revision not in known:
        raise Refuse(
            Code.CATALOG_NEEDS_MIGRATION,
            "The catalog was migrated by a newer version of Entrakeep: use that version, or a newer one.",
        )


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """No other process migrates this SQLite file meanwhile; its journal is a write-ahead log from here on."""
    file = _file(database)
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
