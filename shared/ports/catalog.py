"""The Catalog: the SQL database that stores tenants, jobs, claims, snapshots and keys.

SQL is authoritative for them. A handle is bound to one tenant (``Catalog.tenant``): every query
through it names that tenant. Only the scheduler's handle sees all tenants.

Each method is one transaction. It is atomic, is committed when the method returns, and is never open during a call to
Graph, KMS or the store. All methods raise ``Refuse`` with ``CATALOG_UNREACHABLE`` or ``CATALOG_NEEDS_MIGRATION``. The
database's clock times the claims. Methods block, and handles may be used from any thread.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from shared.domain.errors import Answer, Code, Retry
from shared.domain.model import (
    Claim,
    CredentialKind,
    Job,
    JobState,
    Refusal,
    ResourceProgress,
    RunRef,
    Schedule,
    Sealed,
    Snapshot,
    Tenant,
    WrappedKey,
)
from shared.ports.audit import Audit, AuditedTenant
from shared.ports.customer_keys import CustomerKeys
from shared.ports.jobs import Jobs
from shared.ports.key_health import Health, Probes
from shared.ports.overview import Overview
from shared.ports.scheduler import SchedulerCatalog
from shared.ports.stores import Stores
from shared.ports.upkeep import Upkeep


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a step: one sealed row for each run, with the run's blob names unsealed, in order of writing."""

    phase: int
    stream: str
    sealed: Sealed
    run: RunRef | None


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a renewal of a claim."""

    cancel: bool
    """True if somebody cancelled the job."""


class TroubleDuration(msgspec.Struct, frozen=True):
    """How long a step has been in trouble."""

    seconds: float = 0.0
    """Seconds since the trouble began."""
    alone: float = 0.0
    """Seconds of it in which Graph has answered other streams."""


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a tenant's keys in SQL."""

    refusal: Refusal | None
    unreachable: datetime | None
    """When steps of the tenant began to wait for KMS, or when the last key check failed to reach it; None if KMS answers."""
    data_keys: dict[str, int]
    """The number of data keys by the ARN that wraps their newest generation."""
    switched_at: datetime | None = None
    """When the tenant's KMS key became the current one."""
    updating: bool = False
    """True if data keys are being moved to the current KMS key, or wait for it."""
    old_key_free: bool | None = None
    """True if the previous KMS key may be disabled; None if the tenant never had another one."""


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of overwriting deleted rows in the database's own files."""

    removed: bool | None
    """True if a search of the files proved that the bytes are gone; None if the files cannot be read."""
    message: str
    """A sentence for the user."""


class Claims(Protocol):
    """Claims on steps, and the writes that need a claim.

    Every write is fenced. It raises ``ClaimLost`` if the step has a newer fencing number, if the claim has expired, or
    if the job has ended.
    """

    def claim(self, job_id: str, step_id: str, holder: str, seconds: float) -> Claim | None:
        """Claim a queued step in the job's open phase. Return None if there is none to claim (a duplicate message).

        The step becomes running under the next fencing number by compare-and-swap. The first claim of a job makes the
        job running.
        """

    def renew(self, claim: Claim, progress: Sequence[ResourceProgress] | None = None) -> Renewal:
        """Extend the claim to ``claim.seconds`` from now. With ``progress``, store the step's progress."""

    def checkpoint(self, claim: Claim, checkpoint: Checkpoint, progress: Sequence[ResourceProgress]) -> None:
        """Append a checkpoint and set the step's progress.

        This counts as progress: it resets the count of lost claims.
        """

    def checkpoints(self, claim: Claim, *, step_only: bool = True) -> list[Checkpoint]:
        """Return the checkpoints of this step, or of the whole job, by phase and then in order of writing within a step."""

    def drop_checkpoints(self, claim: Claim) -> None:
        """Remove this step's checkpoints and progress."""

    def start_over(self, claim: Claim) -> int:
        """Remove this step's checkpoints and progress, and count a fresh start. Return the number of earlier fresh starts."""

    def release_step(
        self, claim: Claim, *, after: float, trouble: Retry | None, alone: bool = False
    ) -> TroubleDuration:
        """Release the step to the queue, to be sent after at least ``after`` seconds. This counts as no lost claim.

        With ``trouble``, store when it began until the next checkpoint or finish. Waits grow with its duration. Time
        without a try does not count. A step with two fresh starts keeps its trouble past checkpoints, because starting
        over repeatedly is not progress.

        ``alone`` says that Graph answers other streams meanwhile. Return how long both have lasted (zeros without
        ``trouble``).
        """

    def release_claim(self, holder: str) -> int:
        """Release every step of this tenant that ``holder`` has claimed. Return the number of steps.

        This counts as no lost claim.
        """

    def report_progress(self, claim: Claim, detail: Any, *, progress: bool = False) -> None:
        """Store ``detail`` as the job's result so far, for its readers.

        With ``progress``, it counts as a checkpoint does: it resets the count of lost claims.
        """

    def finish(
        self,
        claim: Claim,
        *,
        answer: Answer | None = None,
        request_id: str | None = None,
        progress: Sequence[ResourceProgress] | None = None,
        state: JobState = JobState.SUCCEEDED,
        code: Code | None = None,
        message: str | None = None,
        detail: Any = None,
    ) -> bool:
        """Mark the step as done and lower the phase's count of open steps. Return True if this opened the next phase.

        At zero open steps, the next phase that has steps opens. After the last phase, the job ends with ``state``,
        ``code``, ``message`` and ``detail``, and its pins are removed. If ``detail`` is None, the job keeps the detail
        of its request or of the last ``report_progress``.
        """

    def fail(
        self, claim: Claim, code: Code, message: str, *, state: JobState = JobState.FAILED, detail: Any = None
    ) -> None:
        """End the job as failed, or as cancelled with ``state``.

        All its steps become done, its pins and its checkpoints are removed. ``detail`` is as for ``finish``.
        """

    def note_attempt(self, claim: Claim, snapshot_id: str) -> None:
        """Store the id of a manifest before the manifest itself is stored, so that the sweep knows it."""

    def commit(
        self, claim: Claim, snapshot: Snapshot, runs: Sequence[RunRef], state: JobState, message: str | None
    ) -> None:
        """Commit the snapshot and end its job, in one transaction.

        Store the snapshot's row with its runs (oldest first within a stream), mark the step as done, end the job with
        ``state``, and remove its checkpoints and pins. Raise Refuse ``NO_SUCH_SNAPSHOT`` if the parent no longer
        exists, ``BUSY`` if another snapshot has become the newest meanwhile.
        """


