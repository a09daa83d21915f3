"""The Catalog's side of its upkeep: what a rebuild brings back from the bucket, and what the sweep may take out of it.

As in ``catalog``: one transaction a method, one tenant a handle, and the same errors.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from shared.domain.audit import Head
from shared.domain.model import Claim, RunRef, Snapshot, Tenant, WrappedKey
from shared.domain.trust import Untrusted


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What SQL knows of what lies in the bucket for one tenant.

    ``snapshots`` are all that have a row, whether offered or not, and ``attempts`` manifests noted before they were
    stored, each with its job. ``ended`` jobs write nothing more; those that a rebuild found count among them.
    """

    tenant: Tenant | None
    jobs: set[str]
    ended: set[str]
    swept: set[str]
    snapshots: dict[str, str]
    parents: set[str]
    attempts: dict[str, str]
    data_keys: set[tuple[str, int]]
    """Ids and generations."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild found in the bucket for one tenant: ``snapshots`` with their runs, as ``Claims.commit`` takes them.

    ``uncommitted`` are manifests, each with its job, in whose place another one of that job counts. ``jobs`` are all that
    the bucket names. ``head`` is the newest head of the audit trail there.
    """

    tenant: Tenant
    data_keys: list[WrappedKey]
    snapshots: list[tuple[Snapshot, list[RunRef]]]
    uncommitted: dict[str, str]
    jobs: set[str]
    trusted: frozenset[str] = frozenset()
    """KMS keys that were trusted on the operator's word alone."""
    head: Head | None = None


class Leftovers(msgspec.Struct, frozen=True, kw_only=True):
    """What may go of an ended job: every blob of it but ``blobs``, its ``manifests`` that never became snapshots, and its
    ``data_keys`` if nothing of it is left."""

    blobs: set[str]
    manifests: list[str]
    data_keys: list[str]


class Upkeep(Protocol):
    def known(self) -> Known: ...

    def blobs(self, job_id: str) -> set[str]:
        """Return the names of the chunks in the job's runs."""
        ...

    def bring_back(self, found: Found) -> Tenant:
        """Adds what SQL does not have: the tenant (under a free name), data keys, snapshots with their runs, manifests that
        do not count, jobs. Snapshots are numbered anew in order of time, parents first. A job that SQL takes to be going
        on, and whose snapshot is here, has ended. A tenant that SQL knows stays as it is. The audit trail tells of it, behind
        ``head`` if SQL has not come so far. Else idempotent. Returns the tenant as it is now."""
        ...

    def to_sweep(self, claim: Claim, settled: timedelta) -> list[str]:
        """Jobs that ended, or were found by a rebuild, so long ago, and have not been swept since. Fenced."""
        ...

    def leftovers(self, claim: Claim, job_id: str) -> Leftovers:
        """Removes the rows of the job's runs that no snapshot and no checkpoint names; what may go of its blobs. Fenced."""
        ...

    def swept(self, claim: Claim, job_id: str, left: Leftovers) -> None:
        """The blobs are gone: so are the rows of those manifests and data keys. The job has been swept. Fenced."""
        ...

    def note_untrusted(self, found: Sequence[Untrusted]) -> None:
        """Remember what the store holds under untrusted KMS keys, in the place of what was remembered before.

        A key that was not remembered gets an event. Raises Refuse ``NO_SUCH_TENANT``.
        """
        ...

    def untrusted(self) -> list[Untrusted]:
        """Return what was last remembered."""
        ...
