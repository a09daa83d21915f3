"""Opening a catalog: its tables are there and fit for this code, or the sentence says what to do."""

import os

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.upgrade import file_of, refuse_newer, revision_of, upgraded
from shared.domain.errors import Code, Refuse


def opened(url: str, *, migrate: bool | None) -> Database:
    """The database at ``url``, its schema current. See ``open_catalog``."""
    database = database_of(url)
    try:
        _make_fit(database, migrate=migrate)
    except BaseException:
        database.close()
        raise
    return database


def _make_fit(database: Database, *, migrate: bool | None) -> None:
    found = revision_of(database)
    if not found.fits:
        if not (database.is_sqlite if migrate is None else migrate):
            refuse_newer(found)
            raise Refuse(
                Code.CATALOG_NEEDS_MIGRATION,
                "The catalog's tables are older than this version of Entrakeep: run 'entrakeep catalog migrate'.",
            )
        upgraded(database)
    with database.read(EVERY_TENANT) as connection:
        database.refuse_unfit(connection)


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
        raise _invalid("The catalog's URL is none: give sqlite:///FILE or postgresql://USER@HOST/DATABASE") from None
    except (NoSuchModuleError, ImportError):
        raise _invalid(
            f"There is no driver for {parsed.drivername}: give sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise _invalid("The catalog must be on SQLite or PostgreSQL")
    return parsed


def _invalid(sentence: str) -> Refuse:
    return Refuse(Code.SETTINGS_INVALID, f"{sentence}.")


def _prepare_file(database: Database) -> None:
    """Makes the file, for its owner alone, if there is none. SQLite gives its journals the same mode."""
    file = file_of(database)
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
