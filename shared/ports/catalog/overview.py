"""The catalog as metrics show it: counted in SQL, over all tenants."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState


class JobCount(msgspec.Struct, frozen=True, kw_only=True):
    """The number of a tenant's jobs of one kind, state and code."""

    tenant_id: str
    kind: JobKind | str
    """A text stands for a kind that only a newer version knows."""
    state: JobState
    code: Code | None
    count: int


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """The work that waits for workers."""

    jobs: int
    """The number of jobs whose first step has not begun."""
    steps: int
    """The number of steps that may be claimed."""
    oldest_seconds: float
    """The age of the oldest of those jobs, in seconds."""


class WorkerSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A worker, its slots, when it was seen last, and its identity in AWS."""

    worker: str
    slots: int
    seen_at: datetime
    aws_account: str | None
    """The account of its AWS credentials, 12 digits. None until its prober has found out."""
    aws_principal: str | None
    """The principal as a key policy names it."""


class Overview(Protocol):
    """Counts over all tenants."""

    def job_counts(self, seconds: float) -> list[JobCount]:
        """Return counts of the jobs that are queued or running, or were requested within the last ``seconds``."""

    def queue(self) -> Queue:
        """Return the work that waits for workers."""

    def workers(self) -> list[WorkerSeen]:
        """Return every worker that did not report its end, by name."""

    def usage(self) -> dict[str, dict[str, int]]:
        """Return what each tenant used since it was added, by tenant id and name of a counter."""

    def add_usage(self, tenants: Mapping[str, Mapping[str, int]], directories: Mapping[str, Mapping[str, int]]) -> None:
        """Add to the counters of tenants, named by id or by their directory's id. Ignore removed tenants."""
