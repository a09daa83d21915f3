"""Summarise the catalog: each figure is one query, however many rows there are."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import ColumnElement, RowMapping, Subquery, Table, and_, func, or_, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.jobs import GOING_ON, KNOWN_KINDS, job_of
from shared.adapters.catalog.schedules import schedule_of
from shared.adapters.catalog.schema import jobs, schedules, snapshots, steps, tenants, usage, workers
from shared.adapters.catalog.tenancy import Tenancy, increase, tenant_of
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState, StepState
from shared.ports.catalog.overview import JobCount, JobFilter, Queue, Result, SnapshotAt, TenantOverview, WorkerSeen


class SqlOverview:
    """``ports.catalog.overview.Overview`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tenants(self, tenant_id: str | None = None) -> list[TenantOverview]:
        """Return each tenant, or one, with its schedule, latest snapshots and latest backup result."""
        last = _newest(snapshots, ~snapshots.c.going)
        complete = _newest(snapshots, ~snapshots.c.going, snapshots.c.complete)
        ended = _newest(jobs, jobs.c.kind == JobKind.BACKUP.value, jobs.c.finished_at.is_not(None))
        where = () if tenant_id is None else (tenants.c.tenant_id == tenant_id,)
        order = (tenants.c.created_at.desc(), tenants.c.name)
        with self._database.read(EVERY_TENANT) as connection:

            def by_tenant(table: Table, newest: Subquery) -> dict[str, RowMapping]:
                query = select(table).join(
                    newest, and_(table.c.tenant_id == newest.c.tenant_id, table.c.number == newest.c.number)
                )
                if tenant_id is not None:
                    query = query.where(table.c.tenant_id == tenant_id)
                return {row["tenant_id"]: row for row in connection.execute(query).mappings()}

            tenant_rows = connection.execute(select(tenants).where(*where).order_by(*order)).mappings().all()
            schedule_rows = {row["tenant_id"]: row for row in connection.execute(select(schedules)).mappings()}
            lasts, completes = by_tenant(snapshots, last), by_tenant(snapshots, complete)
            results = by_tenant(jobs, ended)
        return [
            TenantOverview(
                tenant=tenant_of(row),
                schedule=schedule_of(schedule_rows[row["tenant_id"]]) if row["tenant_id"] in schedule_rows else None,
                last=_snapshot(lasts.get(row["tenant_id"])),
                complete=_snapshot(completes.get(row["tenant_id"])),
                result=_result(results.get(row["tenant_id"])),
            )
            for row in tenant_rows
        ]

    def jobs(self, wanted: JobFilter) -> list[tuple[Job, str]]:
        """Return the jobs that pass the filter, the newest first, with their tenants' names."""
        where: list[ColumnElement[bool]] = [jobs.c.kind.in_(KNOWN_KINDS)]
        if wanted.tenant_id is not None:
            where.append(jobs.c.tenant_id == wanted.tenant_id)
        if wanted.states:
            where.append(jobs.c.state.in_([state.value for state in wanted.states]))
        if wanted.since is not None:
            where.append(jobs.c.created_at >= wanted.since)
        query = (
            select(jobs, tenants.c.name.label("tenant"))
            .join(tenants, tenants.c.tenant_id == jobs.c.tenant_id)
            .where(*where)
            .order_by(jobs.c.created_at.desc(), jobs.c.number.desc())
            .limit(wanted.limit)
        )
        with self._database.read(EVERY_TENANT) as connection:
            return [(job_of(row), row["tenant"]) for row in connection.execute(query).mappings()]

    def job_counts(self, seconds: float) -> list[JobCount]:
        """Return the numbers of jobs by tenant, kind, state and code.

        Unfinished jobs and those requested in the last ``seconds`` count.
        """
        columns = (jobs.c.tenant_id, jobs.c.kind, jobs.c.state, jobs.c.code)
        with self._database.read(EVERY_TENANT) as connection:
            since = self._database.now(connection) - timedelta(seconds=seconds)
            query = (
                select(*columns, func.count().label("count"))
                .where(or_(jobs.c.state.in_(GOING_ON), jobs.c.created_at > since), jobs.c.kind.in_(KNOWN_KINDS))
                .group_by(*columns)
                .order_by(*columns)
            )
            return [
                JobCount(
                    tenant_id=row["tenant_id"],
                    kind=JobKind(row["kind"]),
                    state=JobState(row["state"]),
                    code=_code(row),
                    count=row["count"],
                )
                for row in connection.execute(query).mappings()
            ]

    def queue(self) -> Queue:
        """Return how many jobs wait, how many steps may be claimed, and the oldest job's age in seconds."""
        waiting = select(func.count(), func.min(jobs.c.created_at)).where(jobs.c.state == JobState.QUEUED.value)
        same = and_(steps.c.tenant_id == jobs.c.tenant_id, steps.c.job_id == jobs.c.job_id)
        claimable = (
            select(func.count())
            .select_from(steps.join(jobs, same))
            .where(
                steps.c.state == StepState.QUEUED.value,
                steps.c.phase == jobs.c.open_phase,
                jobs.c.state.in_(GOING_ON),
            )
        )
        with self._database.read(EVERY_TENANT) as connection:
            count, oldest = connection.execute(waiting).one()
            age = 0.0 if oldest is None else (self._database.now(connection) - oldest).total_seconds()
            return Queue(jobs=count, steps=connection.execute(claimable).scalar_one(), oldest_seconds=max(0.0, age))

    def workers(self) -> list[WorkerSeen]:
        """Return the workers with their slots and last heartbeats."""
        with self._database.read(EVERY_TENANT) as connection:
            seen = connection.execute(select(workers).order_by(workers.c.worker)).mappings().all()
        return [WorkerSeen(worker=row["worker"], slots=row["slots"], seen_at=row["seen_at"]) for row in seen]

    def usage(self) -> dict[str, dict[str, int]]:
        """Return the totals by tenant id and name."""
        totals: dict[str, dict[str, int]] = {}
        with self._database.read(EVERY_TENANT) as connection:
            for row in connection.execute(select(usage)).mappings():
                totals.setdefault(row["tenant_id"], {})[row["name"]] = row["total"]
        return totals

    def add_usage(self, tenants: Mapping[str, Mapping[str, int]], directories: Mapping[str, Mapping[str, int]]) -> None:
        """Add counts by tenant id and by directory id to the totals. Counts of removed tenants are dropped."""
        counted = [*tenants.items(), *self._of_directories(directories)]
        for tenant_id, counts in counted:
            with Tenancy(self._database, tenant_id).write() as rows:
                if rows.one(_TENANTS) is None:
                    continue
                for name, count in sorted(counts.items()):
                    increase(rows.connection, usage, {"tenant_id": tenant_id, "name": name}, "total", count)

    def _of_directories(self, counted: Mapping[str, Mapping[str, int]]) -> list[tuple[str, Mapping[str, int]]]:
        """Return the counts of directories by tenant id.

        An old catalog may have several tenants of one directory. The oldest one gets the counts, as the caller is not
        known.
        """
        if not counted:
            return []
        query = (
            select(_TENANTS)
            .where(_TENANTS.c.directory_id.in_(counted))
            .order_by(_TENANTS.c.created_at.desc(), _TENANTS.c.tenant_id)
        )
        with self._database.read(EVERY_TENANT) as connection:
            tenant_ids = {row["directory_id"]: row["tenant_id"] for row in connection.execute(query).mappings()}
        return [(tenant_ids[directory], counts) for directory, counts in counted.items() if directory in tenant_ids]


_TENANTS = tenants


def _newest(table: Table, *where: ColumnElement[bool]) -> Subquery:
    """Return a subquery with the highest number of these rows by tenant."""
    newest = func.max(table.c.number).label("number")
    return select(table.c.tenant_id, newest).where(*where).group_by(table.c.tenant_id).subquery()


def _snapshot(row: RowMapping | None) -> SnapshotAt | None:
    """Return the id and time of a snapshot's row, or None."""
    return None if row is None else SnapshotAt(snapshot_id=row["snapshot_id"], created_at=row["created_at"])


def _result(row: RowMapping | None) -> Result | None:
    """Return the result in a job's row, or None."""
    if row is None:
        return None
    state, finished_at = JobState(row["state"]), row["finished_at"]
    return Result(job_id=row["job_id"], state=state, code=_code(row), finished_at=finished_at)


def _code(row: RowMapping) -> Code | None:
    """Return the row's code, or None."""
    return Code(row["code"]) if row["code"] else None
