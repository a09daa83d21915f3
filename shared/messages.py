"""What Celery carries: a task name, a version and ids. Nothing else, ever.

A message says that a step may be claimed. It may be lost, late or doubled: the step's row in SQL decides.
"""

from typing import Annotated

import msgspec

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
VERSION = 1
TASK = "entrakeep.step"
QUEUES = ("manual", "backup", "upkeep")


class StepMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Ids of the step to claim."""

    tenant_id: Id
    job_id: Id
    step_id: Id
    version: int = VERSION


def encode(message: StepMessage) -> dict[str, str | int]:
    """The message as the keyword arguments of the Celery task."""
    return {
        "version": message.version,
        "tenant_id": message.tenant_id,
        "job_id": message.job_id,
        "step_id": message.step_id,
    }


def decode(arguments: dict[str, object]) -> StepMessage | None:
    """The message in a task's keyword arguments, or None if it is of another version or shape.

    A message of another version is dropped without harm: the tick sends the step again, from its own version.
    """
    try:
        message = msgspec.convert(arguments, StepMessage)
    except msgspec.ValidationError:
        return None
    return message if message.version == VERSION else None
