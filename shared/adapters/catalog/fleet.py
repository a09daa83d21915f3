"""Read how well tenants are protected: each from the ends of indexes, however many snapshots and jobs a tenant has."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    RowMapping,
    ScalarSelect,
    Select,
    Table,
    and_,
    case,
    false,
    func,
    literal,
    null,
    or_,
    select,
)

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.job_rows import GOING_ON, going, of_kinds
from shared.adapters.catalog.key_states import newest_generation
from shared.adapters.catalog.schema import (
    data_keys,
    jobs,
    key_health,
    refusals,
    schedules,
    snapshot_runs,
    snapshots,
    steps,
    tenants,
)
from shared.adapters.catalog.snapshots import snapshot_of
from shared.domain.errors import Code
from shared.domain.jobs import KEY_CHANGES, JobKind, JobState, StepState
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

_LISTED = ~snapshots.c.going
_COMPLETE = (snapshots.c.complete, _LISTED)
_MADE_BY = and_(jobs.c.tenant_id == snapshots.c.tenant_id, jobs.c.job_id == snapshots.c.job_id)
_BEGUN_AT = func.coalesce(jobs.c.started_at, snapshots.c.created_at)
"""When the backup of a snapshot began. A rebuild restores snapshots without their jobs."""
_WITH_JOBS = snapshots.outerjoin(jobs, _MADE_BY)


_CONDITIONS = {condition.value: condition for condition in KeyCondition}


class SqlFleet:
    """``ports.catalog.fleet.Fleet`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def statuses(self, tenant_ids: Collection[str] | None = None) -> list[TenantStatus]:
        """Return what decides the state of each tenant."""
        query = _statuses()
        if tenant_ids is not None:
            query = query.where(tenants.c.tenant_id.in_(tenant_ids))
        with self._database.read(EVERY_TENANT) as connection:
            return [_status(row) for row in connection.execute(query)]

    def rows(self, tenant_ids: Sequence[str]) -> dict[str, FleetRow]:
        """Return the other parts of the rows of these tenants, by tenant id."""
        of_page = tenants.c.tenant_id.in_(tenant_ids)
        with self._database.read(EVERY_TENANT) as connection:
            newest = connection.execute(_newest_ids().where(of_page)).mappings().all()
            snapshot_rows = connection.execute(_snapshots(newest)).mappings().all()
            job_rows = connection.execute(_jobs(tenant_ids, newest)).mappings().all()
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
            .where(*_COMPLETE, snapshots.c.created_at >= begin, snapshots.c.created_at < end)
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
            rows = connection.execute(_timeline(tenant_id, since)).mappings().all()
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


def _timeline(tenant_id: str, since: datetime) -> Select[Any]:
    """Return the query for a timeline. Only the newest snapshot's report is read, because reports are large."""
    listed = (snapshots.c.tenant_id == tenant_id, _LISTED)
    other = snapshots.alias()

    def highest(*where: ColumnElement[bool]) -> ScalarSelect[int]:
        query = select(func.max(other.c.number)).where(other.c.tenant_id == tenant_id, ~other.c.going, *where)
        return query.scalar_subquery()

    is_newest = snapshots.c.number == highest()
    is_last_before = snapshots.c.number == highest(other.c.complete, other.c.created_at < since)
    columns = [column for column in snapshots.c if column.name != "resources"]
    return (
        select(
            *columns,
            _BEGUN_AT.label("begun_at"),
            case((is_newest, snapshots.c.resources), else_=null()).label("resources"),
        )
        .select_from(_WITH_JOBS)
        .where(*listed, or_(snapshots.c.created_at >= since, is_newest, is_last_before))
        .order_by(snapshots.c.number)
    )


def _statuses() -> Select[Any]:
    """Return the query for the statuses of all tenants."""
    of_tenant = tenants.outerjoin(schedules, schedules.c.tenant_id == tenants.c.tenant_id).outerjoin(
        key_health, key_health.c.tenant_id == tenants.c.tenant_id
    )
    changing = tenants.c.tenant_id.in_(select(jobs.c.tenant_id).where(*going(KEY_CHANGES)))
    moving = and_(tenants.c.key_switched_at.is_not(None), tenants.c.key_free_at.is_(None))
    return select(
        tenants.c.tenant_id,
        tenants.c.name,
        schedules.c.cron,
        schedules.c.timezone,
        schedules.c.paused,
        key_health.c.condition,
        func.json_array_length(key_health.c.warnings).label("warnings"),
        or_(moving, changing).label("updating"),
        _newest_complete().label("begun_at"),
        _refused_since().label("refused_since"),
        _verified_at().label("verified_at"),
    ).select_from(of_tenant)


def _newest_complete() -> ScalarSelect[datetime]:
    """Return when the backup of the tenant's newest complete snapshot began."""
    query = select(_BEGUN_AT).select_from(_WITH_JOBS).where(snapshots.c.tenant_id == tenants.c.tenant_id, *_COMPLETE)
    return _newest(query, snapshots)


def _refused_since() -> ScalarSelect[datetime]:
    """Return since when KMS has refused a key that wraps, or would wrap, one of the tenant's data keys."""
    wraps = (
        select(data_keys.c.data_key_id)  # not every column: the console's database user may not read wrapped keys
        .where(data_keys.c.tenant_id == refusals.c.tenant_id, data_keys.c.arn == refusals.c.arn, newest_generation())
        .exists()
    )
    return (
        select(func.min(func.coalesce(refusals.c.since, refusals.c.at)))
        .where(refusals.c.tenant_id == tenants.c.tenant_id, or_(refusals.c.arn == tenants.c.key_arn, wraps))
        .correlate(tenants)
        .scalar_subquery()
    )


def _verified_at() -> ScalarSelect[datetime]:
    """Return when the last verify of all snapshots' contents ended without damage."""
    of_everything = (jobs.c.snapshot.is_(None), jobs.c.detail["shallow"].as_boolean() == false())
    query = select(jobs.c.finished_at).where(
        jobs.c.tenant_id == tenants.c.tenant_id,
        of_kinds(JobKind.VERIFY),
        jobs.c.state == JobState.SUCCEEDED.value,
        *of_everything,
    )
    return _newest(query, jobs)


def _newest_ids() -> Select[Any]:
    """Return the query for columns of each tenant, and the ids of its newest snapshot and of its last ended backup."""
    last = select(snapshots.c.snapshot_id).where(snapshots.c.tenant_id == tenants.c.tenant_id, _LISTED)
    ended = select(jobs.c.job_id).where(
        jobs.c.tenant_id == tenants.c.tenant_id, of_kinds(JobKind.BACKUP), jobs.c.finished_at.is_not(None)
    )
    ids = (_newest(last, snapshots).label("snapshot_id"), _newest(ended, jobs).label("job_id"))
    columns = (tenants.c.tenant_id, tenants.c.key_mode, tenants.c.sign_in_expires_at, schedules.c.next_due)
    of_tenant = tenants.outerjoin(schedules, schedules.c.tenant_id == tenants.c.tenant_id)
    return select(*columns, *ids).select_from(of_tenant)


def _newest(query: Select[Any], table: Table) -> ScalarSelect[Any]:
    """Return the value of the row with the highest number in the table, for the tenant of the enclosing query."""
    return query.order_by(table.c.number.desc()).limit(1).correlate(tenants).scalar_subquery()


def _snapshots(newest: Iterable[RowMapping]) -> Select[Any]:
    """Return the query for the newest snapshots. Only the reports of incomplete ones are read."""
    pairs = [row for row in newest if row["snapshot_id"] is not None]
    return select(
        snapshots.c.snapshot_id,
        snapshots.c.created_at,
        snapshots.c.objects,
        snapshots.c.complete,
        case((snapshots.c.complete, null()), else_=snapshots.c.resources).label("resources"),
    ).where(
        snapshots.c.tenant_id.in_([row["tenant_id"] for row in pairs]),
        snapshots.c.snapshot_id.in_([row["snapshot_id"] for row in pairs]),
    )


def _jobs(tenant_ids: Sequence[str], newest: Iterable[RowMapping]) -> Select[Any]:
    """Return the query for the tenants' unfinished jobs, with the numbers of their steps, and for these last backups."""
    unfinished = jobs.c.state.in_(GOING_ON)
    last = jobs.c.job_id.in_([row["job_id"] for row in newest if row["job_id"] is not None])

    def counted(*where: ColumnElement[bool]) -> ColumnElement[int]:
        of_job = (steps.c.tenant_id == jobs.c.tenant_id, steps.c.job_id == jobs.c.job_id)
        number = select(func.count()).select_from(steps).where(*of_job, *where).correlate(jobs).scalar_subquery()
        return case((unfinished, number), else_=literal(0))

    return (
        select(
            jobs.c.tenant_id,
            jobs.c.job_id,
            jobs.c.kind,
            jobs.c.state,
            jobs.c.code,
            jobs.c.message,
            jobs.c.finished_at,
            counted().label("steps"),
            counted(steps.c.state == StepState.DONE.value).label("done"),
        )
        .where(jobs.c.tenant_id.in_(tenant_ids), or_(unfinished, last))
        .order_by(jobs.c.number)
    )


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
