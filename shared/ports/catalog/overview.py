"""The catalog as lists and metrics show it: counted and selected in SQL, for one tenant or for all."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState
from shared.domain.model import Schedule, Tenant


class SnapshotAt(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot's id and time."""

    snapshot_id: str
    created_at: datetime


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a backup."""

    job_id: str
    state: JobState
    code: Code | None
    finished_at: datetime


class TenantOverview(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant with its schedule, its snapshots and its last backup."""

    tenant: Tenant
    schedule: Schedule | None
    last: SnapshotAt | None
    """The newest snapshot."""
    complete: SnapshotAt | None
    """The newest complete snapshot."""
    result: Result | None
    """The outcome of the last backup that ended."""


class JobCount(msgspec.Struct, frozen=True, kw_only=True):
    """The number of a tenant's jobs of one kind, state and code."""

    tenant_id: str
    kind: JobKind
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
    """A worker, its slots, and when it was seen last."""

    worker: str
    slots: int
    seen_at: datetime


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs to list."""

    tenant_id: str | None = None
    """Only jobs of this tenant; None for all."""
    states: tuple[JobState, ...] = ()
    """Only jobs in one of these states; empty for all."""
    since: datetime | None = None
    """Only jobs requested at this time or later."""
    limit: int = 100
    """The number of jobs, newest first."""


class Overview(Protocol):
    """Lists and counts of all tenants."""

    def jobs(self, wanted: JobFilter) -> list[tuple[Job, str]]:
        """Return jobs and their tenants' names, newest first."""

    def tenants(self, tenant_id: str | None = None) -> list[TenantOverview]:
        """Return the tenants, newest first. With ``tenant_id``, return only that one, or an empty list."""

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
