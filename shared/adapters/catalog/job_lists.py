"""Statements that list jobs, with the name of their tenant."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, select, tuple_

from shared.adapters.catalog.job_rows import GOING_ON, job_of, of_kinds, step_of
from shared.adapters.catalog.schema import jobs, steps, tenants
from shared.ports.catalog.queries import JobFilter, WatchedJob

_STEP = "step_of_"
"""Begins the labels of a step's columns beside those of its job."""
_IN_TENANT = (jobs.c.number,)
_IN_ALL = (jobs.c.created_at, jobs.c.number, jobs.c.job_id)
"""The columns that jobs are sorted by, of one tenant and of all: each is the end of an index."""
_NAMED = select(jobs, tenants.c.name.label("tenant")).join(tenants, tenants.c.tenant_id == jobs.c.tenant_id)


def jobs_wanted(wanted: JobFilter) -> Select[Any]:
    """Return the statement for a page of jobs, the newest first.

    The page is cut before it is joined: row-level security lets PostgreSQL expect few rows, and it would join all of them.
    """
    order = _IN_ALL if wanted.tenant_id is None else _IN_TENANT
    where = list(_conditions(wanted))
    if wanted.after is not None:
        own = [jobs.c.tenant_id == wanted.tenant_id] if wanted.tenant_id is not None else []
        last = select(*order).where(jobs.c.job_id == wanted.after, *own).scalar_subquery()
        where.append(tuple_(*order) < last)
    newest = select(jobs).where(*where).order_by(*(column.desc() for column in order)).limit(wanted.limit)
    page = newest.subquery("page")
    named = select(page, tenants.c.name.label("tenant")).join(tenants, tenants.c.tenant_id == page.c.tenant_id)
    return named.order_by(*(page.c[column.name].desc() for column in order))


def _conditions(wanted: JobFilter) -> Iterable[ColumnElement[bool]]:
    """Yield the conditions of a filter."""
    if wanted.tenant_id is not None:
        yield jobs.c.tenant_id == wanted.tenant_id
    if wanted.states:
        yield jobs.c.state.in_([state.value for state in wanted.states])
    if wanted.kinds:
        yield of_kinds(*wanted.kinds)
    if wanted.origin is not None:
        yield jobs.c.asked == wanted.origin.value
    if wanted.since is not None:
        yield jobs.c.created_at >= wanted.since
    if wanted.until is not None:
        yield jobs.c.created_at < wanted.until


def jobs_watched(job_ids: Collection[str]) -> Select[Any]:
    """Return the statement for these jobs with their steps: a row for each step, one for a job without steps."""
    by_step = (steps.c.phase, steps.c.name)
    return _with_steps().where(jobs.c.job_id.in_(job_ids)).order_by(jobs.c.job_id, *by_step)


def jobs_recent(tenant_id: str, limit: int) -> Select[Any]:
    """Return the statement for a tenant's newest jobs, with the steps of those that have not ended."""
    own = jobs.c.tenant_id == tenant_id
    newest = select(jobs.c.job_id).where(own).order_by(jobs.c.number.desc()).limit(limit)
    by_step = (steps.c.phase, steps.c.name)
    return (
        _with_steps(jobs.c.state.in_(GOING_ON))
        .where(own, jobs.c.job_id.in_(newest))
        .order_by(jobs.c.number.desc(), *by_step)
    )


def _with_steps(*of_jobs: ColumnElement[bool]) -> Select[Any]:
    """Return the statement for jobs, joined with the steps of those that meet the conditions."""
    own_steps = and_(steps.c.tenant_id == jobs.c.tenant_id, steps.c.job_id == jobs.c.job_id, *of_jobs)
    columns = (column.label(f"{_STEP}{column.name}") for column in steps.c)
    return _NAMED.add_columns(*columns).outerjoin(steps, own_steps)


def watched_of(rows: Iterable[RowMapping]) -> list[WatchedJob]:
    """Return the jobs in the rows of ``jobs_watched`` or ``jobs_recent``."""
    watched: dict[str, WatchedJob] = {}
    for row in rows:
        known = watched.get(row["job_id"])
        if known is None:
            known = watched[row["job_id"]] = WatchedJob(job=job_of(row), tenant=row["tenant"], steps=[])
        step: dict[str, Any] = {column.name: row[f"{_STEP}{column.name}"] for column in steps.c}
        if step["step_id"] is not None:
            known.steps.append(step_of(step))
    return list(watched.values())
