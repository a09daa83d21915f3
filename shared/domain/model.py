"""Tenants, jobs, steps, snapshots and data keys: their fields, their states and the legal transitions.

Ids are random UUIDs in lower case, as text. Times are aware datetimes in UTC.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain.errors import COMPLETE, Answer, Code


class JobKind(StrEnum):
    """The kind of a job."""

    BACKUP = "backup"
    """Read the directory and make a snapshot."""
    DOWNLOAD = "download"
    """Stream a snapshot's records to a file."""
    BROWSE = "browse"
    """Show records of a snapshot."""
    VERIFY = "verify"
    """Compare the blobs in the store with what the catalog and the manifests say."""
    KEY_CHECK = "key-check"
    """Check that the tenant's KMS key, or a new one, may be used."""
    KEY_ENABLE = "key-enable"
    """Change the tenant from the provider key to a customer key."""
    KEY_UPDATE = "key-update"
    """Change the tenant's customer key to another one."""
    SWEEP = "prune"
    """Remove garbage from the bucket (the sweep)."""


_EXCLUSIVE = (
    frozenset({JobKind.BACKUP, JobKind.SWEEP}),  # a prune may take a backup's blobs for garbage
    frozenset({JobKind.KEY_ENABLE, JobKind.KEY_UPDATE}),  # each depends on the tenant's current key
)


def exclusive_kinds(kind: JobKind) -> frozenset[JobKind]:
    """Return the kinds, including ``kind``, of which a tenant may run only one job at a time."""
    return next((kinds for kinds in _EXCLUSIVE if kind in kinds), frozenset())


FOREGROUND = frozenset({JobKind.DOWNLOAD, JobKind.BROWSE})
"""Kinds that run in the foreground process of the request: a worker elsewhere cannot deliver plaintext to it."""


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    """The job was requested, and no step of it was claimed yet."""
    RUNNING = "running"
    """A step of the job was claimed, and the job has not ended."""
    SUCCEEDED = "succeeded"
    """The job ended with all that it was to do."""
    SUCCEEDED_WITH_WARNINGS = "succeeded_with_warnings"
    """The backup made a snapshot that is incomplete."""
    FAILED = "failed"
    """The job ended with an error; its code says which."""
    CANCELLED = "cancelled"
    """Somebody cancelled the job before it ended."""

    @property
    def ended(self) -> bool:
        """Return True if the job has ended."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(
        {JobState.SUCCEEDED, JobState.SUCCEEDED_WITH_WARNINGS, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.SUCCEEDED: frozenset(),
    JobState.SUCCEEDED_WITH_WARNINGS: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}
"""The legal next states of each state."""


class StepState(StrEnum):
    """The state of a step."""

    QUEUED = "queued"
    """The step waits for a claim; it may have been released by an earlier one."""
    RUNNING = "running"
    """A worker has claimed the step."""
    DONE = "done"
    """The step has ended, successfully or with its job."""


class Phase:
    """The phases of a backup. A phase opens when the last step of the previous one has ended."""

    READ = 1
    """Read each stream from Graph."""
    SECOND_ROUND = 2
    """Read what changed in delta streams during the first phase."""
    COMPACT = 3
    """Merge adjacent runs of a stream."""
    COMMIT = 4
    """Store the manifest and commit the snapshot."""


class Origin(StrEnum):
    """The origin of a job."""

    HAND = "hand"
    """A person requested the job."""
    SCHEDULE = "schedule"
    """The scheduler created the job."""


class Purpose(StrEnum):
    """The purpose of a data key, which is part of its encryption context."""

    BACKUP = "backup"
    """Seals the chunks, manifests and checkpoints of one job; created by each backup."""
    SECRETS = "secrets"
    """Seals the tenant's credential; created with the tenant."""
    ENABLE_CHECK = "enable-check"
    """Tests a KMS key before the tenant is switched to it, and seals nothing."""
    TRUST = "trust"
    """Signs a trust record; wrapped by the provider key only."""


class CredentialKind(StrEnum):
    """The kind of an application's credential, and of the row that stores it sealed."""

    SECRET = "client-secret"  # noqa: S105 - the word, not a secret
    """A client secret."""
    CERTIFICATE = "certificate"
    """A certificate with its private key."""


