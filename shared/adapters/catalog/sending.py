"""Choose the steps to send messages for now.

At most twice the free slots are outstanding. So a backlog waits in SQL, where it can be ordered, and not in the broker.
Jobs that a person asked for go first. Next goes the tenant with the fewest steps at work, and among equals the one that
was served longest ago.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, RowMapping, select, update

from shared.adapters.catalog.jobs import GOING_ON
from shared.adapters.catalog.schema import jobs, steps, tenants, workers
from shared.adapters.catalog.tenancy import Changes
from shared.domain.jobs import JobKind, Origin, StepRef, StepState
from shared.messages import FIRST_VERSION, VERSION

_NEVER = datetime.min.replace(tzinfo=UTC)
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
    worker counts if it was seen within ``worker_seen`` seconds. ``tenant_steps`` limits a tenant's steps at work.
    """
    active = connection.execute(_ACTIVE_STEPS).mappings().all()
    waiting = [row for row in active if row["step_state"] == StepState.QUEUED]
    outstanding = [row for row in waiting if row["sends"] and row["send_at"] > now]
    running = [row for row in active if row["step_state"] == StepState.RUNNING]
    due = [row for row in waiting if row["send_at"] <= now and not row["cancel"]]
    alive = connection.execute(select(workers).where(workers.c.seen_at > now - timedelta(seconds=worker_seen)))
    seen = alive.mappings().all()
    room = 2 * _free_slots(seen, running) - len(outstanding)
    if room <= 0 or not due:
        return []
    at_work = Counter(row["tenant_id"] for row in running + outstanding)
    chosen = _in_turn(due, at_work, room, tenant_steps)
    served = {row["tenant_id"] for row in chosen}
    connection.execute(update(tenants).where(tenants.c.tenant_id.in_(served)).values(served_at=now))
    version = _common_version(seen)
    return [_step_ref(row, version) for row in chosen if _mark_sent(connection, now, row, resend, resend_most)]


def _mark_sent(connection: Connection, now: datetime, row: RowMapping, resend: float, resend_most: float) -> bool:
    """Mark the step as sent. Return False if another tick was first or a worker claimed the step."""
    wait = min(resend * 2.0 ** min(row["sends"], 64), resend_most)
    changed = Changes(connection, row["tenant_id"], now).update(
        steps,
        steps.c.step_id == row["step_id"],
        steps.c.state == StepState.QUEUED.value,
        steps.c.sends == row["sends"],
        sends=row["sends"] + 1,
        send_at=now + timedelta(seconds=wait),
    )
    return changed == 1


def _free_slots(seen: Sequence[RowMapping], running: Sequence[RowMapping]) -> int:
    """Return the number of slots of these workers in which no step runs."""
    free = 0
    for row in seen:
        busy = sum(step["holder"].startswith(f"{row['worker']}/") for step in running)
        free += max(0, row["slots"] - busy)
    return free


def _common_version(seen: Sequence[RowMapping]) -> int:
    """Return the newest version of messages that each of these workers understands.

    Code that knows only the first version does not write the column. Its row has no version, or one of an earlier
    heartbeat.
    """
    versions = [row["messages"] if row["messages_at"] == row["seen_at"] else FIRST_VERSION for row in seen]
    return min([VERSION, *versions])


def _in_turn(due: Sequence[RowMapping], at_work: Counter[str], room: int, tenant_steps: int) -> list[RowMapping]:
    """Return up to ``room`` steps in the order of the module's rule.

    ``at_work`` counts each tenant's steps and is updated.
    """
    chosen: list[RowMapping] = []
    for asked in (Origin.HAND, Origin.SCHEDULE):
        queues: dict[str, list[RowMapping]] = {}
        for row in reversed(due):
            if row["asked"] == asked:
                queues.setdefault(row["tenant_id"], []).append(row)
        turn = {tenant_id: queue[0]["served_at"] or _NEVER for tenant_id, queue in queues.items()}
        while len(chosen) < room:
            ready = [tenant_id for tenant_id in queues if queues[tenant_id] and at_work[tenant_id] < tenant_steps]
            if not ready:
                break
            tenant_id = min(ready, key=lambda one: (at_work[one], turn[one]))
            chosen.append(queues[tenant_id].pop())
            at_work[tenant_id] += 1
    return chosen


def _step_ref(row: RowMapping, version: int) -> StepRef:
    """Return the message's content for a step: its queue, names and version."""
    queue = "upkeep"
    if row["asked"] == Origin.HAND:
        queue = "manual"
    elif row["kind"] == JobKind.BACKUP:
        queue = "backup"
    return StepRef(
        tenant_id=row["tenant_id"],
        job_id=row["job_id"],
        step_id=row["step_id"],
        queue=queue,
        tenant=row["tenant"],
        kind=JobKind(row["kind"]),
        phase=row["phase"],
        name=row["name"],
        version=version,
    )
