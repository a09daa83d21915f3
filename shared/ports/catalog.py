"""The Catalog: SQL is the truth about tenants, jobs, claims, snapshots and keys.

A handle is bound to one tenant (``Catalog.tenant``): everything reached through it names that tenant in every query.
Only the scheduler's handle sees all tenants. Each method is one transaction, atomic, committed when it returns, and
never open over a call to Graph, KMS or the store. All raise ``Refuse`` with ``CATALOG_UNREACHABLE`` or
``CATALOG_NEEDS_MIGRATION``. Claims are timed by the database's clock. Methods block; handles may be used from any thread.
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
from shared.ports.audit import Audit, Audited
from shared.ports.customer_keys import CustomerKeys
from shared.ports.jobs import Jobs
from shared.ports.key_health import Health, Probes
from shared.ports.overview import Overview
from shared.ports.scheduler import SchedulerCatalog
from shared.ports.stores import Stores
from shared.ports.upkeep import Upkeep


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far a step has come: one sealed row a run, and the run's blob names in the plain. In order of writing."""

    phase: int
    stream: str
    sealed: Sealed
    run: RunRef | None


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """What a renewal tells: whether somebody cancelled the job."""

    cancel: bool


class Lasting(msgspec.Struct, frozen=True):
    """For how many seconds a step has been in trouble, and for how many of them Graph has answered other streams."""

    seconds: float = 0.0
    alone: float = 0.0


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """What SQL knows of a tenant's keys. ``data_keys`` counts data keys by the ARN that wraps their newest generation;
    ``unreachable`` is since when steps of the tenant wait for KMS, or the last key check did in vain; ``switched_at``
    when the tenant got its present key; ``updating`` that data keys are being moved to it, or wait for it."""

    refusal: Refusal | None
    unreachable: datetime | None
    data_keys: dict[str, int]
    switched_at: datetime | None = None
    updating: bool = False
    old_key_free: bool | None = None
    """Whether the key before may be disabled; None for a tenant that never had another."""


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of deleted bytes in the database's own files. ``message`` is a sentence for whoever asked."""

    gone: bool | None
    """Whether they are gone, which was proved by reading the files; None where nobody can read them."""
    message: str


class Claims(Protocol):
    """Every write is fenced: it raises ``ClaimLost`` if the claim's number is not the step's any more, if the claim
    has expired, or if the job has ended."""

    def claim(self, job_id: str, step_id: str, holder: str, seconds: float) -> Claim | None:
        """Compare-and-swap: a queued step of the job's open phase becomes running under the next fencing number; the
        job becomes running with its first claim. None if there is nothing to claim (a duplicate message)."""
        ...

    def renew(self, claim: Claim, progress: Sequence[ResourceProgress] | None = None) -> Renewal:
        """The claim lasts ``claim.seconds`` from now; with ``progress`` the step has come so far."""
        ...

    def checkpoint(self, claim: Claim, checkpoint: Checkpoint, progress: Sequence[ResourceProgress]) -> None:
        """Appends a checkpoint and sets the step's progress. Progress: claims lost before do not count any more."""
        ...

    def checkpoints(self, claim: Claim, *, step_only: bool = True) -> list[Checkpoint]:
        """Checkpoints of this step, or of the whole job, by phase and then in order of writing within a step."""
        ...

    def drop_checkpoints(self, claim: Claim) -> None:
        """Remove this step's checkpoints and progress."""
        ...

    def start_over(self, claim: Claim) -> int:
        """Remove this step's checkpoints and progress, and count a fresh start. Return how many there were before."""
        ...

    def give_back(self, claim: Claim, *, after: float, trouble: Retry | None, alone: bool = False) -> Lasting:
        """Queue the step again, uncounted, to be sent after so many seconds at least.

        With ``trouble``, remember its first time until the next checkpoint or finish, and grow the waits with how long it
        has lasted. Time in which nobody tried does not count. A step that has begun afresh twice keeps its trouble past
        checkpoints, so that starting over again and again is not taken for progress. ``alone``: Graph answers other streams
        meanwhile; return for how long both have lasted (nothing without ``trouble``).
        """
        ...

    def release(self, holder: str) -> int:
        """Gives back, uncounted, every step of this tenant that ``holder`` holds. How many."""
        ...

    def tell(self, claim: Claim, detail: Any, *, progress: bool = False) -> None:
        """What the job has found so far, for whoever looks at it; with ``progress`` that counts as a checkpoint does: claims
        lost before are forgotten."""
        ...

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
        """The step is done. Lowers the phase's count of open steps; at zero the next phase that has steps opens and True
        is returned; after the last phase the job ends with ``state``, ``code``, ``message``, ``detail`` (None: as it
        was asked for or told last) and its pins are lifted."""
        ...

    def fail(
        self, claim: Claim, code: Code, message: str, *, state: JobState = JobState.FAILED, detail: Any = None
    ) -> None:
        """The job ends as failed (or cancelled): all its steps are done, its pins lifted, its checkpoints removed.
        ``detail`` as for ``finish``."""
        ...

    def note_attempt(self, claim: Claim, snapshot_id: str) -> None:
        """Notes the id of a manifest about to be stored, before it is: the sweep must know it."""
        ...

    def commit(
        self, claim: Claim, snapshot: Snapshot, runs: Sequence[RunRef], state: JobState, message: str | None
    ) -> None:
        """In one transaction: the snapshot's row with its runs (oldest first within a stream), the step done, the job
        ended with ``state``, checkpoints removed, pins lifted. Raises Refuse ``NO_SUCH_SNAPSHOT`` if the parent is gone,
        ``BUSY`` if another snapshot has meanwhile become the newest."""
        ...