class KeyMode(StrEnum):
    """The owner of the KMS key that wraps a tenant's new data keys."""

    PROVIDER = "provider"
    """The operator: the provider key."""
    CUSTOMER = "customer"
    """The tenant: a customer key."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """One Entra directory under protection. It contains no credential: that is sealed (``Sealed``)."""

    tenant_id: str
    name: str
    directory_id: str
    client_id: str
    created_at: datetime
    key_mode: KeyMode
    key_arn: str
    """The KMS key that wraps this tenant's new data keys."""
    key_epoch: int
    """A number that rises when the tenant's KMS key changes."""
    sign_in_expires_at: datetime | None = None
    """When its client secret or certificate expires, if that is known."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed row."""

    row_id: str
    """The row's id, which is bound into the seal."""
    data_key_id: str
    """The data key that opens it."""
    data: bytes
    """The sealed bytes."""


def encryption_context(tenant_id: str, purpose: Purpose) -> dict[str, str]:
    """Return the KMS encryption context of the tenant's data keys for this purpose.

    KMS binds it into each wrapping, and refuses to unwrap a data key under another context.
    """
    return {"tenant": tenant_id, "purpose": purpose.value}


class WrappedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A data key as KMS wrapped it: one row in SQL and one key object in the bucket."""

    data_key_id: str
    purpose: Purpose
    arn: str
    """The KMS key that wrapped it."""
    generation: int
    """The number of this wrapping of the data key, from 1."""
    key_epoch: int
    context: dict[str, str]
    """The KMS encryption context."""
    wrapped: bytes
    created_at: datetime
    job_id: str | None = None
    """The job that created it; None for the ``secrets`` key."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal of a key by KMS. Due times create no job within a lease of the last refusal."""

    arn: str
    at: datetime
    """When KMS refused the key last."""
    since: datetime
    """When KMS refused the key first."""
    message: str


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a tenant's backups are due: a cron expression in a time zone."""

    cron: str
    timezone: str
    paused: bool
    next_due: datetime | None
    """None while paused."""


class StepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A step to be created."""

    phase: int
    name: str
    """What the step works on: a stream's name, or ``commit``, or the kind of its job."""


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


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a tenant."""

    job_id: str
    tenant_id: str
    kind: JobKind
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
    """The snapshot that this job made (backup), or read (browse, download, verify of one)."""
    detail: Any = None
    """The job's result in the clear, as JSON: counts and blob names of a verify, the verdict of a key check."""


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
    """A step for which a message is sent."""

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


class RunRef(msgspec.Struct, frozen=True, kw_only=True):
    """A run as SQL stores it: only ids and blob names, unsealed."""

    run_id: str
    job_id: str
    """The job that wrote the run."""
    stream: str
    blobs: list[str]


class RefusedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object that Graph refused while it showed others, or whose children it refused."""

    id: str
    request_id: str | None = None
    """Graph's request id, if there is one."""


class ResourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A resource's line in the completeness report."""

    resource: str
    answer: Answer
    records: int | None
    """The number of records, or None (never 0) if nothing was ever read."""
    stale: bool = False
    """True if the records are those of the parent snapshot."""
    request_id: str | None = None
    refused: int = 0
    """The number of objects that Graph refused, for a ``partial`` resource. The manifest seals their ids."""

    @property
    def lacking(self) -> bool:
        """Return True if the snapshot lacks part of the resource: then the snapshot is not complete."""
        return self.stale or self.answer not in COMPLETE

    @property
    def counted_refusals(self) -> str:
        """Return the number of refused objects in words, or an empty text for none."""
        return f"{self.refused} {'object' if self.refused == 1 else 'objects'} refused" if self.refused else ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a directory at one time, as SQL stores it."""

    snapshot_id: str
    job_id: str
    parent: str | None
    created_at: datetime
    manifest_sha256: str
    data_key_id: str
    """The data key that seals the manifest."""
    objects: int
    links: int
    complete: bool
    resources: list[ResourceReport]
