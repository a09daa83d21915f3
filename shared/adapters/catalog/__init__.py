"""The catalog in SQL: SQLAlchemy Core on SQLite or PostgreSQL, migrated by Alembic."""

from shared.ports.catalog import Catalog


def open_catalog(url: str, *, migrate: bool | None = None) -> Catalog:
    """The catalog at a SQLAlchemy URL: ``sqlite:///FILE``, or ``sqlite://`` for one in memory.

    Where the schema is not the one that this code needs it is migrated (``migrate`` True; as a rule: on SQLite alone, by
    whoever opens it first, under a lock), or else Refuse ``CATALOG_NEEDS_MIGRATION`` is raised. A SQLite file that is not
    there is made, with mode 600. Raises Refuse ``CATALOG_UNREACHABLE``, and ``SETTINGS_INVALID`` for a URL that is none.
    """
    from shared.adapters.catalog.open import opened
    from shared.adapters.catalog.tenants import SqlCatalog

    return SqlCatalog(opened(url, migrate=migrate))


def migrate(url: str, grant_to: str | None = None) -> str:
    """Brings the catalog's schema to the revision that this code needs; the revision that it has then.

    ``grant_to`` is a user of PostgreSQL who may use the tables afterwards. Raises as ``open_catalog``.
    """
    from shared.adapters.catalog.open import database_of
    from shared.adapters.catalog.upgrade import upgraded

    database = database_of(url)
    try:
        return upgraded(database, grant_to)
    finally:
        database.close()
