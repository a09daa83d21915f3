"""The upkeep of one tenant: the result of a rebuild, and the blobs that the sweep may remove."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from shared.domain.audit import Head
from shared.domain.jobs import Claim
from shared.domain.model import RunRef, Snapshot, Tenant, WrappedKey
from shared.domain.restore.id_map import MapEntry
from shared.domain.trust import Untrusted


class KnownBlobs(msgspec.Struct, frozen=True, kw_only=True):
    """The blobs of one tenant that SQL knows."""

    tenant: Tenant | None
    jobs: set[str]
    ended: set[str]
    """Jobs that write nothing more, among them those that a rebuild added."""
    swept: set[str]
    snapshots: dict[str, str]
    """All snapshots that have a row, offered or not, each with its job."""
    parents: set[str]
    attempts: dict[str, str]
    """Manifests noted before they were stored, each with its job."""
    data_keys: set[tuple[str, int]]
    """Ids and generations."""


class BucketContents(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of the bucket for one tenant, as a rebuild read them."""

    tenant: Tenant
    data_keys: list[WrappedKey]
    snapshots: list[tuple[Snapshot, list[RunRef]]]
    """The snapshots with their runs, as ``Claims.commit`` takes them."""
    uncommitted: dict[str, str]
    """Manifests, each with its job, that another manifest of that job replaces."""
    jobs: set[str]
    """All jobs that the bucket names."""
    trusted: frozenset[str] = frozenset()
    """KMS keys that were trusted on the operator's word alone."""
    head: Head | None = None
    """The newest head of the audit trail in the bucket."""
    id_map: list[MapEntry] = []
    """The id map of the newest snapshot. Entries that SQL has stay as they are."""


class Leftovers(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an ended job that the sweep may remove."""

    blobs: set[str]
    """The blobs to keep: every other blob of the job may go."""
    manifests: list[str]
    """Manifests that never became snapshots."""
    data_keys: list[str]
    """The job's data keys, if nothing else of it remains."""


class Upkeep(Protocol):
    """The upkeep of one tenant."""

    def known_blobs(self) -> KnownBlobs:
        """Return what SQL knows of the tenant's blobs."""

    def blobs(self, job_id: str) -> set[str]:
        """Return the names of the chunks in the job's runs."""

    def restore(self, contents: BucketContents) -> Tenant:
        """Add to SQL what a rebuild read from the bucket and SQL lacks. Return the tenant as it is now.

        Add the tenant (under a free name), data keys, snapshots with their runs, uncommitted manifests and jobs.
        Snapshots are numbered again in order of time, parents first. A job that is running in SQL, and whose snapshot
        is in ``contents``, ends. A tenant that SQL knows stays unchanged. The audit trail records the rebuild, after
        ``head`` if SQL's chain is shorter. Idempotent apart from that record.
        """

    def to_sweep(self, claim: Claim, settled: timedelta) -> list[str]:
        """Return the unswept jobs that ended, or were added by a rebuild, at least ``settled`` ago. Fenced."""

    def leftovers(self, claim: Claim, job_id: str) -> Leftovers:
        """Remove the rows of the job's runs that no snapshot and no checkpoint names. Return what may be removed. Fenced."""

    def mark_swept(self, claim: Claim, job_id: str, leftovers: Leftovers) -> None:
        """Mark the job as swept, and remove the rows of those manifests and data keys. Fenced.

        Call it when the blobs are removed.
        """

    def note_untrusted(self, untrusted: Sequence[Untrusted]) -> None:
        """Store the data under untrusted KMS keys in the blob store, in place of the previous list.

        A key that was not on that list gets an event. Raise Refuse ``NO_SUCH_TENANT``.
        """

    def untrusted(self) -> list[Untrusted]:
        """Return the list that was stored last."""
