"""Store the catalog in SQL: SQLAlchemy Core on SQLite or PostgreSQL, migrated by Alembic."""

from shared.ports.catalog.database import Catalog


def open_catalog(url: str, *, migrate: bool | None = None) -> Catalog:
    """Return the catalog at a SQLAlchemy URL: ``sqlite:///FILE``, or ``sqlite://`` for one in memory.

    An outdated schema is migrated if ``migrate`` is True. None migrates on SQLite only: the first process that opens
    the file does it, under a lock. A missing SQLite file is created with mode 600.

    Raises Refuse ``CATALOG_NEEDS_MIGRATION`` if the schema is outdated and not migrated, ``CATALOG_UNREACHABLE`` if the
    database cannot be used, and ``SETTINGS_INVALID`` if the URL is malformed.
    """
    from shared.adapters.catalog.open import opened
    from shared.adapters.catalog.tenants import SqlCatalog

    return SqlCatalog(opened(url, migrate=migrate))


def migrate(url: str, grant_to: str | None = None, console: str | None = None) -> str:
    """Migrate the catalog's schema to the revision that this code needs. Return the schema's revision.

    ``grant_to`` is a PostgreSQL user that may use the tables afterwards, ``console`` one that gets the rights of the console
    alone. Raises the errors of ``open_catalog``.
    """
    from shared.adapters.catalog.open import database_of
    from shared.adapters.catalog.upgrade import upgraded

    database = database_of(url)
    try:
        return upgraded(database, grant_to, console)
    finally:
        database.close()
