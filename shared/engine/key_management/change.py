"""A tenant's KMS key is changed: from the operator's to its own (enable), or from one of its own to another (update).

First the switch, so that from there on every data key is born under the new key; then every data key is wrapped anew, while
jobs go on under both; then what the key before opens is taken away, and that is proved. Each part may be cut off and taken up
again. There is no way back.
"""

import msgspec

from shared.domain.errors import Code, EntrakeepError, Refuse
from shared.domain.model import Tenant
from shared.engine.audit import anchor_softly
from shared.engine.key_management.checks import check_again
from shared.engine.key_management.moving import Moving, Told
from shared.engine.key_management.proof import forget_and_prove, purge_database
from shared.engine.sweep import check_bucket_known
from shared.engine.trust import record_trust
from shared.engine.work import Work
from shared.ports.catalog import EpochMoved
from shared.vault.listing import Listing


def key_change_step(work: Work) -> bool:
    """Changes the key to the one that the job names. Raises what ends the job: the refusal of a key, naming it.

    Data keys that the key before does not give away stay as they are: the job fails, lists the snapshots that need them, and
    may be asked for again when that key comes back.
    """
    told = _told(work)
    tenant = _switched(work, told)
    moving = Moving(work, tenant, told)
    try:
        moving.move_all()
        proved = forget_and_prove(moving)
    except EpochMoved:
        raise Refuse(Code.BUSY, "The tenant's key was changed to another one meanwhile. Ask again.") from None
    if moving.refused or told.left:
        return _unfinished(work, moving)
    work.catalog.keys.allow(tenant.key_arn)
    if proved:
        purge_database(moving)
    if not (proved and work.catalog.customer_keys.settle(work.claim, work.context.lease_seconds)):
        raise Refuse(Code.BUSY, "Data keys are still being stored under the key before. Ask again in some minutes.")
    work.context.at("key-settled")
    anchor_softly(work.context, work.catalog)
    record_trust(work.context, work.catalog)
    told.proved = {}  # of use to nobody from here on
    return work.catalog.claims.finish(work.claim, detail=msgspec.to_builtins(told))


def _told(work: Work) -> Told:
    """How far the job has come. What could not be moved before is tried again."""
    told = msgspec.convert(work.catalog.jobs.get(work.claim.job_id).detail, Told)
    told.left, told.snapshots = [], []
    return told


def _switched(work: Work, told: Told) -> Tenant:
    """The tenant, switched to the key; nothing more is checked if it was already."""
    tenant = work.catalog.tenant()
    if tenant.key_arn != told.arn:
        check_bucket_known(work, Listing(work.context.store, work.claim.tenant_id))
        check_again(work, tenant, told.arn)
        told.before = tenant.key_arn
        work.catalog.claims.tell(work.claim, msgspec.to_builtins(told))
    switched = work.catalog.customer_keys.switch(work.claim, told.arn)
    work.context.at("key-switched")
    anchor_softly(work.context, work.catalog)
    record_trust(work.context, work.catalog)
    return switched


def _unfinished(work: Work, moving: Moving) -> bool:
    """The job fails with what it has left behind."""
    told = moving.told
    told.snapshots = work.catalog.customer_keys.held_back()
    again = f"'entrakeep jobs retry {work.claim.job_id}'"
    if moving.refused:
        first: EntrakeepError = next(iter(moving.refused.values()))
        code, why = first.code, f"{first.message} Then ask again: {again}."
    else:
        blobs = ", ".join(each.blob for each in told.left[:3])
        code, why = (
            told.left[0].reason,
            f"Not what KMS made for this tenant, or copies of it: {blobs}. Look into it, then ask again: {again}.",
        )
    message = (
        f"{told.moved} data keys were moved, {told.to_move} wait; {len(told.snapshots)} snapshots need them. {why}"
    )
    work.catalog.claims.fail(work.claim, code, message, detail=msgspec.to_builtins(told))
    return False
