"""Store which blob store belongs to the catalog."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from shared.adapters.catalog.audit import append
from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.schema import stores, tenants
from shared.adapters.catalog.tenancy import Changes, add_if_absent, put
from shared.domain.audit import Action
from shared.ports.catalog.stores import KnownStore

_ONLY = "blobs"
"""The key of the table's one row."""


class SqlStores:
    """``ports.catalog.stores.Stores`` in SQL."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self._actor = actor

    def known_stores(self) -> KnownStore | None:
        """Return the catalog's blob store, or None if none was chosen."""
        with self._database.read(EVERY_TENANT) as connection:
            return _known(connection)

    def choose(self, store_id: str, place: str) -> KnownStore:
        """Store a new store's id unless one is known. Return the known store."""
        with self._database.write(EVERY_TENANT) as (connection, _):
            add_if_absent(connection, stores, store=_ONLY, store_id=store_id, place=place)
            known = _known(connection)
        if known is None:
            raise LookupError("the row that was just inserted is there")
        return known

    def record_mark(self, store_id: str, place: str) -> None:
        """Store that the store with this id was seen, unless another store's id is marked."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            add_if_absent(connection, stores, store=_ONLY, store_id=store_id, place=place)
            free = or_(stores.c.marked_at.is_(None), stores.c.store_id == store_id)
            connection.execute(update(stores).where(free).values(_seen_columns(store_id, place, now)))

    def adopt(self, store_id: str, place: str) -> None:
        """Make this the catalog's store, and append an event to every tenant's audit chain."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            before = _known(connection)
            put(connection, stores, store=_ONLY, **_seen_columns(store_id, place, now))
            detail = {"store": store_id, "before": before.store_id if before else None, "place": place}
            for tenant_id in connection.execute(select(tenants.c.tenant_id).order_by(tenants.c.tenant_id)).scalars():
                append(Changes(connection, tenant_id, now, self._actor), Action.STORE_ADOPTED, {}, detail)


def _seen_columns(store_id: str, place: str, now: datetime) -> dict[str, Any]:
    """Return the columns of a store that was seen."""
    return {"store_id": store_id, "place": place, "marked_at": now}


def _known(connection: Connection) -> KnownStore | None:
    """Return the store in the table's row, or None."""
    row = connection.execute(select(stores)).mappings().one_or_none()
    if row is None:
        return None
    return KnownStore(store_id=row["store_id"], place=row["place"], marked=row["marked_at"] is not None)
