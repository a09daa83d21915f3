"""Read how well tenants are protected: each from the ends of indexes, however many snapshots and jobs a tenant has."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    RowMapping,
    ScalarSelect,
    func,
    select,
)

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.fleet_queries import (
    COMPLETE,
    jobs_wanted,
    newest_ids_wanted,
    snapshots_wanted,
    statuses_wanted,
    timeline_wanted,
)
from shared.adapters.catalog.job_rows import GOING_ON
from shared.adapters.catalog.schema import (
    snapshot_runs,
    snapshots,
    tenants,
)
from shared.adapters.catalog.snapshots import snapshot_of
from shared.domain.errors import Code
from shared.domain.jobs import JobState
from shared.domain.key_health import KeyCondition
from shared.domain.model import KeyMode, ResourceReport
from shared.ports.catalog.fleet import (
    CompleteOn,
    FleetRow,
    LastBackup,
    Moment,
    Neighbours,
    NewestSnapshot,
    RunningJob,
    TenantStatus,
    Timeline,
)

_CONDITIONS = {condition.value: condition for condition in KeyCondition}


class SqlFleet:
    """``ports.catalog.fleet.Fleet`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def statuses(self, tenant_ids: Collection[str] | None = None) -> list[TenantStatus]:
        """Return what decides the state of each tenant."""
        query = statuses_wanted()
        if tenant_ids is not None:
            query = query.where(tenants.c.tenant_id.in_(tenant_ids))
        with self._database.read(EVERY_TENANT) as connection:
            return [_status(row) for row in connection.execute(query)]

    def rows(self, tenant_ids: Sequence[str]) -> dict[str, FleetRow]:
        """Return the other parts of the rows of these tenants, by tenant id."""
        of_page = tenants.c.tenant_id.in_(tenant_ids)
        with self._database.read(EVERY_TENANT) as connection:
            newest = connection.execute(newest_ids_wanted().where(of_page)).mappings().all()
            snapshot_rows = connection.execute(snapshots_wanted(newest)).mappings().all()
            job_rows = connection.execute(jobs_wanted(tenant_ids, newest)).mappings().all()
        by_snapshot = {row["snapshot_id"]: row for row in snapshot_rows}
        by_job = {row["job_id"]: row for row in job_rows}
        running: dict[str, list[RunningJob]] = {}
        for row in job_rows:
            if row["state"] in GOING_ON:
                running.setdefault(row["tenant_id"], []).append(_running(row))
        return {
            row["tenant_id"]: FleetRow(
                key_mode=KeyMode(row["key_mode"]),
                next_due=row["next_due"],
                sign_in_expires_at=row["sign_in_expires_at"],
                newest=_newest_snapshot(by_snapshot.get(row["snapshot_id"])),
                last_backup=_last_backup(by_job.get(row["job_id"])),
                running=running.get(row["tenant_id"], []),
            )
            for row in newest
        }

    def trend(self, since: date, until: date, tenant_ids: Collection[str] | None = None) -> list[CompleteOn]:
        """Return for each day of the range how many tenants got a complete snapshot."""
        begin = datetime.combine(since, time.min, UTC)
        end = datetime.combine(until + timedelta(days=1), time.min, UTC)
        day = func.date(snapshots.c.created_at)
        query = (
            select(day.label("day"), func.count(snapshots.c.tenant_id.distinct()).label("tenants"))
            .where(*COMPLETE, snapshots.c.created_at >= begin, snapshots.c.created_at < end)
            .group_by(day)
        )
        if tenant_ids is not None:
            query = query.where(snapshots.c.tenant_id.in_(tenant_ids))
        with self._database.read(EVERY_TENANT) as connection:
            counted = {str(row["day"]): row["tenants"] for row in connection.execute(query).mappings()}
        days = (since + timedelta(days=n) for n in range((until - since).days + 1))
        return [CompleteOn(day=each, tenants=counted.get(each.isoformat(), 0)) for each in days]

    def timeline(self, tenant_id: str, since: datetime) -> Timeline:
        """Return the tenant's snapshots since then, and its newest one."""
        with self._database.read(tenant_id) as connection:
            rows = connection.execute(timeline_wanted(tenant_id, since)).mappings().all()
        return Timeline(
            moments=[
                Moment(
                    snapshot_id=row["snapshot_id"],
                    created_at=row["created_at"],
                    begun_at=row["begun_at"],
                    objects=row["objects"],
                    complete=row["complete"],
                )
                for row in rows
            ],
            newest=snapshot_of(rows[-1]) if rows else None,
        )

    def neighbours(self, tenant_id: str, snapshot_id: str) -> Neighbours:
        """Return the snapshots before and after one, and the number of its runs."""
        own = (snapshots.c.tenant_id == tenant_id, snapshots.c.snapshot_id == snapshot_id)
        number = select(snapshots.c.number).where(*own).scalar_subquery()
        other = snapshots.alias()

        def nearest(where: ColumnElement[bool], order: ColumnElement[int]) -> ScalarSelect[str]:
            query = select(other.c.snapshot_id).where(other.c.tenant_id == tenant_id, ~other.c.going, where)
            return query.order_by(order).limit(1).scalar_subquery()

        in_snapshot = (snapshot_runs.c.tenant_id == tenant_id, snapshot_runs.c.snapshot_id == snapshot_id)
        query = select(
            nearest(other.c.number < number, other.c.number.desc()).label("older"),
            nearest(other.c.number > number, other.c.number.asc()).label("newer"),
            select(func.count()).select_from(snapshot_runs).where(*in_snapshot).scalar_subquery().label("runs"),
        )
        with self._database.read(tenant_id) as connection:
            row = connection.execute(query).mappings().one()
        return Neighbours(older=row["older"], newer=row["newer"], runs=row["runs"])


def _status(row: Sequence[Any]) -> TenantStatus:
    """Return the status in a row. It is made for every tenant of each page, so it reads by position, which is quicker."""
    tenant_id, name, cron, timezone, paused, condition, warnings, updating, begun_at, refused_since, verified_at = row
    return TenantStatus(
        tenant_id=tenant_id,
        name=name,
        cron=cron,
        timezone=timezone,
        paused=bool(paused),
        begun_at=begun_at,
        refused_since=refused_since,
        condition=_CONDITIONS.get(condition, KeyCondition.OK),
        warnings=warnings or 0,
        updating=updating,
        verified_at=verified_at,
    )


def _newest_snapshot(row: RowMapping | None) -> NewestSnapshot | None:
    """Return the snapshot in a row, or None."""
    if row is None:
        return None
    reports = msgspec.convert(row["resources"] or [], list[ResourceReport])
    return NewestSnapshot(
        snapshot_id=row["snapshot_id"],
        created_at=row["created_at"],
        objects=row["objects"],
        complete=row["complete"],
        lacking=[report for report in reports if report.lacking],
    )


def _last_backup(row: RowMapping | None) -> LastBackup | None:
    """Return the result of the backup in a row, or None."""
    if row is None:
        return None
    return LastBackup(
        job_id=row["job_id"],
        state=JobState(row["state"]),
        code=Code(row["code"]) if row["code"] else None,
        message=row["message"],
        finished_at=row["finished_at"],
    )


def _running(row: RowMapping) -> RunningJob:
    """Return the unfinished job in a row."""
    return RunningJob(
        job_id=row["job_id"], kind=row["kind"], state=JobState(row["state"]), steps=row["steps"], done=row["done"]
    )
