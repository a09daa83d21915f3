"""Choose whose step is next.

At most twice the free slots are outstanding, so that a backlog waits in SQL, where it can be ordered, and not in the
broker. Steps of jobs that a person requested go first. Next goes the tenant with the fewest steps at work; among equals,
the one that was served longest ago.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from shared.domain.jobs.job import Origin
from shared.domain.jobs.kinds import KINDS, JobKind, QueueName

_NEVER = datetime.min.replace(tzinfo=UTC)
_PER_SLOT = 2
"""Outstanding messages for each free slot."""


class ActiveStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step, or the steps of one bundle in the same state, that run or may be claimed together."""

    tenant_id: str
    step_id: str
    """The id of the step, or of one of them."""
    origin: Origin
    """The origin of its job."""
    worker: str | None = None
    """The worker that runs it, or None if it is queued."""
    send_at: datetime
    """When its message is due."""
    sends: int = 0
    """The number of messages sent since it was last queued."""
    offered: bool = True
    """False if no message may be sent: its job is to be cancelled, or this version does not know the step."""
    served_at: datetime | None = None
    """When a message was last sent for its tenant, or None if never."""


def next_steps(
    active: Sequence[ActiveStep], slots: Mapping[str, int], now: datetime, tenant_steps: int
) -> list[ActiveStep]:
    """Return the steps to send messages for now, in order.

    ``active`` begins with the oldest job. ``slots`` are the slots of live workers by name. ``tenant_steps`` is the number
    of steps that a tenant may have at work.
    """
    running = [step for step in active if step.worker is not None]
    queued = [step for step in active if step.worker is None]
    outstanding = [step for step in queued if step.sends and step.send_at > now]
    room = _PER_SLOT * free_slots(slots, running) - len(outstanding)
    due = [step for step in queued if step.offered and step.send_at <= now]
    at_work = Counter(step.tenant_id for step in (*running, *outstanding))
    return _in_turn(due, at_work, room, tenant_steps)


def free_slots(slots: Mapping[str, int], running: Sequence[ActiveStep]) -> int:
    """Return the number of slots in which no step runs."""
    busy = Counter(step.worker for step in running)
    return sum(max(0, count - busy[worker]) for worker, count in slots.items())


def queue_of(kind: JobKind, origin: Origin) -> QueueName:
    """Return the queue for the messages of a job."""
    return QueueName.MANUAL if origin is Origin.HAND else KINDS[kind].queue


def _in_turn(due: Sequence[ActiveStep], at_work: Counter[str], room: int, tenant_steps: int) -> list[ActiveStep]:
    """Return up to ``room`` due steps in the order of the module's rule. ``at_work`` is updated."""
    chosen: list[ActiveStep] = []
    for origin in (Origin.HAND, Origin.SCHEDULE):
        queues: dict[str, list[ActiveStep]] = {}
        for step in reversed(due):
            if step.origin is origin:
                queues.setdefault(step.tenant_id, []).append(step)
        turn = {tenant_id: queue[0].served_at or _NEVER for tenant_id, queue in queues.items()}
        while len(chosen) < room:
            ready = [tenant_id for tenant_id in queues if queues[tenant_id] and at_work[tenant_id] < tenant_steps]
            if not ready:
                break
            tenant_id = min(ready, key=lambda one: (at_work[one], turn[one]))
            chosen.append(queues[tenant_id].pop())
            at_work[tenant_id] += 1
    return chosen
