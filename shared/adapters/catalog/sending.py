"""Read whose step is next, and mark the steps as sent. ``domain.jobs.turns`` has the rule."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, String, case, cast, func, select, update

from shared.adapters.catalog.job_rows import GOING_ON
from shared.adapters.catalog.schema import jobs, steps, tenants, workers
from shared.adapters.catalog.tenancy import Changes
from shared.domain.jobs import Origin, StepRef, StepState, is_known
from shared.domain.jobs.backoff import resend_wait
from shared.domain.jobs.turns import ActiveStep, next_steps, queue_of
from shared.messages import FIRST_VERSION, VERSION

_UNIT = case((steps.c.bundle.is_(None), steps.c.step_id), else_=cast(steps.c.bundle, String))
"""What a message is sent for: a step, or a bundle of the job's open phase."""
_OF_JOB = (jobs.c.created_at, jobs.c.number, jobs.c.kind, jobs.c.asked, jobs.c.cancel)
_OF_TENANT = (tenants.c.served_at, tenants.c.name)


def _active_steps(now: datetime) -> Select[Any]:
    """Return the query for running steps, and queued ones of open phases, oldest job first.

    Steps of one bundle are one row if they run under one claim, or are queued and all due or all not due.
    """
    due, sent = (case((condition, 1), else_=0) for condition in (steps.c.send_at <= now, steps.c.sends > 0))
    groups = (
        steps.c.tenant_id,
        steps.c.job_id,
        steps.c.phase,
        steps.c.bundle,
        _UNIT,
        steps.c.state,
        steps.c.holder,
        due,
        sent,
    )
    first = func.min(steps.c.name)
    return (
        select(
            *groups[:4],
            steps.c.holder,
            steps.c.state.label("step_state"),
            func.min(steps.c.step_id).label("step_id"),
            func.min(steps.c.send_at, type_=steps.c.send_at.type).label("send_at"),
            func.max(steps.c.sends).label("sends"),
            first.label("first"),
            func.max(steps.c.name).label("last"),
            *_OF_JOB,
            tenants.c.served_at,
            tenants.c.name.label("tenant"),
        )
        .join(jobs, (jobs.c.tenant_id == steps.c.tenant_id) & (jobs.c.job_id == steps.c.job_id))
        .join(tenants, tenants.c.tenant_id == steps.c.tenant_id)
        .where(
            steps.c.state.in_((StepState.QUEUED.value, StepState.RUNNING.value)),
            steps.c.phase == jobs.c.open_phase,
            jobs.c.state.in_(GOING_ON),
            ~jobs.c.here,
        )
        .group_by(*groups, *_OF_JOB, *_OF_TENANT)
        .order_by(jobs.c.created_at, jobs.c.number, first, func.min(steps.c.step_id))
    )


def due_messages(
    connection: Connection,
    now: datetime,
    *,
    resend: float,
    resend_most: float,
    worker_seen: float,
    tenant_steps: int,
) -> list[StepRef]:
    """Return the steps to send a message for, and mark them as sent.

    ``resend`` and ``resend_most`` are the first and the longest wait in seconds before a message is sent again. A
    worker counts if it was seen within ``worker_seen`` seconds. ``tenant_steps`` limits how many of a tenant's steps
    run or wait for a worker.
    """
    active = {row["step_id"]: row for row in connection.execute(_active_steps(now)).mappings()}
    alive = connection.execute(select(workers).where(workers.c.seen_at > now - timedelta(seconds=worker_seen)))
    seen = alive.mappings().all()
    slots = {row["worker"]: row["slots"] for row in seen}
    chosen = next_steps([_active_step(row) for row in active.values()], slots, now, tenant_steps)
    if not chosen:
        return []
    served = {step.tenant_id for step in chosen}
    connection.execute(update(tenants).where(tenants.c.tenant_id.in_(served)).values(served_at=now))
    version = _common_version(seen)
    refs = []
    for row in (active[step.step_id] for step in chosen):
        rows = Changes(connection, row["tenant_id"], now)
        wait = resend_wait(row["sends"], resend, resend_most)
        members = _due_members(rows, row)
        if members and _mark_sent(rows, members, row["sends"] + 1, wait):
            refs.append(_step_ref(row, members, version))
    return refs


def _active_step(row: RowMapping) -> ActiveStep:
    """Return the step or steps in a row. What this version does not know is left to a sender that knows it."""
    known = any(is_known(row["kind"], row["phase"], name) for name in (row["first"], row["last"]))
    return ActiveStep(
        tenant_id=row["tenant_id"],
        step_id=row["step_id"],
        origin=Origin(row["asked"]),
        worker=row["holder"].rpartition("/")[0] if row["step_state"] == StepState.RUNNING else None,
        send_at=row["send_at"],
        sends=row["sends"],
        offered=not row["cancel"] and known,
        served_at=row["served_at"],
    )


def _due_members(rows: Changes, row: RowMapping) -> list[RowMapping]:
    """Return the due steps of a row of ``_active_steps`` that this version knows, by name."""
    own = steps.c.step_id == row["step_id"] if row["bundle"] is None else steps.c.bundle == row["bundle"]
    query = rows.query(
        steps,
        steps.c.job_id == row["job_id"],
        steps.c.phase == row["phase"],
        own,
        steps.c.state == StepState.QUEUED.value,
        steps.c.send_at <= rows.now,
    )
    named = query.with_only_columns(steps.c.step_id, steps.c.name).order_by(steps.c.name, steps.c.step_id)
    return [each for each in rows.all(named) if is_known(row["kind"], row["phase"], each["name"])]


def _mark_sent(rows: Changes, members: Sequence[RowMapping], sends: int, wait: float) -> bool:
    """Mark the steps as sent. Return False if a worker has claimed all of them."""
    changed = rows.update(
        steps,
        steps.c.step_id.in_([each["step_id"] for each in members]),
        steps.c.state == StepState.QUEUED.value,
        steps.c.send_at <= rows.now,
        sends=sends,
        send_at=rows.now + timedelta(seconds=wait),
    )
    return changed > 0


def _common_version(seen: Sequence[RowMapping]) -> int:
    """Return the newest version of messages that each of these workers understands.

    Code that knows only the first version does not write the column. Its row has no version, or the version of an
    earlier heartbeat.
    """
    versions = [row["messages"] if row["messages_at"] == row["seen_at"] else FIRST_VERSION for row in seen]
    return min([VERSION, *versions])


def _step_ref(row: RowMapping, members: Sequence[RowMapping], version: int) -> StepRef:
    """Return the message's content for steps that are sent together: queue, names and version. It names the first one."""
    named, *others = members
    return StepRef(
        tenant_id=row["tenant_id"],
        job_id=row["job_id"],
        step_id=named["step_id"],
        queue=queue_of(row["kind"], Origin(row["asked"])).value,
        tenant=row["tenant"],
        kind=row["kind"],
        phase=row["phase"],
        name=named["name"],
        version=version,
        others=tuple(each["step_id"] for each in others),
        streams=tuple(each["name"] for each in members) if others else (),
    )
