"""The steps of a job: plan, progress, trouble, claim, and the content of a message."""

from datetime import datetime

import msgspec

from shared.domain.errors import Answer, Code
from shared.domain.jobs.kinds import JobKind
from shared.domain.jobs.states import StepState


class StepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A step to be created."""

    phase: int
    name: str
    """What the step works on: a stream's name, ``compact``, ``commit``, or the kind of its job."""
    bundle: int | None = None
    """The number of its bundle within the phase: one message and one claim for all its steps. None if it is alone."""


class ResourceProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of one resource."""

    resource: str
    records: int
    """Objects or links seen."""
    changed: int
    """Objects or links that were added, changed or removed."""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step was released to be tried again."""

    code: Code
    message: str
    since: datetime
    """When the trouble began."""
    retry_at: datetime
    """When the step is next tried."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a job."""

    step_id: str
    phase: int
    name: str
    state: StepState
    answer: Answer | None = None
    """Graph's answer to its stream; None until the step has ended."""
    request_id: str | None = None
    """Graph's request id of the answer that ended the step, unless that answer was ``whole``."""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    progress: list[ResourceProgress] = []
    trouble: Trouble | None = None
    """The step's current trouble, until it is done."""
    bundle: int | None = None
    """The number of its bundle within the phase, or None if it is alone."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's time-limited right to a step."""

    tenant_id: str
    job_id: str
    step_id: str
    kind: JobKind
    phase: int
    name: str
    fence: int
    """The fencing number, which every write names."""
    seconds: float
    """How long the claim lasts after it was given or renewed."""
    fresh_starts: int = 0
    """How often the step has started its reading over because its cursor was refused."""


class StepRef(msgspec.Struct, frozen=True, kw_only=True):
    """A step, or several of one bundle, for which a message is sent."""

    tenant_id: str
    job_id: str
    step_id: str
    queue: str
    tenant: str
    """The tenant's name."""
    kind: JobKind
    phase: int
    name: str
    version: int
    """The newest version of messages that every worker understands."""
    others: tuple[str, ...] = ()
    """The ids of the other steps of its bundle for which this message is sent too."""
    streams: tuple[str, ...] = ()
    """The names of all these steps; empty if the step is alone."""
