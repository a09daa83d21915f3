"""A job and its origin."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.errors import Code
from shared.domain.jobs.details import Details
from shared.domain.jobs.kinds import JobKind
from shared.domain.jobs.states import JobState


class Origin(StrEnum):
    """The origin of a job."""

    HAND = "hand"
    """A person requested the job."""
    SCHEDULE = "schedule"
    """The scheduler created the job."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a tenant."""

    job_id: str
    tenant_id: str
    kind: JobKind | str
    """A text stands for a kind that only a newer version knows."""
    state: JobState
    origin: Origin
    code: Code | None = None
    message: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    due_at: datetime | None = None
    full: bool = False
    parent: str | None = None
    """The snapshot that this job builds on or reads."""
    snapshot: str | None = None
    """The snapshot that this job made (backup), or read (browse, download, verify of one, compare: its first)."""
    detail: Details | None = None
    """What the job was requested with, and its results."""
