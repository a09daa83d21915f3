"""The sweep: takes garbage out of the bucket that nobody names. Needs no key.

What crashes and failed jobs leave: chunks that no run names, manifests that never became snapshots, data keys of jobs of
which nothing is left. It touches only jobs that ended a day ago, and nothing at all if SQL does not know all that lies in
the bucket: then SQL is the older of the two, and what looks like garbage may be the rest of a snapshot.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

import msgspec

from shared.domain.errors import Alarm, Code, Refuse
from shared.domain.trust import Untrusted, described
from shared.engine.audit import keep_head
from shared.engine.loose_objects import LooseObjects, loose_objects
from shared.engine.trust import Trust, record_trust
from shared.engine.work import Work
from shared.vault.listing import Listing
from shared.vault.names import key_object_blob, last, manifest_blob

log = logging.getLogger(__name__)
_NAMED = 3
"""Untrusted KMS keys that a sentence names; 'entrakeep key show' has them all."""


def sweep_step(work: Work) -> bool:
    """Sweeps the tenant, and puts the head of its audit trail into the bucket, once it is sure that SQL is not the older of
    the two. Raises Refuse ``CATALOG_OUTDATED`` if the bucket holds a job or manifest that SQL does not know.

    An audit trail that was changed, a head that cannot be read, or anything under an untrusted KMS key fails the job when the
    rest is done.
    """
    tenant = work.claim.tenant_id
    listing = Listing(work.context.store, tenant)
    stored, loose = check_bucket_known(work, listing)
    broken = _keep_head(work, listing)
    record_trust(work.context, work.catalog)
    removed, untrusted = 0, loose.summary()
    work.catalog.upkeep.note_untrusted(untrusted)
    spared = {key.job_id for key in loose.untrusted}
    for job_id in work.catalog.upkeep.to_sweep(work.claim, timedelta(hours=work.context.limits.settled_hours)):
        if job_id not in spared:
            removed += _sweep_job(work, listing, job_id, stored=job_id in stored)
    removed += _sweep_keys(work, loose)
    log.info("swept", extra={"tenant": tenant, "job": work.claim.job_id, "removed": removed})
    detail = {"removed": removed, "strays": listing.report(), "untrusted": msgspec.to_builtins(untrusted)}
    failure = broken or _untrusted(untrusted)
    if failure is None:
        return work.catalog.claims.finish(work.claim, detail=detail)
    work.catalog.claims.fail(work.claim, failure.code, failure.message, detail=detail)
    return False


def _untrusted(found: list[Untrusted]) -> Refuse | None:
    """Return what to say of what is under untrusted KMS keys, if there is any."""
    if not found:
        return None
    named = "; ".join(described(each) for each in found[:_NAMED])
    return Refuse(
        Code.KEY_UNTRUSTED,
        f"The store holds what is wrapped by KMS keys that are not this tenant's: {named}. It was left alone. Somebody may "
        "have written into the store: see 'entrakeep key show', and docs/threat-model.md for what to do.",
    )


def _keep_head(work: Work, listing: Listing) -> Refuse | Alarm | None:
    """What is wrong with the audit trail, if anything is."""
    try:
        keep_head(work.context, work.catalog, listing)
    except (Refuse, Alarm) as broken:
        if isinstance(broken, Refuse) and broken.code is not Code.AUDIT_BROKEN:
            raise
        log.error("the audit trail: %s", broken, extra={"tenant": work.claim.tenant_id, "job": work.claim.job_id})
        return broken
    return None


def check_bucket_known(work: Work, listing: Listing) -> tuple[set[str], LooseObjects]:
    """Return the jobs of which chunks are in the bucket, and the key objects there that SQL does not know.

    Raises Refuse ``CATALOG_OUTDATED`` if it holds a job or manifest that SQL does not know, unless an untrusted KMS key wraps
    its data key: then nothing in it may be taken for garbage.
    """
    # The bucket is looked at first: what it holds by then, SQL knew before.
    keys, jobs, manifests = list(listing.key_objects()), listing.jobs(), set(listing.manifests())
    known = work.catalog.upkeep.known()
    trust = Trust(work.context, work.catalog)
    loose = loose_objects(work.context.store, trust, keys, known.data_keys, lambda alarm: _leave(work, alarm))
    strange = manifests - known.snapshots.keys() - known.attempts.keys()
    unknown = len(loose.set_apart(work.context.store, work.claim.tenant_id, known.data_keys, strange))
    others = jobs - known.jobs - loose.jobs_of_untrusted(known.jobs)
    unknown += len([job_id for job_id in others if any(listing.chunks(job_id))])  # not an empty folder
    if unknown:
        raise Refuse(
            Code.CATALOG_OUTDATED,
            f"The store holds {unknown} jobs or manifests that the catalog does not know, so nothing was taken away: it was "
            "put back from an older state. Run 'entrakeep catalog rebuild'.",
        )
    return jobs, loose


def _leave(work: Work, alarm: Alarm) -> None:
    log.warning("left alone: %s", alarm, extra={"tenant": work.claim.tenant_id, "blob": alarm.blob})


def _sweep_job(work: Work, listing: Listing, job_id: str, *, stored: bool) -> int:
    """Rows of runs first, then blobs, manifests before chunks before keys: whatever a crash leaves lacks nothing that it
    names, and is found the next time. How many blobs."""
    tenant = work.claim.tenant_id
    left = work.catalog.upkeep.leftovers(work.claim, job_id)
    work.context.at("leftovers-known")
    names = [manifest_blob(tenant, snapshot_id) for snapshot_id in left.manifests]
    if stored:
        names += [name for name in listing.chunks(job_id) if last(name) not in left.blobs]
    for data_key_id in left.data_keys:
        names += listing.key_objects(data_key_id)
    _delete(work, names)
    work.context.at("leftovers-deleted")
    work.catalog.upkeep.swept(work.claim, job_id, left)
    return len(names)


def _sweep_keys(work: Work, loose: LooseObjects) -> int:
    """Delete the key objects of data keys that SQL was never told of, of jobs that have ended. Return how many."""
    tenant = work.claim.tenant_id
    known = work.catalog.upkeep.known()
    told = {data_key_id for data_key_id, _ in known.data_keys}
    garbage = [
        key_object_blob(tenant, key.data_key_id, key.generation)
        for key in loose.trusted
        if key.data_key_id not in told and key.job_id in known.swept
    ]
    _delete(work, garbage)
    return len(garbage)


def _delete(work: Work, names: Iterable[str]) -> None:
    for name in names:
        work.hold.check()
        work.context.store.delete(name)