class Snapshots(Protocol):
    def all(self) -> list[Snapshot]:
        """Newest first; none that is going."""
        ...

    def get(self, snapshot: str) -> Snapshot:
        """By id, or ``latest``. Raises Refuse ``NO_SUCH_SNAPSHOT``."""
        ...

    def going(self) -> set[str]:
        """Return the ids of those that retention has let go, as long as they have a row."""
        ...

    def runs(self, snapshot_id: str) -> list[RunRef]:
        """The snapshot's runs with their blob names, by stream, oldest first."""
        ...


class Keys(Protocol):
    def begin_birth(self, job_id: str, seconds: float) -> datetime | None:
        """Until when the caller is left to give birth to the job's data key: for so many ``seconds``, if there is none and
        nobody else is left to. Of any number of callers one is. Over with ``add`` and with ``end_birth``. Raises
        ``ClaimLost`` if the job has ended."""
        ...

    def end_birth(self, job_id: str, until: datetime) -> None:
        """Nothing was born by whom was left to do it ``until`` then: another caller is told to."""
        ...

    def add(self, key: WrappedKey) -> WrappedKey:
        """Inserts the key's row; returns it, or the row that stands already for the same job and purpose (``secrets``:
        the same tenant and purpose). Raises ``EpochMoved`` if the tenant's key epoch is not the row's, ``ClaimLost`` if the
        job has ended."""
        ...

    def get(self, data_key_id: str) -> WrappedKey:
        """The newest generation. Raises Alarm ``BLOB_MISSING`` if there is none."""
        ...

    def all(self) -> list[WrappedKey]:
        """Every data key, in its newest generation."""
        ...

    def moved(self, arn: str, data_key_ids: Collection[str]) -> list[WrappedKey]:
        """Those of these data keys whose newest generation another KMS key than ``arn`` wraps."""
        ...

    def find(self, purpose: str, job_id: str | None) -> WrappedKey | None:
        """The data key of a job, or the tenant's ``secrets`` key (``job_id`` None)."""
        ...

    def credential(self) -> tuple[CredentialKind, Sealed]:
        """What the reading application proves itself with, sealed. Raises Refuse ``NO_SUCH_TENANT``, and
        ``GRAPH_SIGN_IN_FAILED`` if a rebuild brought the tenant back, without its credential."""
        ...

    def arns(self) -> frozenset[str]:
        """Return the KMS keys that SQL names for the tenant: its own, and those that wrap its data keys."""
        ...

    def state(self) -> KeyState:
        """A refusal of a key that nothing names any more is none."""
        ...

    def refuse(self, arn: str, message: str, *, ago: float = 0.0, probed: bool = False) -> int:
        """KMS refused ``arn``. If SQL still names it, for this tenant's new data keys or in the newest generation of one:
        remembers the refusal and, if it is the key for new data keys, ends in the same transaction every queued or
        running job of this tenant that needs a data key (all but a prune and a verify with detail ``{"shallow":
        true}``) as failed with ``KEY_ACCESS_REVOKED`` and this sentence. Of a key that only older data keys are still
        under, each job that needs one of them meets the refusal by itself. How many jobs ended. KMS was asked ``ago``
        seconds ago: jobs asked for since then are spared, as they ask for themselves. The log has one line for it, until
        ``allow``. The key's health and history say so in the same transaction, unless it was ``probed``: a probe notes what
        it found itself, with its warnings."""
        ...

    def allow(self, arn: str) -> None:
        """KMS answered for ``arn``: a remembered refusal of it is forgotten, and in the same transaction the key's health and
        history withdraw what that proves wrong."""
        ...


