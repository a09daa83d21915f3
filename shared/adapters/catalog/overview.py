"""Summarise the catalog: each figure is one query, however many rows there are."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import RowMapping, and_, func, or_, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.job_rows import GOING_ON
from shared.adapters.catalog.schema import jobs, steps, tenants, usage, workers
from shared.adapters.catalog.tenancy import Tenancy, increase
from shared.domain.errors import Code
from shared.domain.jobs import JobState, StepState
from shared.ports.catalog.overview import JobCount, Queue, WorkerSeen


class SqlOverview:
    """``ports.catalog.overview.Overview`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def job_counts(self, seconds: float) -> list[JobCount]:
        """Return the numbers of jobs by tenant, kind, state and code.

        Unfinished jobs and those requested in the last ``seconds`` count.
        """
        columns = (jobs.c.tenant_id, jobs.c.kind, jobs.c.state, jobs.c.code)
        with self._database.read(EVERY_TENANT) as connection:
            since = self._database.now(connection) - timedelta(seconds=seconds)
            query = (
                select(*columns, func.count().label("count"))
                .where(or_(jobs.c.state.in_(GOING_ON), jobs.c.created_at > since))
                .group_by(*columns)
                .order_by(*columns)
            )
            return [
                JobCount(
                    tenant_id=row["tenant_id"],
                    kind=row["kind"],
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
        return [
            WorkerSeen(
                worker=row["worker"],
                slots=row["slots"],
                seen_at=row["seen_at"],
                aws_account=row["aws_account"],
                aws_principal=row["aws_principal"],
            )
            for row in seen
        ]

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


def _code(row: RowMapping) -> Code | None:
    """Return the row's code, or None."""
    return Code(row["code"]) if row["code"] else None
