"""The queries of the fleet: each value of a tenant comes from the end of an index."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

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

from shared.adapters.catalog.job_rows import GOING_ON, going, of_kinds
from shared.adapters.catalog.key_states import newest_generation
from shared.adapters.catalog.schema import data_keys, jobs, key_health, refusals, schedules, snapshots, steps, tenants
from shared.domain.jobs import KEY_CHANGES, JobKind, JobState, StepState

_LISTED = ~snapshots.c.going
COMPLETE = (snapshots.c.complete, _LISTED)
_MADE_BY = and_(jobs.c.tenant_id == snapshots.c.tenant_id, jobs.c.job_id == snapshots.c.job_id)
_BEGUN_AT = func.coalesce(jobs.c.started_at, snapshots.c.created_at)
"""When the backup of a snapshot began. A rebuild restores snapshots without their jobs."""
_WITH_JOBS = snapshots.outerjoin(jobs, _MADE_BY)


def statuses_wanted() -> Select[Any]:
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
    query = select(_BEGUN_AT).select_from(_WITH_JOBS).where(snapshots.c.tenant_id == tenants.c.tenant_id, *COMPLETE)
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


def newest_ids_wanted() -> Select[Any]:
    """Return the query for columns of each tenant, and the ids of its newest snapshot and of its last ended backup."""
    last = select(snapshots.c.snapshot_id).where(snapshots.c.tenant_id == tenants.c.tenant_id, _LISTED)
    ended = select(jobs.c.job_id).where(
        jobs.c.tenant_id == tenants.c.tenant_id, of_kinds(JobKind.BACKUP), jobs.c.finished_at.is_not(None)
    )
    ids = (_newest(last, snapshots).label("snapshot_id"), _newest(ended, jobs).label("job_id"))
    columns = (tenants.c.tenant_id, tenants.c.key_mode, tenants.c.sign_in_expires_at, schedules.c.next_due)
    of_tenant = tenants.outerjoin(schedules, schedules.c.tenant_id == tenants.c.tenant_id)
    return select(*columns, *ids).select_from(of_tenant)


def snapshots_wanted(newest: Iterable[RowMapping]) -> Select[Any]:
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


def jobs_wanted(tenant_ids: Sequence[str], newest: Iterable[RowMapping]) -> Select[Any]:
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


def timeline_wanted(tenant_id: str, since: datetime) -> Select[Any]:
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


def _newest(query: Select[Any], table: Table) -> ScalarSelect[Any]:
    """Return the value of the row with the highest number in the table, for the tenant of the enclosing query."""
    return query.order_by(table.c.number.desc()).limit(1).correlate(tenants).scalar_subquery()
