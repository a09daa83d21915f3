"""Open a catalog: check that its tables exist and fit this code, or say what to do."""

import os

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.upgrade import file_of, refuse_newer, revision_of, upgraded
from shared.domain.errors import Code, Refuse


def opened(url: str, *, migrate: bool | None) -> Database:
    """Return the database at ``url`` with a current schema. See ``open_catalog``."""
    database = database_of(url)
    try:
        _make_fit(database, migrate=migrate)
    except BaseException:
        database.close()
        raise
    return database


def _make_fit(database: Database, *, migrate: bool | None) -> None:
    """Migrate the schema where that is allowed. Raise Refuse if the schema or the user does not fit."""
    revision = revision_of(database)
    if not revision.fits:
        if not (database.is_sqlite if migrate is None else migrate):
            refuse_newer(revision)
            raise Refuse(
                Code.CATALOG_NEEDS_MIGRATION,
                "The catalog's tables are older than this version of Entrakeep: run 'entrakeep catalog migrate'.",
            )
        upgraded(database)
    with database.read(EVERY_TENANT) as connection:
        database.refuse_unfit(connection)


def database_of(url: str) -> Database:
    """Return the database at ``url``. On SQLite, create a missing file."""
    database = Database(_parse(url))
    if database.is_sqlite:
        _prepare_file(database)
    return database


def _parse(url: str) -> URL:
    """Parse the URL. Raise Refuse ``SETTINGS_INVALID`` if it is malformed or names another kind of database."""
    try:
        parsed = make_url(url)
        parsed.get_dialect().import_dbapi()
    except ArgumentError:
        raise _invalid(
            "The catalog's URL is malformed: give sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        ) from None
    except (NoSuchModuleError, ImportError):
        raise _invalid(
            f"There is no driver for {parsed.drivername}: give sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise _invalid("The catalog must be on SQLite or PostgreSQL")
    return parsed


def _invalid(sentence: str) -> Refuse:
    """Return the refusal ``SETTINGS_INVALID``."""
    return Refuse(Code.SETTINGS_INVALID, f"{sentence}.")


def _prepare_file(database: Database) -> None:
    """Create the file with mode 600 if it does not exist. SQLite gives its journals the same mode."""
    file = file_of(database)
    if file is None:
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Never open an existing file: closing it would release the locks that SQLite holds on it in this process.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise Refuse(
            Code.CATALOG_UNREACHABLE,
            f"The catalog at {file} cannot be opened: {error.strerror}. Check the folder and its permissions.",
        ) from None
