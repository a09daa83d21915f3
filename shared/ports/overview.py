"""The catalog as lists and metrics show it: counted and chosen in SQL, for one tenant or for all."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.errors import Code
from shared.domain.model import Job, JobKind, JobState, Schedule, Tenant


class SnapshotAt(msgspec.Struct, frozen=True, kw_only=True):
    snapshot_id: str
    created_at: datetime


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How a backup ended."""

    job_id: str
    state: JobState
    code: Code | None
    finished_at: datetime


class TenantOverview(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant, its schedule, its newest snapshot, the newest that is complete, and how its last backup ended."""

    tenant: Tenant
    schedule: Schedule | None
    last: SnapshotAt | None
    complete: SnapshotAt | None
    result: Result | None


class JobCount(msgspec.Struct, frozen=True, kw_only=True):
    tenant_id: str
    kind: JobKind
    state: JobState
    code: Code | None
    count: int


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that wait for their first step to begin, steps that may be claimed, and the age of the oldest of those jobs."""

    jobs: int
    steps: int
    oldest_seconds: float


class WorkerSeen(msgspec.Struct, frozen=True, kw_only=True):
    worker: str
    slots: int
    seen_at: datetime


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list: of one tenant, in one of these states, asked for at that time or later; the newest so many."""

    tenant_id: str | None = None
    states: tuple[JobState, ...] = ()
    since: datetime | None = None
    limit: int = 100


class Overview(Protocol):
    """Of all tenants."""

    def jobs(self, wanted: JobFilter) -> list[tuple[Job, str]]:
        """Jobs and their tenants' names, newest first."""
        ...

    def tenants(self, tenant_id: str | None = None) -> list[TenantOverview]:
        """Newest first; one alone, or none, where its id is given."""
        ...

    def job_counts(self, seconds: float) -> list[JobCount]:
        """Jobs that are queued or running, and those that were asked for within so many seconds."""
        ...

    def queue(self) -> Queue: ...

    def workers(self) -> list[WorkerSeen]:
        """Every worker that did not say that it ends, by name."""
        ...

    def usage(self) -> dict[str, dict[str, int]]:
        """By tenant id and name of a counter: what was used since the tenant was added."""
        ...

    def add_usage(self, tenants: Mapping[str, Mapping[str, int]], directories: Mapping[str, Mapping[str, int]]) -> None:
        """Add to the counters of tenants, named by id or by their directory's id. A tenant that is gone is passed over."""
        ...
