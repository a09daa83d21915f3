"""Read whose step is next, and mark the steps as sent. ``domain.jobs.turns`` has the rule."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, select, update

from shared.adapters.catalog.job_rows import GOING_ON
from shared.adapters.catalog.schema import jobs, steps, tenants, workers
from shared.adapters.catalog.tenancy import Changes
from shared.domain.jobs import Origin, StepRef, StepState, is_known
from shared.domain.jobs.backoff import resend_wait
from shared.domain.jobs.turns import ActiveStep, next_steps, queue_of
from shared.messages import FIRST_VERSION, VERSION

_ACTIVE_STEPS = (
    select(
        steps.c.tenant_id,
        steps.c.job_id,
        steps.c.step_id,
        steps.c.phase,
        steps.c.name,
        steps.c.holder,
        steps.c.send_at,
        steps.c.sends,
        steps.c.state.label("step_state"),
        jobs.c.kind,
        jobs.c.asked,
        jobs.c.cancel,
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
    .order_by(jobs.c.created_at, jobs.c.number, steps.c.name, steps.c.step_id)
)
"""Running steps, and queued ones of open phases; oldest job first."""


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
    active = {row["step_id"]: row for row in connection.execute(_ACTIVE_STEPS).mappings()}
    alive = connection.execute(select(workers).where(workers.c.seen_at > now - timedelta(seconds=worker_seen)))
    seen = alive.mappings().all()
    slots = {row["worker"]: row["slots"] for row in seen}
    chosen = next_steps([_active_step(row) for row in active.values()], slots, now, tenant_steps)
    if not chosen:
        return []
    served = {step.tenant_id for step in chosen}
    connection.execute(update(tenants).where(tenants.c.tenant_id.in_(served)).values(served_at=now))
    version = _common_version(seen)
    rows = [active[step.step_id] for step in chosen]
    return [_step_ref(row, version) for row in rows if _mark_sent(connection, now, row, resend, resend_most)]


def _active_step(row: RowMapping) -> ActiveStep:
    """Return the step in a row. A step that this version does not know is left to a sender that knows it."""
    return ActiveStep(
        tenant_id=row["tenant_id"],
        step_id=row["step_id"],
        origin=Origin(row["asked"]),
        worker=row["holder"].rpartition("/")[0] if row["step_state"] == StepState.RUNNING else None,
        send_at=row["send_at"],
        sends=row["sends"],
        offered=not row["cancel"] and is_known(row["kind"], row["phase"], row["name"]),
        served_at=row["served_at"],
    )


def _mark_sent(connection: Connection, now: datetime, row: RowMapping, resend: float, resend_most: float) -> bool:
    """Mark the step as sent. Return False if another tick was first or a worker claimed the step."""
    wait = resend_wait(row["sends"], resend, resend_most)
    changed = Changes(connection, row["tenant_id"], now).update(
        steps,
        steps.c.step_id == row["step_id"],
        steps.c.state == StepState.QUEUED.value,
        steps.c.sends == row["sends"],
        sends=row["sends"] + 1,
        send_at=now + timedelta(seconds=wait),
    )
    return changed == 1


def _common_version(seen: Sequence[RowMapping]) -> int:
    """Return the newest version of messages that each of these workers understands.

    Code that knows only the first version does not write the column. Its row has no version, or the version of an
    earlier heartbeat.
    """
    versions = [row["messages"] if row["messages_at"] == row["seen_at"] else FIRST_VERSION for row in seen]
    return min([VERSION, *versions])


def _step_ref(row: RowMapping, version: int) -> StepRef:
    """Return the message's content for a step: its queue, names and version."""
    return StepRef(
        tenant_id=row["tenant_id"],
        job_id=row["job_id"],
        step_id=row["step_id"],
        queue=queue_of(row["kind"], Origin(row["asked"])).value,
        tenant=row["tenant"],
        kind=row["kind"],
        phase=row["phase"],
        name=row["name"],
        version=version,
    )
