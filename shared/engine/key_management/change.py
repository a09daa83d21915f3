"""Change a tenant's KMS key: from the operator's key to its own (enable), or from one of its own to another (update).

The change has three parts. The switch comes first, so that every new data key is created under the new key. Then every data
key is rewrapped, while jobs continue under both keys. Last, wrappings by the previous key are removed, and that is proved.
Each part can be interrupted and resumed. A change cannot be undone.
"""

from shared.domain.errors import Code, EntrakeepError, Refuse
from shared.domain.jobs import KeyChangeProgress
from shared.domain.model import Tenant
from shared.engine.audit import anchor_softly
from shared.engine.key_management.checks import repeat_checks
from shared.engine.key_management.moving import Moving
from shared.engine.key_management.proof import forget_and_prove, purge_database
from shared.engine.keys.trust import record_trust
from shared.engine.steps.work import Work
from shared.engine.upkeep.sweep import check_bucket_known
from shared.ports.catalog.keys import EpochMoved
from shared.ports.observer import Point
from shared.vault.listing import Listing


def key_change_step(work: Work) -> bool:
    """Change the tenant to the key that the job names. Return whether the job goes on to a next step.

    Data keys that the previous key does not release stay as they are. The job then fails and lists the snapshots that need
    them; it can be retried when that key is usable again. Raises what ends the job, such as KeyRefused naming the key.
    """
    progress = _load_progress(work)
    tenant = _switch(work, progress)
    moving = Moving(work, tenant, progress)
    try:
        moving.move_all()
        proved = forget_and_prove(moving)
    except EpochMoved:
        raise Refuse(Code.BUSY, "The tenant's key was changed to another one in the meantime. Retry the job.") from None
    if moving.refused or progress.left:
        return _fail(work, moving)
    work.catalog.keys.allow(tenant.key_arn)
    if proved:
        purge_database(moving)
    if not (proved and work.catalog.customer_keys.confirm_moved(work.claim, work.context.lease_seconds)):
        raise Refuse(
            Code.BUSY, "Data keys are still being stored under the previous key. Retry the job in a few minutes."
        )
    work.context.observer.reach(Point.KEY_SETTLED)
    anchor_softly(work.context, work.catalog)
    record_trust(work.context, work.catalog)
    progress.proved = {}  # only a resumed proof needs it
    return work.catalog.claims.finish(work.claim, detail=progress)


def _load_progress(work: Work) -> KeyChangeProgress:
    """Return the job's progress. Data keys that could not be moved before are tried again."""
    progress = work.catalog.jobs.get(work.claim.job_id).detail
    if not isinstance(progress, KeyChangeProgress):
        raise Refuse(Code.FORMAT_UNKNOWN, "The job does not name the key to change to. Request the key change again.")
    progress.left, progress.snapshots = [], []
    return progress


def _switch(work: Work, progress: KeyChangeProgress) -> Tenant:
    """Switch the tenant to the key, and return the tenant. If it is switched already, the key is not checked again."""
    tenant = work.catalog.tenant()
    if tenant.key_arn != progress.arn:
        check_bucket_known(work, Listing(work.context.store, work.claim.tenant_id))
        repeat_checks(work, tenant, progress.arn)
        progress.before = tenant.key_arn
        work.catalog.claims.report_progress(work.claim, progress)
    switched = work.catalog.customer_keys.switch(work.claim, progress.arn)
    work.context.observer.reach(Point.KEY_SWITCHED)
    anchor_softly(work.context, work.catalog)
    record_trust(work.context, work.catalog)
    return switched


def _fail(work: Work, moving: Moving) -> bool:
    """Fail the job with what could not be moved. Return False: no further step follows."""
    progress = moving.progress
    progress.snapshots = work.catalog.customer_keys.snapshots_needing_other_keys()
    retry_command = f"'entrakeep jobs retry {work.claim.job_id}'"
    if moving.refused:
        first: EntrakeepError = next(iter(moving.refused.values()))
        code, why = first.code, f"{first.message} Then retry: {retry_command}."
    else:
        blobs = ", ".join(each.blob for each in progress.left[:3])
        code, why = (
            progress.left[0].reason,
            f"Not what KMS made for this tenant, or copies of it: {blobs}. Examine them, then retry: {retry_command}.",
        )
    snapshots = len(progress.snapshots)
    message = f"{progress.moved} data keys were moved, {progress.to_move} wait; {snapshots} snapshots need them. {why}"
    work.catalog.claims.fail(work.claim, code, message, detail=progress)
    return False
