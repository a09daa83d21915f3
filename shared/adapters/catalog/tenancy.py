"""Read and write one tenant's rows: no query made here can forget the tenant."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ClauseElement, Connection, MappingResult, RowMapping, Select, Table, func, select

from shared.adapters.catalog import schema, statements
from shared.adapters.catalog.engine import Database
from shared.adapters.catalog.statements import Where
from shared.domain.errors import Code, Refuse
from shared.domain.model import KeyMode, Sealed, Tenant
from shared.domain.resources.choice import Choice

NOBODY_NAMED = "-"
"""The actor in the audit trail if the caller named none."""


@dataclass(frozen=True)
class Rows:
    """One tenant's rows within one transaction."""

    connection: Connection
    tenant_id: str

    def query(self, table: Table, *where: Where) -> Select[Any]:
        """Return a query for this tenant's rows of a table."""
        return select(table).where(table.c.tenant_id == self.tenant_id, *where)

    def all(self, query: Select[Any]) -> Sequence[RowMapping]:
        """Run a query and return its rows."""
        return self.connection.execute(query).mappings().all()

    def find(self, table: Table, *where: Where) -> Sequence[RowMapping]:
        """Return this tenant's rows that meet the conditions."""
        return self._select(table, where).all()

    def one(self, table: Table, *where: Where, lock: bool = False) -> RowMapping | None:
        """Return the only row that meets the conditions, or None.

        ``lock`` keeps other transactions from changing the row until this one ends.
        """
        return self._select(table, where, lock=lock).one_or_none()

    def _select(self, table: Table, where: Sequence[Where], *, lock: bool = False) -> MappingResult:
        """Run the prepared query for these conditions."""
        key, others = statements.key_in(self.tenant_id, table, where)
        query = statements.choosing(table, tuple(key), lock)
        return self.connection.execute(query.where(*others) if others else query, statements.parameters(key)).mappings()

    def number(self, table: Table) -> int:
        """Return the next number of this tenant's rows in ``table``."""
        query = select(func.max(table.c.number)).where(table.c.tenant_id == self.tenant_id)
        return (self.connection.execute(query).scalar() or 0) + 1

    def tenant(self, *, lock: bool = False) -> RowMapping:
        """Return the tenant's own row. Raises Refuse ``NO_SUCH_TENANT``."""
        row = self.one(schema.tenants, lock=lock)
        if row is None:
            raise Refuse(Code.NO_SUCH_TENANT, "This tenant was removed.")
        return row


@dataclass(frozen=True)
class Changes(Rows):
    """One tenant's rows within one transaction that writes.

    - ``now`` is the database's time.
    - ``actor`` is named in audit events.
    - ``after_commit`` is called, in order, once the transaction of ``Tenancy.write`` is committed.
    """

    now: datetime
    actor: str = NOBODY_NAMED
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def insert(self, table: Table, **values: Any) -> None:
        """Insert a row. SQLAlchemy raises its own error for an unknown column."""
        row = dict(tenant_id=self.tenant_id, **values)
        self.connection.execute(statements.inserting(table, tuple(row)), row)

    def update(self, table: Table, *where: Where, **values: Any) -> int:
        """Update the matching rows. Return how many changed."""
        key, others = statements.key_in(self.tenant_id, table, where)
        computed = {name: value for name, value in values.items() if isinstance(value, ClauseElement)}
        plain = {name: value for name, value in values.items() if name not in computed}
        change = statements.updating(table, tuple(key), tuple(plain))
        if others or computed:
            change = change.where(*others).values(computed)
        return self.connection.execute(change, statements.parameters(key) | plain).rowcount

    def delete(self, table: Table, *where: Where) -> int:
        """Delete the matching rows. Return how many."""
        key, others = statements.key_in(self.tenant_id, table, where)
        deletion = statements.deleting(table, tuple(key))
        return self.connection.execute(
            deletion.where(*others) if others else deletion, statements.parameters(key)
        ).rowcount