class Schedules(Protocol):
    def get(self) -> Schedule | None: ...

    def set(self, schedule: Schedule) -> None: ...


class EpochMoved(Exception):
    """The tenant's KMS key changed while a data key was being born: make it again under the new key."""


class TenantCatalog(Protocol):
    """All that SQL knows of one tenant."""

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
        """Raises Refuse ``NO_SUCH_TENANT``."""
        ...

    def update(
        self, *, client_id: str, kind: CredentialKind, sealed: Sealed, expires_at: datetime | None = None
    ) -> None:
        """Replace the reading application, its sealed credential and when that expires, together.

        Raises Refuse ``DIRECTORY_EXISTS`` if the tenant, which a rebuild brought back, has no credential while another tenant
        of its directory has one.
        """
        ...

    def remove(self) -> frozenset[bytes]:
        """Removes the tenant and every row of it but its audit trail. Running steps lose their claims. The directory of a
        tenant under a key of its own is withheld from then on. Returns the wrapped data keys that were deleted, in all
        generations."""
        ...


class Catalog(Protocol):
    @property
    def actor(self) -> str:
        """Who does what audit trails tell of."""
        ...

    def by(self, actor: str) -> "Catalog":
        """The same catalog, where ``actor`` is who does what audit trails tell of."""
        ...

    def tenant(self, tenant_id: str) -> TenantCatalog:
        """A handle bound to this tenant; asks nothing yet."""
        ...

    def find(self, name: str) -> Tenant:
        """Raises Refuse ``NO_SUCH_TENANT``."""
        ...

    def audited(self, name: str) -> Audited:
        """The tenant of this name, or with this id; else the last one of it that was removed. Raises Refuse
        ``NO_SUCH_TENANT``."""
        ...

    def tenants(self) -> list[Tenant]:
        """Newest first."""
        ...

    def check_addable(self, name: str, directory_id: str, *, again: bool) -> None:
        """Raise Refuse ``TENANT_EXISTS``, ``DIRECTORY_EXISTS`` or ``DIRECTORY_WITHHELD`` if ``add_tenant`` would."""
        ...

    def add_tenant(
        self, tenant: Tenant, key: WrappedKey, kind: CredentialKind, sealed: Sealed, *, again: bool = False
    ) -> None:
        """Store the tenant, its ``secrets`` data key and its sealed credential, together or not at all.

        One directory is one tenant, its ids compared without case, however many callers add it at once. ``again``: the
        operator consents to a directory whose tenant was removed under a KMS key of its own. The installation's audit chain
        reports both. Raises Refuse ``TENANT_EXISTS``, ``DIRECTORY_EXISTS`` and, without consent, ``DIRECTORY_WITHHELD``.
        """
        ...

    def purge(self, deleted: Collection[bytes]) -> Purged:
        """Overwrite what deleted rows left in the database's files, and search the files for these bytes of theirs.

        Without any, the files are rewritten whole, as nobody knows what to search for. Takes seconds; waits for readers.
        """
        ...

    def find_job(self, job_id: str) -> Job:
        """A job of any tenant, for the command line. Raises Refuse ``NO_SUCH_JOB``."""
        ...

    def scheduler(self) -> SchedulerCatalog: ...

    def probes(self) -> Probes: ...

    def stores(self) -> Stores: ...

    def overview(self) -> Overview: ...

    def close(self) -> None:
        """Closes every connection. Idempotent."""
        ...
