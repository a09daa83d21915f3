"""The messages that Celery carries: a task name, a version, ids, and what Flower shows of a step. They carry nothing else.

A message says that a step may be claimed. It may be lost, late or repeated: the step's row in SQL decides. Flower shows
the tenant's name, which its operator chose, and the names of streams, which are the product's.
"""

import re
from typing import Annotated, Any

import msgspec

from shared.domain.jobs import KINDS, QueueName, StepRef
from shared.domain.limits import LIMITS

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Name = Annotated[str, msgspec.Meta(max_length=80)]

VERSION = 2
FIRST_VERSION = 1
"""The version with one task name for every step and nothing to show. Sent while a worker that knows no other is alive."""
FIRST_TASK = "entrakeep.step"
QUEUES = tuple(queue.value for queue in QueueName)

TASKS = (FIRST_TASK, *(phase.task for row in KINDS.values() for phase in row.phases.values()))
"""The names of all tasks that a worker knows."""
_STEP_TASK = re.compile(r"(?!celery\.)[a-z_]{1,40}(\.[a-z_]{1,40})?")
"""The form of every task name of a step, in this version and in newer ones."""


class StepMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of the step to claim. The tenant's name and the streams are there to be shown."""

    tenant_id: Id
    job_id: Id
    step_id: Id
    tenant: Name = ""
    streams: tuple[Name, ...] = ()
    version: int = VERSION


def message_of(step: StepRef) -> tuple[str, StepMessage]:
    """Return the task name and the message for a step, in the version that every worker understands."""
    ids: dict[str, Any] = {"tenant_id": step.tenant_id, "job_id": step.job_id, "step_id": step.step_id}
    if step.version < VERSION:
        return FIRST_TASK, StepMessage(**ids, version=FIRST_VERSION)
    phase = KINDS[step.kind].phases[step.phase]
    return phase.task, StepMessage(**ids, tenant=step.tenant, streams=_streams_of(step) if phase.by_stream else ())


def _streams_of(step: StepRef) -> tuple[str, ...]:
    """Return the streams to show: all names, or the first ones and the number of the others."""
    names = step.streams or (step.name,)
    more = len(names) - LIMITS.shown_streams
    return names if more <= 1 else (*names[: LIMITS.shown_streams], f"and {more} more")


def task_to_run(name: object) -> str | None:
    """Return the task that a worker runs for a message with this task name, or None if the name is not a step's.

    For a name that only a newer version knows it is ``FIRST_TASK``: the step's row in SQL says whether this worker may run
    the step.
    """
    if not isinstance(name, str) or not _STEP_TASK.fullmatch(name):
        return None
    return name if name in TASKS else FIRST_TASK


def encode(message: StepMessage) -> dict[str, Any]:
    """Return the message as the keyword arguments of the Celery task."""
    fields: dict[str, Any] = msgspec.to_builtins(message)
    if message.version == FIRST_VERSION:
        return {name: fields[name] for name in ("version", "tenant_id", "job_id", "step_id")}
    return fields


def shown(message: StepMessage) -> str:
    """Return what Flower shows as the task's arguments. The task's id is the step's."""
    if message.version == FIRST_VERSION:
        return repr(encode(message))
    # The job last: Flower's list cuts what is long.
    return repr({"tenant": message.tenant, "streams": list(message.streams), "job": message.job_id})


def decode(arguments: dict[str, object]) -> StepMessage | None:
    """Return the message in a task's keyword arguments, or None if its version or form is unknown.

    A dropped message does no harm, because the tick sends the step again in its own version.
    """
    try:
        message = msgspec.convert(arguments, StepMessage)
    except msgspec.ValidationError:
        return None
    return message if message.version in (FIRST_VERSION, VERSION) else None
