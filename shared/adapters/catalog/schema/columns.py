"""Define what the tables share: metadata, column types, and the tenant's key and foreign keys."""

from datetime import UTC, datetime

from sqlalchemy import JSON, Column, DateTime, Dialect, ForeignKeyConstraint, MetaData, String
from sqlalchemy.types import TypeDecorator

from shared.domain.jobs import KINDS, JobKind, kind_of

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


class Kind(TypeDecorator[JobKind | str]):
    """A kind of job. Rows of a newer version may have a kind that this version does not know: its text is the value."""

    impl = String(16)
    cache_ok = True

    def process_bind_param(self, value: JobKind | str | None, _: Dialect) -> str | None:
        """Return the text to store. A text is stored unchanged."""
        return KINDS[value].stored if isinstance(value, JobKind) else value

    def process_result_value(self, value: str | None, _: Dialect) -> JobKind | str | None:
        """Return the kind, or the text of an unknown one."""
        return None if value is None else kind_of(value)


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
