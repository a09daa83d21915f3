"""List tenants, jobs and snapshots, page by page."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table, and_, func, or_, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.job_lists import jobs_recent, jobs_wanted, jobs_watched, watched_of
from shared.adapters.catalog.job_rows import job_of, of_kinds
from shared.adapters.catalog.key_health import health_of
from shared.adapters.catalog.key_states import key_states
from shared.adapters.catalog.schedules import schedule_of
from shared.adapters.catalog.schema import jobs, key_health, schedules, snapshots, tenants
from shared.adapters.catalog.snapshots import no_such_snapshot, snapshot_of
from shared.adapters.catalog.tenancy import no_such_tenant, tenant_of
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState
from shared.domain.key_health import KeyHealth
from shared.domain.model import Snapshot, Tenant
from shared.ports.catalog.queries import (
    JobFilter,
    Result,
    SnapshotAt,
    SnapshotFilter,
    TenantFilter,
    TenantOverview,
    WatchedJob,
)

_LISTED = ~snapshots.c.going
_BACKUP_ENDED = (of_kinds(JobKind.BACKUP), jobs.c.finished_at.is_not(None))


class SqlQueries:
    """``ports.catalog.queries.Queries`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tenants(self, wanted: TenantFilter) -> list[TenantOverview]:
        """Return a page of tenants, the newest first."""
        query = select(tenants).order_by(tenants.c.created_at.desc(), tenants.c.name).limit(wanted.limit)
        if wanted.after is not None:
            created_at, name = wanted.after.created_at, wanted.after.name
            later = and_(tenants.c.created_at == created_at, tenants.c.name > name)
            query = query.where(or_(tenants.c.created_at < created_at, later))
        return self._overviews(query)

    def tenant(self, name: str) -> TenantOverview:
        """Return the tenant with this name. Raises Refuse ``NO_SUCH_TENANT``."""
        for shown in self._overviews(select(tenants).where(tenants.c.name == name)):
            return shown
        raise no_such_tenant(name)

    def tenant_with_health(self, name: str) -> tuple[Tenant, KeyHealth]:
        """Return the tenant and the health of its key. Raises Refuse ``NO_SUCH_TENANT``."""
        columns = [column.label(f"health_{column.name}") for column in key_health.c]
        joined = tenants.outerjoin(key_health, key_health.c.tenant_id == tenants.c.tenant_id)
        query = select(tenants, *columns).select_from(joined).where(tenants.c.name == name)
        with self._database.read(EVERY_TENANT) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise no_such_tenant(name)
        health = {column.name: row[f"health_{column.name}"] for column in key_health.c}
        return tenant_of(row), health_of(row, health if health["tenant_id"] else None)

    def find_tenants(self, search: str, ids: Collection[str] | None, limit: int) -> list[Tenant]:
        """Return the tenants whose names contain the text, by name."""
        query = select(tenants).where(tenants.c.name.contains(search, autoescape=True)).order_by(tenants.c.name)
        if ids is not None:
            query = query.where(tenants.c.tenant_id.in_(ids))
        with self._database.read(EVERY_TENANT) as connection:
            return [tenant_of(row) for row in connection.execute(query.limit(limit)).mappings()]

    def _overviews(self, query: Select[Any]) -> list[TenantOverview]:
        """Return the tenants in these rows, with what else is known of them."""
        with self._database.read(EVERY_TENANT) as connection:
            page = connection.execute(query).mappings().all()
            ids = [row["tenant_id"] for row in page]
            schedule_rows = _by_tenant(connection, schedules, ids)
            lasts = _newest(connection, snapshots, ids, _LISTED)
            completes = _newest(connection, snapshots, ids, _LISTED, snapshots.c.complete)
            results = _newest(connection, jobs, ids, *_BACKUP_ENDED)
            health_rows = _by_tenant(connection, key_health, ids)
            states = key_states(connection, page, self._database.now(connection))
            namesakes = _of_directories(connection, page)
        return [
            TenantOverview(
                tenant=tenant_of(row),
                schedule=schedule_of(schedule_rows[tenant_id]) if tenant_id in schedule_rows else None,
                last=_snapshot_at(lasts.get(tenant_id)),
                complete=_snapshot_at(completes.get(tenant_id)),
                result=_result(results.get(tenant_id)),
                keys=states[tenant_id],
                health=health_of(row, health_rows.get(tenant_id)),
                same_directory=[
                    other["name"]
                    for other in namesakes.get(row["directory_id"].lower(), [])
                    if other["tenant_id"] != tenant_id
                ],
            )
            for tenant_id, row in zip(ids, page, strict=True)
        ]

    def jobs(self, wanted: JobFilter) -> list[tuple[Job, str]]:
        """Return a page of the jobs that pass the filter, the newest first, with their tenants' names."""
        with self._database.read(EVERY_TENANT) as connection:
            return [(job_of(row), row["tenant"]) for row in connection.execute(jobs_wanted(wanted)).mappings()]

    def watched(self, job_ids: Collection[str]) -> list[WatchedJob]:
        """Return these jobs with their steps."""
        with self._database.read(EVERY_TENANT) as connection:
            return watched_of(connection.execute(jobs_watched(job_ids)).mappings())

    def recent(self, tenant_id: str, limit: int) -> list[WatchedJob]:
        """Return a tenant's newest jobs, with the steps of those that have not ended."""
        with self._database.read(tenant_id) as connection:
            return watched_of(connection.execute(jobs_recent(tenant_id, limit)).mappings())

    def snapshots(self, wanted: SnapshotFilter) -> list[Snapshot]:
        """Return a page of snapshots, the newest first.

        Raises Refuse ``NO_SUCH_SNAPSHOT`` if ``after`` does not exist any more.
        """
        own = snapshots.c.tenant_id == wanted.tenant_id
        query = select(snapshots).where(own, _LISTED).order_by(snapshots.c.number.desc()).limit(wanted.limit)
        with self._database.read(wanted.tenant_id) as connection:
            if wanted.after is not None:
                number = select(snapshots.c.number).where(own, snapshots.c.snapshot_id == wanted.after)
                last = connection.execute(number).scalar_one_or_none()
                if last is None:
                    raise no_such_snapshot(wanted.after)
                query = query.where(snapshots.c.number < last)
            return [snapshot_of(row) for row in connection.execute(query).mappings()]

    def has_tenants(self) -> bool:
        """Return True if there is a tenant."""
        return self._any()

    def key_in_use(self, arn: str) -> bool:
        """Return True if ``arn`` is the KMS key of a tenant."""
        return self._any(tenants.c.key_arn == arn)

    def _any(self, *where: ColumnElement[bool]) -> bool:
        """Return True if a tenant meets the condition."""
        with self._database.read(EVERY_TENANT) as connection:
            return connection.execute(select(tenants.c.tenant_id).where(*where).limit(1)).first() is not None


def _by_tenant(connection: Connection, table: Table, ids: Sequence[str]) -> dict[str, RowMapping]:
    """Return the rows of a table that has one row for each tenant, by tenant id."""
    rows = connection.execute(select(table).where(table.c.tenant_id.in_(ids))).mappings()
    return {row["tenant_id"]: row for row in rows}


def _newest(
    connection: Connection, table: Table, ids: Sequence[str], *where: ColumnElement[bool]
) -> dict[str, RowMapping]:
    """Return, by tenant id, the row with the highest number among these rows of the tenant."""
    number = func.max(table.c.number).label("number")
    newest = select(table.c.tenant_id, number).where(table.c.tenant_id.in_(ids), *where).group_by(table.c.tenant_id)
    highest = newest.subquery()
    same = and_(table.c.tenant_id == highest.c.tenant_id, table.c.number == highest.c.number)
    return {row["tenant_id"]: row for row in connection.execute(select(table).join(highest, same)).mappings()}


def _of_directories(connection: Connection, page: Sequence[RowMapping]) -> dict[str, list[RowMapping]]:
    """Return the tenants of these tenants' directories by directory id in lower case, the newest first.

    Only one tenant of each directory has ``claimed_directory``.
    """
    directories = [row["directory_id"].lower() for row in page]
    unclaimed = and_(tenants.c.claimed_directory.is_(None), func.lower(tenants.c.directory_id).in_(directories))
    query = (
        select(tenants.c.tenant_id, tenants.c.name, func.lower(tenants.c.directory_id).label("directory"))
        .where(or_(tenants.c.claimed_directory.in_(directories), unclaimed))
        .order_by(tenants.c.created_at.desc(), tenants.c.name)
    )
    by_directory: dict[str, list[RowMapping]] = {}
    for row in connection.execute(query).mappings():
        by_directory.setdefault(row["directory"], []).append(row)
    return by_directory


def _snapshot_at(row: RowMapping | None) -> SnapshotAt | None:
    """Return the id and time of a snapshot's row, or None."""
    return None if row is None else SnapshotAt(snapshot_id=row["snapshot_id"], created_at=row["created_at"])


def _result(row: RowMapping | None) -> Result | None:
    """Return the result in a job's row, or None."""
    if row is None:
        return None
    code = Code(row["code"]) if row["code"] else None
    return Result(job_id=row["job_id"], state=JobState(row["state"]), code=code, finished_at=row["finished_at"])
