"""Lists of the catalog: filtered, sorted and paged in SQL.

A page takes the same number of queries however many rows the catalog has. As in ``database``: one transaction a method, and
the same errors.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState, Origin, Step
from shared.domain.key_health import KeyHealth
from shared.domain.model import Schedule, Snapshot, Tenant
from shared.ports.catalog.keys import KeyState


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
    """A tenant with its schedule, its snapshots, its last backup and its KMS key."""

    tenant: Tenant
    schedule: Schedule | None
    last: SnapshotAt | None
    """The newest snapshot."""
    complete: SnapshotAt | None
    """The newest complete snapshot."""
    result: Result | None
    """The outcome of the last backup that ended."""
    keys: KeyState
    """The state of the tenant's keys, as ``Keys.state`` returns it."""
    health: KeyHealth
    """The health of its KMS key, as ``Health.get`` returns it."""
    same_directory: list[str]
    """Names of other tenants of the same directory, which an older version allowed."""


class TenantFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The tenants to list, newest first."""

    after: Tenant | None = None
    """The last tenant of the previous page; None for the first page."""
    limit: int = 500
    """The number of tenants at most."""


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs to list, newest first."""

    tenant_id: str | None = None
    """Only jobs of this tenant; None for all."""
    states: tuple[JobState, ...] = ()
    """Only jobs in one of these states; empty for all."""
    kinds: tuple[JobKind, ...] = ()
    """Only jobs of one of these kinds; empty for all."""
    origin: Origin | None = None
    """Only jobs of this origin; None for both."""
    since: datetime | None = None
    """Only jobs requested at this time or later."""
    until: datetime | None = None
    """Only jobs requested before this time."""
    after: str | None = None
    """The id of the last job of the previous page; None for the first page. No job follows one that does not exist."""
    limit: int = 100
    """The number of jobs at most."""


class WatchedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its steps."""

    job: Job
    tenant: str
    """The tenant's name."""
    steps: list[Step]
    """Its steps by phase, then name."""


class SnapshotFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshots of a tenant to list, newest first, without those that retention is deleting."""

    tenant_id: str
    after: str | None = None
    """The id of the last snapshot of the previous page; None for the first page."""
    limit: int = 500
    """The number of snapshots at most."""


class Queries(Protocol):
    """Lists over all tenants."""

    def tenants(self, wanted: TenantFilter) -> list[TenantOverview]:
        """Return a page of tenants."""

    def tenant(self, name: str) -> TenantOverview:
        """Return the tenant with this name. Raise Refuse ``NO_SUCH_TENANT``."""

    def tenant_with_health(self, name: str) -> tuple[Tenant, KeyHealth]:
        """Return the tenant with this name, and the health of its KMS key, in one query. Raise Refuse ``NO_SUCH_TENANT``."""

    def find_tenants(self, search: str, ids: Collection[str] | None, limit: int) -> list[Tenant]:
        """Return tenants whose names contain ``search``, by name: only those with ``ids``, or of all tenants if None."""

    def jobs(self, wanted: JobFilter) -> list[tuple[Job, str]]:
        """Return a page of jobs with their tenants' names. One query."""

    def watched(self, job_ids: Collection[str]) -> list[WatchedJob]:
        """Return these jobs, without those that do not exist any more. One query, however many there are."""

    def recent(self, tenant_id: str, limit: int) -> list[WatchedJob]:
        """Return the tenant's newest jobs, newest first, with the steps of those that have not ended. One query."""

    def snapshots(self, wanted: SnapshotFilter) -> list[Snapshot]:
        """Return a page of snapshots. Raise Refuse ``NO_SUCH_SNAPSHOT`` if ``after`` does not exist any more."""

    def has_tenants(self) -> bool:
        """Return True if there is a tenant."""

    def key_in_use(self, arn: str) -> bool:
        """Return True if ``arn`` is the KMS key of a tenant."""