@dataclass(frozen=True)
class Tenancy:
    """Transactions on one tenant's rows."""

    database: Database
    tenant_id: str
    actor: str = NOBODY_NAMED

    @contextmanager
    def read(self) -> Iterator[Rows]:
        """Open a read-only transaction. Raises Refuse ``CATALOG_UNREACHABLE``."""
        with self.database.read(self.tenant_id) as connection:
            yield Rows(connection, self.tenant_id)

    @contextmanager
    def write(self) -> Iterator[Changes]:
        """Open a transaction that writes, commit it at the end of the block, then run its ``after_commit`` calls."""
        with self.database.write(self.tenant_id) as (connection, now):
            rows = Changes(connection, self.tenant_id, now, self.actor)
            yield rows
        for call in rows.after_commit:
            call()


def put(connection: Connection, table: Table, **values: Any) -> None:
    """Insert the row, or update the one with its primary key. Concurrent calls for the same key are safe."""
    put_all(connection, table, [values])


def put_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or update rows as ``put`` does. All have the same columns, so the statement is built once."""
    if rows:
        query = _upsert(connection, table)
        keys = [column.name for column in table.primary_key]
        changed = {name: query.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(query.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def add_if_absent(connection: Connection, table: Table, **values: Any) -> None:
    """Insert the row unless its key exists. Concurrent calls for the same key are safe."""
    add_absent(connection, table, [values])


def add_absent(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows as ``add_if_absent`` does. All have the same columns, so the statement is built once."""
    if rows:
        connection.execute(_upsert(connection, table).on_conflict_do_nothing(), rows)


def increase(connection: Connection, table: Table, key: dict[str, Any], column: str, amount: int) -> None:
    """Add to a column of the row with this key, or insert the row with that value. Concurrent calls are safe."""
    query = _upsert(connection, table).values({**key, column: amount})
    connection.execute(query.on_conflict_do_update(index_elements=list(key), set_={column: table.c[column] + amount}))


def _upsert(connection: Connection, table: Table) -> Any:
    # Importing a dialect also imports its drivers' parts, so import only the one in use.
    """Return the dialect's INSERT, which has ON CONFLICT."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def tenant_of(row: RowMapping) -> Tenant:
    """Return the tenant in a row."""
    return Tenant(
        tenant_id=row["tenant_id"],
        name=row["name"],
        directory_id=row["directory_id"],
        client_id=row["client_id"],
        created_at=row["created_at"],
        key_mode=KeyMode(row["key_mode"]),
        key_arn=row["key_arn"],
        key_epoch=row["key_epoch"],
        sign_in_expires_at=row["sign_in_expires_at"],
        restore_client_id=row["restore_client_id"],
        restore_expires_at=row["restore_expires_at"],
        choice=Choice() if row["choice"] is None else msgspec.convert(row["choice"], Choice),
    )


def tenant_values(tenant: Tenant) -> dict[str, Any]:
    """Return the columns of a tenant, without its id."""
    values = msgspec.structs.asdict(tenant)
    del values["tenant_id"]
    return {**values, "choice": stored_choice(tenant.choice)}


def stored_choice(choice: Choice) -> Any:
    """Return a choice as SQL stores it: nothing for the default."""
    return None if choice == Choice() else msgspec.to_builtins(choice)


def sealed_of(row: RowMapping) -> Sealed:
    """Return the sealed row."""
    return Sealed(row_id=row["row_id"], data_key_id=row["data_key_id"], data=row["data"])


def no_such_tenant(name: str) -> Refuse:
    """Return the refusal for a name that is not a tenant's."""
    return Refuse(Code.NO_SUCH_TENANT, f"There is no tenant '{name}'. See 'entrakeep tenant list'.")


def new_id() -> str:
    """Return a new random id (UUID)."""
    return str(uuid.uuid4())
