"""Tenants, jobs, steps, snapshots, data keys: their shapes, their states and the legal moves between them.

Ids are random UUIDs in lower case, as text. Times are aware datetimes in UTC.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain.errors import COMPLETE, Answer, Code


class JobKind(StrEnum):
    BACKUP = "backup"
    DOWNLOAD = "download"
    BROWSE = "browse"
    VERIFY = "verify"
    KEY_CHECK = "key-check"
    KEY_ENABLE = "key-enable"
    KEY_UPDATE = "key-update"
    PRUNE = "prune"


_APART = (
    frozenset({JobKind.BACKUP, JobKind.PRUNE}),  # what one of them writes, another may take for garbage
    frozenset({JobKind.KEY_ENABLE, JobKind.KEY_UPDATE}),  # each of them goes by the tenant's present key
)


def apart_from(kind: JobKind) -> frozenset[JobKind]:
    """Kinds, itself among them, of which no job of the tenant may be at work beside one of this kind."""
    return next((kinds for kinds in _APART if kind in kinds), frozenset())


HERE = frozenset({JobKind.DOWNLOAD, JobKind.BROWSE})
"""Kinds that stream in the process that asked: a worker elsewhere has nowhere to put plaintext."""


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    SUCCEEDED_WITH_WARNINGS = "succeeded_with_warnings"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
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


class StepState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class Phase:
    """The phases of a backup. A phase opens when the last step of the one before has ended."""

    READ = 1
    SECOND_ROUND = 2
    COMPACT = 3
    COMMIT = 4


class Asked(StrEnum):
    """Who asked for a job."""

    HAND = "hand"
    SCHEDULE = "schedule"


class Purpose(StrEnum):
    """What a data key is for; stands in its encryption context."""

    BACKUP = "backup"
    SECRETS = "secrets"
    ENABLE_CHECK = "enable-check"
    TRUST = "trust"


class CredentialKind(StrEnum):
    """What an application proves itself with. Also the kind of the row that holds it, sealed."""

    SECRET = "client-secret"  # noqa: S105 - the word, not a secret
    CERTIFICATE = "certificate"


class KeyMode(StrEnum):
    PROVIDER = "provider"
    CUSTOMER = "customer"


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """One Entra directory under protection. Holds no credential: that is sealed (``Sealed``)."""

    tenant_id: str
    name: str
    directory_id: str
    client_id: str
    created_at: datetime
    key_mode: KeyMode
    key_arn: str
    """The KMS key that wraps this tenant's new data keys."""
    key_epoch: int
    sign_in_expires_at: datetime | None = None
    """When its client secret or certificate expires, if that is known."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed row: its id (bound into the seal), the data key it needs, the sealed bytes."""

    row_id: str
    data_key_id: str
    data: bytes


def encryption_context(tenant_id: str, purpose: Purpose) -> dict[str, str]:
    """What KMS is told whenever it wraps or unwraps a data key of the tenant, and refuses to open it without."""
    return {"tenant": tenant_id, "purpose": purpose.value}


class WrappedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A data key as KMS wrapped it: one row in SQL and one key object in the bucket.

    ``context`` is the KMS encryption context. ``generation`` counts wrappings of the same data key from 1.
    """

    data_key_id: str
    purpose: Purpose
    arn: str
    generation: int
    key_epoch: int
    context: dict[str, str]
    wrapped: bytes
    created_at: datetime
    job_id: str | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """That KMS refused a key, ``at`` last and ``since`` first: due times make no job within a lease of the last."""

    arn: str
    at: datetime
    since: datetime
    message: str


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    cron: str
    timezone: str
    paused: bool
    next_due: datetime | None
    """None while paused."""


class StepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A step to be made: its phase and what it works on (a stream's name, or ``commit``, or the kind of its job)."""

    phase: int
    name: str


class ResourceProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a resource has come: objects or links seen, and those that were added, changed or removed."""

    resource: str
    records: int
    changed: int


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step was given back and is tried again: lasting since when, and when it is next tried."""

    code: Code
    message: str
    since: datetime
    retry_at: datetime


class Step(msgspec.Struct, frozen=True, kw_only=True):
    step_id: str
    phase: int
    name: str
    state: StepState
    answer: Answer | None = None
    """Set when the step has ended: what Graph said to its stream."""
    request_id: str | None = None
    """Graph's request id of the answer that ended it, when it was no whole one."""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    progress: list[ResourceProgress] = []
    trouble: Trouble | None = None
    """What it is in, while it is not done."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    tenant_id: str
    kind: JobKind
    state: JobState
    asked: Asked
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
    """What the job found, plain: counts and blob names of a verify, the verdict of a key check. JSON."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's time-limited right to a step. ``fence`` is the fencing number: every write names it."""

    tenant_id: str
    job_id: str
    step_id: str
    kind: JobKind
    phase: int
    name: str
    fence: int
    seconds: float
    """How long the claim lasts from when it was given or renewed."""
    fresh_starts: int = 0
    """How often the step has begun its reading afresh because its cursor was no good."""


class StepRef(msgspec.Struct, frozen=True, kw_only=True):
    """A step to send a message for."""

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
    """A run as SQL knows it: plain ids and blob names only. ``job_id`` is the job that wrote it."""

    run_id: str
    job_id: str
    stream: str
    blobs: list[str]


class RefusedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object that Graph refused while it showed others, or whose children it refused.

    ``request_id`` is Graph's, if any.
    """

    id: str
    request_id: str | None = None


class ResourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A resource's line in the completeness report. ``records`` is None when nothing was ever read, never 0 then.

    ``refused`` counts the objects that Graph refused, of a resource that is ``partial``; the manifest seals their ids.
    """

    resource: str
    answer: Answer
    records: int | None
    stale: bool = False
    request_id: str | None = None
    refused: int = 0

    @property
    def lacking(self) -> bool:
        """Whether the snapshot lacks something of the resource as it is: then it is not complete."""
        return self.stale or self.answer not in COMPLETE

    @property
    def counted_refusals(self) -> str:
        """How many objects were refused, in words; empty for none."""
        return f"{self.refused} {'object' if self.refused == 1 else 'objects'} refused" if self.refused else ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
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