class Snapshots(Protocol):
    """The snapshots of one tenant."""

    def all(self) -> list[Snapshot]:
        """Return the snapshots, newest first, without those that retention is deleting."""

    def get(self, snapshot: str) -> Snapshot:
        """Return the snapshot with this id, or the newest for ``latest``. Raise Refuse ``NO_SUCH_SNAPSHOT``."""

    def going(self) -> set[str]:
        """Return the ids of the snapshots that retention is deleting and that still have a row."""

    def runs(self, snapshot_id: str) -> list[RunRef]:
        """Return the snapshot's runs with their blob names, by stream, oldest first."""


class Keys(Protocol):
    """The wrapped data keys of one tenant, its sealed credential, and remembered refusals of KMS."""

    def reserve_data_key(self, job_id: str, seconds: float) -> datetime | None:
        """Reserve creation of the job's data key for ``seconds``. Return when the reservation expires.

        Return None if the key exists or another caller holds the reservation: only one of concurrent callers gets it.
        ``add`` and ``release_data_key_reservation`` end the reservation. Raise ``ClaimLost`` if the job has ended.
        """

    def release_data_key_reservation(self, job_id: str, until: datetime) -> None:
        """Release the reservation that expires at ``until`` without a key, so that another caller may take it."""

    def add(self, key: WrappedKey) -> WrappedKey:
        """Insert the key's row. Return it, or the existing row for the same job and purpose.

        For the purpose ``secrets``, the existing row is the one for the same tenant. Raise ``EpochMoved`` if the
        tenant's key epoch differs from the row's, ``ClaimLost`` if the job has ended.
        """

    def get(self, data_key_id: str) -> WrappedKey:
        """Return the newest generation of this data key. Raise Alarm ``BLOB_MISSING`` if it does not exist."""

    def all(self) -> list[WrappedKey]:
        """Return every data key in its newest generation."""

    def wrapped_by_other_keys(self, arn: str, data_key_ids: Collection[str]) -> list[WrappedKey]:
        """Return those of these data keys whose newest generation is wrapped by another KMS key than ``arn``."""

    def find(self, purpose: str, job_id: str | None) -> WrappedKey | None:
        """Return the data key of a job, or the tenant's ``secrets`` key if ``job_id`` is None."""

    def credential(self) -> tuple[CredentialKind, Sealed]:
        """Return the reading application's kind of credential and the sealed credential.

        Raise Refuse ``NO_SUCH_TENANT``, and ``GRAPH_SIGN_IN_FAILED`` if a rebuild restored the tenant without its
        credential.
        """

    def arns(self) -> frozenset[str]:
        """Return the KMS keys that SQL names for the tenant: its own, and those that wrap its data keys."""

    def state(self) -> KeyState:
        """Return the state of the tenant's keys. Ignore refusals of KMS keys that SQL no longer names for this tenant."""

    def refuse(self, arn: str, message: str, *, ago: float = 0.0, probed: bool = False) -> int:
        """Store that KMS refused ``arn``, and end the jobs that need it. Return the number of ended jobs.

        Ignore the refusal unless SQL still names ``arn``, for the tenant's new data keys or in the newest generation of
        one. If it is the key for new data keys, end every queued or running job of this tenant that needs a data key.
        They fail with ``KEY_ACCESS_REVOKED`` and ``message``, in the same transaction. A prune, and a verify with
        detail ``{"shallow": true}``, need no data key. If ``arn`` wraps only older data keys, end no job: each job that
        needs one gets the refusal itself.

        ``ago`` is how many seconds ago KMS was asked. Jobs requested since then are spared, because they ask for
        themselves. The log gets one line for each refusal, until ``allow``. Health and history of the key record the
        refusal in the same transaction, unless it was ``probed``: a probe records its own result and warnings.
        """

    def allow(self, arn: str) -> None:
        """Remove a remembered refusal of ``arn``, because KMS answered for it.

        Withdraw what the answer disproves from the key's health and history, in the same transaction.
        """


