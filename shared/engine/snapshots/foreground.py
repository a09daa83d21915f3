"""Foreground jobs: the calling process streams the records. It claims the job's only step and has its own key lease."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from shared.domain.audit import Plain
from shared.domain.errors import Cancelled, ClaimLost, Code, EntrakeepError, Refuse, Unexpected
from shared.domain.jobs import KINDS, Claim, JobKind, JobState, RecordsShown
from shared.domain.model import Snapshot, Tenant
from shared.engine.audit import anchor_softly
from shared.engine.context import Context
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.steps.claim_keeper import ClaimKeeper
from shared.engine.steps.work import Work
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.snapshot_reader import SnapshotReader


@dataclass
class Shown:
    """The count of a foreground job's output. The job's detail reports it."""

    records: int = 0
    """Number of records returned so far."""


@contextmanager
def run_foreground(
    context: Context,
    tenant: Tenant,
    kind: JobKind,
    snapshot: str,
    shown: Shown | None = None,
    resources: Collection[str] = (),
) -> Iterator[tuple[Work, SnapshotReader]]:
    """Run a job of this process over a snapshot (id or ``latest``). Yield the work and a reader of the snapshot.

    It pins, counts, ends and raises as ``run_foreground_over`` does.
    """
    row = context.catalog.tenant(tenant.tenant_id).snapshots.get(snapshot)
    with run_foreground_over(context, tenant, kind, (row,), shown, resources) as (work, (reader,)):
        yield work, reader


@contextmanager
def run_foreground_over(
    context: Context,
    tenant: Tenant,
    kind: JobKind,
    snapshots: Sequence[Snapshot],
    shown: Shown | None = None,
    resources: Collection[str] = (),
    detail: Mapping[str, Plain] | None = None,
) -> Iterator[tuple[Work, list[SnapshotReader]]]:
    """Run a job of this process over snapshots. Yield the work and a reader of each snapshot.

    It pins, counts, ends and raises as ``run_foreground_job`` does.
    """
    with run_foreground_job(context, tenant, kind, snapshots, shown, resources, detail) as work:
        yield work, [SnapshotReader(work.blobs, work.blobs.manifest(row).streams) for row in snapshots]


@contextmanager
def run_foreground_job(
    context: Context,
    tenant: Tenant,
    kind: JobKind,
    snapshots: Sequence[Snapshot],
    shown: Shown | None = None,
    resources: Collection[str] = (),
    detail: Mapping[str, Plain] | None = None,
) -> Iterator[Work]:
    """Run a job of this process that reads snapshots. Yield its work.

    The snapshots are pinned while the job runs. The caller counts its records in ``shown``. The job succeeds when the
    block ends, and fails with the code of an exception that leaves it. KMS is always called anew. If another process
    has ended the job, the reason is raised: a refused key, for instance, ends all jobs of the tenant at once.

    ``detail`` tells the audit event what is read of the snapshots. ``resources`` are the only ones to read; they are
    added to ``detail``. Raises Refuse ``WRONG_USE`` if no snapshot has one of them.
    """
    catalog = context.catalog.tenant(tenant.tenant_id)
    catalog.jobs.end_expired_foreground(context.limits.claim_seconds)
    _check_resources(snapshots, resources)
    first, *others = (row.snapshot_id for row in snapshots)
    narrowed: dict[str, Plain] = {"resources": ",".join(sorted(set(resources)))} if resources else {}
    seconds, plain = context.limits.claim_seconds, {**(detail or {}), **narrowed}
    claim = catalog.jobs.begin_foreground(kind, first, KINDS[kind].stored, seconds, others, plain)
    shown = Shown() if shown is None else shown
    with ClaimKeeper(catalog.claims, claim, context.limits, context.clock.monotonic) as hold:
        try:
            with ProcessKeys(context, catalog) as keys:
                keys.secrets()
                work = Work(context, catalog, claim, hold, keys)
                yield work
                work.check()
            catalog.claims.finish(claim, detail=RecordsShown(records=shown.records))
            anchor_softly(context, catalog)
        except ClaimLost as lost:
            raise _stored_error(catalog, claim) or lost from None
        except EntrakeepError as error:
            _fail(catalog, claim, error, shown)
            raise
        except BaseException as error:
            _fail(catalog, claim, _cause(error), shown)
            raise


def _check_resources(snapshots: Sequence[Snapshot], resources: Collection[str]) -> None:
    """Raise Refuse if no snapshot has one of these resources, because no record would look like an empty one."""
    names = {report.resource for snapshot in snapshots for report in snapshot.resources}
    for resource in resources:
        if resource not in names:
            sentence = f"The snapshot has no resource '{resource}'. Give one of {', '.join(sorted(names))}."
            raise Refuse(Code.WRONG_USE, sentence)


def _cause(error: BaseException) -> EntrakeepError:
    """Return the error to store: ``Unexpected`` for a defect, ``INTERRUPTED`` for a signal, a closed pipe or a full disk."""
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return EntrakeepError(Code.INTERRUPTED, f"The output could not be written: {os.strerror(error.errno or 0)}.")
    if isinstance(error, Exception) and not isinstance(error, BrokenPipeError):
        return Unexpected(error)
    return EntrakeepError(Code.INTERRUPTED, "The process that asked was interrupted.")


def _stored_error(catalog: TenantCatalog, claim: Claim) -> EntrakeepError | None:
    """Return the error that the job has ended with, or None."""
    job = catalog.jobs.get(claim.job_id)
    return EntrakeepError(job.code, job.message or "The job has ended.") if job.code else None


def _fail(catalog: TenantCatalog, claim: Claim, error: EntrakeepError, shown: Shown) -> None:
    """End the job as failed or cancelled, unless it has ended already, as after a refused key."""
    with suppress(ClaimLost):
        state = JobState.CANCELLED if isinstance(error, Cancelled) else JobState.FAILED
        catalog.claims.fail(claim, error.code, error.message, state=state, detail=RecordsShown(records=shown.records))
