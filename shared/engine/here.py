"""Jobs that stream in the process that asked: it claims their one step itself and holds its own lease."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from shared.domain.errors import Cancelled, ClaimLost, Code, EntrakeepError, Unexpected
from shared.domain.model import Claim, JobKind, JobState, Tenant
from shared.engine.audit import anchor_softly
from shared.engine.context import Context
from shared.engine.custody import Custody
from shared.engine.hold import Hold
from shared.engine.opening import open_manifest
from shared.engine.work import Work
from shared.ports.catalog import TenantCatalog
from shared.vault.format import Manifest


@dataclass
class Shown:
    """How many records have gone out so far: the end of the job says so."""

    records: int = 0


@contextmanager
def begun_here(
    context: Context, tenant: Tenant, kind: JobKind, snapshot: str, shown: Shown | None = None
) -> Iterator[tuple[Work, Manifest]]:
    """A job of this process over a snapshot (id or ``latest``), pinned meanwhile; its manifest opened.

    ``shown`` is kept up by whoever reads. The job succeeds when the block ends, and fails with the code of what leaves it.
    KMS is always asked afresh. If somebody else has ended the job, that is raised, as a refused key ends all jobs of the
    tenant, whoever met the refusal.
    """
    catalog = context.catalog.tenant(tenant.tenant_id)
    catalog.jobs.end_expired_here(context.limits.claim_seconds)
    row = catalog.snapshots.get(snapshot)
    claim = catalog.jobs.begin_here(kind, row.snapshot_id, kind.value, context.limits.claim_seconds)
    shown = Shown() if shown is None else shown
    with Hold(catalog.claims, claim, context.limits.renew_seconds) as hold:
        try:
            with Custody(context, catalog) as custody:
                custody.secrets()
                work = Work(context, catalog, claim, hold, custody)
                yield work, open_manifest(context, custody, tenant.tenant_id, row)
                work.check()
            catalog.claims.finish(claim, detail={"records": shown.records})
            anchor_softly(context, catalog)
        except ClaimLost as lost:
            raise _end_of(catalog, claim) or lost from None
        except EntrakeepError as error:
            _fail(catalog, claim, error, shown)
            raise
        except BaseException as error:
            _fail(catalog, claim, _cause(error), shown)
            raise


def _cause(error: BaseException) -> EntrakeepError:
    """Return why the job ends: a defect of ours, or a person, a closed pipe or a full disk that stopped the process."""
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return EntrakeepError(Code.INTERRUPTED, f"The output could not be written: {os.strerror(error.errno or 0)}.")
    if isinstance(error, Exception) and not isinstance(error, BrokenPipeError):
        return Unexpected(error)
    return EntrakeepError(Code.INTERRUPTED, "The process that asked was interrupted.")


def _end_of(catalog: TenantCatalog, claim: Claim) -> EntrakeepError | None:
    """What the job has ended with, if it has ended badly."""
    job = catalog.jobs.get(claim.job_id)
    return EntrakeepError(job.code, job.message or "The job has ended.") if job.code else None


def _fail(catalog: TenantCatalog, claim: Claim, error: EntrakeepError, shown: Shown) -> None:
    """Ends the job as failed or cancelled, unless it has ended (a refused key ends all jobs of the tenant at once)."""
    with suppress(ClaimLost):
        state = JobState.CANCELLED if isinstance(error, Cancelled) else JobState.FAILED
        catalog.claims.fail(claim, error.code, error.message, state=state, detail={"records": shown.records})
