"""The fleet: what decides how well each tenant is protected, for all tenants at once, and the rows of one page of them.

Each method is one query, or a few of them however many tenants there are. As in ``database``: one transaction a method, and
the same errors.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol

import msgspec

from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState
from shared.domain.key_health import KeyCondition
from shared.domain.model import KeyMode, ResourceReport, Snapshot


class TenantStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What decides how well a tenant is protected."""

    tenant_id: str
    name: str
    cron: str | None
    """The fields of its schedule; None without one."""
    timezone: str | None
    paused: bool
    """True if its schedule is paused."""
    begun_at: datetime | None
    """When the backup began that made the newest complete snapshot; None if there is no such snapshot."""
    refused_since: datetime | None
    """Since when KMS has refused a key that the tenant needs; None while it refuses none."""
    condition: KeyCondition
    """The condition of the tenant's KMS key by its last probes."""
    warnings: int
    """The number of warnings about that key."""
    updating: bool
    """True if data keys are being moved to the current KMS key, or wait for it."""
    verified_at: datetime | None
    """When the last verify ended that opened every snapshot and found no damage."""


class NewestSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's newest snapshot."""

    snapshot_id: str
    created_at: datetime
    objects: int
    complete: bool
    lacking: list[ResourceReport]
    """The lines of the completeness report that make it incomplete."""


class LastBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's last backup that ended."""

    job_id: str
    state: JobState
    code: Code | None
    message: str | None
    finished_at: datetime


class RunningJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is queued or running."""

    job_id: str
    kind: JobKind | str
    state: JobState
    steps: int
    """The number of its steps, 0 before it is planned."""
    done: int
    """The number of steps that are done."""


class FleetRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a row of the fleet shows beside the tenant's status."""

    key_mode: KeyMode
    next_due: datetime | None
    """When the next backup is due; None while the schedule is paused or missing."""
    sign_in_expires_at: datetime | None
    """When the credential of the reading application expires, if that is known."""
    newest: NewestSnapshot | None
    last_backup: LastBackup | None
    running: list[RunningJob]
    """Jobs that are queued or running, oldest first."""


class CompleteOn(msgspec.Struct, frozen=True, kw_only=True):
    """How many tenants got a complete snapshot on a day."""

    day: date
    tenants: int


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot as a point in time."""

    snapshot_id: str
    created_at: datetime
    begun_at: datetime
    """When its backup began; when it was taken, if that backup is not known any more."""
    objects: int
    complete: bool


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshots of a tenant over some time."""

    moments: list[Moment]
    """Oldest first. The newest complete one before that time comes first, and the newest of all last."""
    newest: Snapshot | None
    """The newest snapshot, with its completeness report."""


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshots before and after one, by id, and the number of its runs."""

    older: str | None
    newer: str | None
    runs: int


class Fleet(Protocol):
    """The tenants as their operator sees them."""

    def statuses(self, tenant_ids: Collection[str] | None = None) -> list[TenantStatus]:
        """Return what decides the state of each tenant, in no order: of all tenants, or of those named. One query."""

    def rows(self, tenant_ids: Sequence[str]) -> dict[str, FleetRow]:
        """Return the other parts of the rows of these tenants, by tenant id. Removed tenants are left out."""

    def trend(self, since: date, until: date, tenant_ids: Collection[str] | None = None) -> list[CompleteOn]:
        """Return, for each day of UTC from ``since`` to ``until``, how many tenants got a complete snapshot. One query."""

    def timeline(self, tenant_id: str, since: datetime) -> Timeline:
        """Return the tenant's snapshots since then, with its newest one whole. One query."""

    def neighbours(self, tenant_id: str, snapshot_id: str) -> Neighbours:
        """Return what stands beside a snapshot. One query. All parts are empty if it does not exist."""
