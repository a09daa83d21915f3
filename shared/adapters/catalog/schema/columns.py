"""Define what the tables share: metadata, column types, and the tenant's key and foreign keys."""

from datetime import UTC, datetime

from sqlalchemy import JSON, Column, DateTime, Dialect, ForeignKeyConstraint, MetaData, String
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite has no time zones, so it stores the time without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the value to store."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored value as an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


Uuid = String(36)
DataKeyId = String(64)
Json = JSON(none_as_null=True)


def tenant_column() -> Column[str]:
    """Return the column that begins every primary key of a tenant's table."""
    return Column("tenant_id", Uuid, primary_key=True)


def within_tenant(table: str, *columns: str) -> ForeignKeyConstraint:
    """Return a foreign key to the given columns of ``table``, within the tenant."""
    local = ("tenant_id", *columns)
    return ForeignKeyConstraint(local, [f"{table}.{column}" for column in local])