class Schedules(Protocol):
    """The backup schedule of one tenant."""

    def get(self) -> Schedule | None:
        """Return the schedule, or None if there is none."""

    def set(self, schedule: Schedule) -> None:
        """Store the schedule in place of the previous one."""


class EpochMoved(Exception):
    """The tenant's KMS key changed while a data key was being created. Create it again under the new KMS key."""


class TenantCatalog(Protocol):
    """The rows of one tenant in SQL."""

    @property
    def tenant_id(self) -> str: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def claims(self) -> Claims: ...
    @property
    def snapshots(self) -> Snapshots: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def customer_keys(self) -> CustomerKeys: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def upkeep(self) -> Upkeep: ...
    @property
    def health(self) -> Health: ...
    @property
    def audit(self) -> Audit: ...

    def tenant(self) -> Tenant:
        """Return the tenant. Raise Refuse ``NO_SUCH_TENANT``."""

    def update(
        self, *, client_id: str, kind: CredentialKind, sealed: Sealed, expires_at: datetime | None = None
    ) -> None:
        """Replace the reading application, its sealed credential and the credential's expiry, together.

        Raise Refuse ``DIRECTORY_EXISTS`` if a rebuild restored the tenant without a credential while another tenant of
        its directory has one.
        """

    def remove(self) -> frozenset[bytes]:
        """Remove the tenant and its rows except its audit trail. Return the wrapped data keys that were deleted.

        These are all generations. Running steps lose their claims. If the tenant had a customer key, its directory is
        withheld from then on.
        """


class Catalog(Protocol):
    """The database as a whole: the entry to all handles."""

    @property
    def actor(self) -> str:
        """Return the actor whom audit events name."""

    def as_actor(self, actor: str) -> "Catalog":
        """Return the same catalog with ``actor`` as the one whom audit events name."""

    def tenant(self, tenant_id: str) -> TenantCatalog:
        """Return a handle bound to this tenant, without a query."""

    def find(self, name: str) -> Tenant:
        """Return the tenant with this name. Raise Refuse ``NO_SUCH_TENANT``."""

    def find_audited(self, name: str) -> AuditedTenant:
        """Return the tenant with this name or id, otherwise the last removed one. Raise Refuse ``NO_SUCH_TENANT``."""

    def tenants(self) -> list[Tenant]:
        """Return all tenants, newest first."""

    def check_addable(self, name: str, directory_id: str, *, readd: bool) -> None:
        """Raise Refuse ``TENANT_EXISTS``, ``DIRECTORY_EXISTS`` or ``DIRECTORY_WITHHELD`` if ``add_tenant`` would."""

    def add_tenant(
        self, tenant: Tenant, key: WrappedKey, kind: CredentialKind, sealed: Sealed, *, readd: bool = False
    ) -> None:
        """Store the tenant, its ``secrets`` data key and its sealed credential, all or none.

        One directory is one tenant, even if several callers add it concurrently. Directory ids are compared without
        case. ``again`` is the operator's consent to add a directory whose tenant was removed under a customer key. The
        installation's audit chain records both. Raise Refuse ``TENANT_EXISTS``, ``DIRECTORY_EXISTS`` and, without
        consent, ``DIRECTORY_WITHHELD``.
        """

    def purge(self, deleted: Collection[bytes]) -> Purged:
        """Overwrite the bytes of deleted rows in the database's files, and search the files for ``deleted``.

        If ``deleted`` is empty, rewrite the files whole, because there is nothing to search for. This takes seconds and
        waits for readers.
        """

    def find_job(self, job_id: str) -> Job:
        """Return a job of any tenant, for the command line. Raise Refuse ``NO_SUCH_JOB``."""

    def scheduler(self) -> SchedulerCatalog:
        """Return the scheduler's handle, which sees all tenants."""

    def probes(self) -> Probes:
        """Return the handle for key probes and notices of all tenants."""

    def stores(self) -> Stores:
        """Return the handle for the identity of the blob store."""

    def overview(self) -> Overview:
        """Return the handle for lists and metrics of all tenants."""

    def close(self) -> None:
        """Close every connection. Idempotent."""
