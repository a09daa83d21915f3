"""The sweep: remove garbage from the bucket, which is what no row names. Needs no key.

Garbage comes from crashes and failed jobs: chunks that no run names, manifests that never became snapshots, data keys of jobs
that left nothing. The sweep removes only objects of jobs that ended a day ago. It removes nothing if the bucket holds jobs or
manifests that SQL does not know. SQL is then older than the bucket, and apparent garbage may belong to a snapshot.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

from shared.domain.errors import Alarm, Code, Refuse
from shared.domain.jobs import SweepResult
from shared.domain.trust import Untrusted, described
from shared.engine.audit import keep_head
from shared.engine.keys.trust import Trust, record_trust
from shared.engine.steps.work import Work
from shared.engine.upkeep.uncatalogued import LooseObjects, loose_objects
from shared.ports.observer import Point
from shared.vault.listing import Listing
from shared.vault.names import key_object_blob, last, manifest_blob

log = logging.getLogger(__name__)
_MOST_NAMED = 3
"""Number of untrusted KMS keys that a message names. 'entrakeep key show' lists all."""


def sweep_step(work: Work) -> bool:
    """Sweep the tenant, and store the head of its audit trail. Return whether the job goes on to a next step.

    Both are done only once it is certain that SQL is not older than the bucket. Raises Refuse ``CATALOG_OUTDATED`` if the
    bucket holds a job or manifest that SQL does not know. A changed audit trail, an unreadable head, or an object under an
    untrusted KMS key fails the job after the rest is done.
    """
    tenant = work.claim.tenant_id
    listing = Listing(work.context.store, tenant)
    stored, loose = check_bucket_known(work, listing)
    broken = _keep_head(work, listing)
    record_trust(work.context, work.catalog)
    removed, untrusted = 0, loose.summary()
    work.catalog.upkeep.note_untrusted(untrusted)
    untrusted_jobs = {key.job_id for key in loose.untrusted}
    for job_id in work.catalog.upkeep.to_sweep(work.claim, timedelta(hours=work.context.limits.settled_hours)):
        if job_id not in untrusted_jobs:
            removed += _sweep_job(work, listing, job_id, stored=job_id in stored)
    removed += _sweep_keys(work, loose)
    log.info("swept", extra={"tenant": tenant, "job": work.claim.job_id, "removed": removed})
    detail = SweepResult(removed=removed, strays=listing.report(), untrusted=untrusted)
    failure = broken or _untrusted_refusal(untrusted)
    if failure is None:
        return work.catalog.claims.finish(work.claim, detail=detail)
    work.catalog.claims.fail(work.claim, failure.code, failure.message, detail=detail)
    return False


def _untrusted_refusal(untrusted: list[Untrusted]) -> Refuse | None:
    """Return Refuse ``KEY_UNTRUSTED`` if there are objects under untrusted KMS keys, otherwise None."""
    if not untrusted:
        return None
    named = "; ".join(described(each) for each in untrusted[:_MOST_NAMED])
    return Refuse(
        Code.KEY_UNTRUSTED,
        f"The store holds objects under KMS keys that are not this tenant's: {named}. They were not removed. Somebody else "
        "may have written to the store: see 'entrakeep key show', and docs/threat-model.md for what to do.",
    )


def _keep_head(work: Work, listing: Listing) -> Refuse | Alarm | None:
    """Store the head of the audit trail. Return the error if the trail was changed or a head is damaged."""
    try:
        keep_head(work.context, work.catalog, listing)
    except (Refuse, Alarm) as broken:
        if isinstance(broken, Refuse) and broken.code is not Code.AUDIT_BROKEN:
            raise
        log.error("audit trail broken: %s", broken, extra={"tenant": work.claim.tenant_id, "job": work.claim.job_id})
        return broken
    return None


def check_bucket_known(work: Work, listing: Listing) -> tuple[set[str], LooseObjects]:
    """Return the jobs that have chunks in the bucket, and the key objects there that SQL does not know.

    Raises Refuse ``CATALOG_OUTDATED`` if the bucket holds a job or manifest that SQL does not know, because no object can
    then be recognised as garbage. Those whose data key an untrusted KMS key wraps are ignored.
    """
    # Read order: the bucket first, then SQL, so that SQL knows all that was listed.
    keys, jobs, manifests = list(listing.key_objects()), listing.jobs(), set(listing.manifests())
    known = work.catalog.upkeep.known_blobs()
    trust = Trust(work.context, work.catalog)
    loose = loose_objects(work.context.store, trust, keys, known.data_keys, lambda alarm: _log_skipped(work, alarm))
    unknown_manifests = manifests - known.snapshots.keys() - known.attempts.keys()
    unknown = len(loose.set_apart(work.context.store, work.claim.tenant_id, known.data_keys, unknown_manifests))
    others = jobs - known.jobs - loose.jobs_of_untrusted(known.jobs)
    unknown += len([job_id for job_id in others if any(listing.chunks(job_id))])  # not an empty folder
    if unknown:
        raise Refuse(
            Code.CATALOG_OUTDATED,
            f"The store holds {unknown} jobs or manifests that the catalog does not know, so nothing was removed. "
            "The catalog was restored from an older state: run 'entrakeep catalog rebuild'.",
        )
    return jobs, loose


def _log_skipped(work: Work, alarm: Alarm) -> None:
    """Log a key object that cannot be used."""
    log.warning("skipped: %s", alarm, extra={"tenant": work.claim.tenant_id, "blob": alarm.blob})


def _sweep_job(work: Work, listing: Listing, job_id: str, *, stored: bool) -> int:
    """Remove what the job has left, and return the number of blobs.

    Order of deletes: rows of runs, then manifests, then chunks, then key objects. So after a crash every remaining object
    still has all that it names, and the next sweep removes it.
    """
    tenant = work.claim.tenant_id
    leftovers = work.catalog.upkeep.leftovers(work.claim, job_id)
    work.context.observer.reach(Point.LEFTOVERS_KNOWN)
    names = [manifest_blob(tenant, snapshot_id) for snapshot_id in leftovers.manifests]
    if stored:
        names += [name for name in listing.chunks(job_id) if last(name) not in leftovers.blobs]
    for data_key_id in leftovers.data_keys:
        names += listing.key_objects(data_key_id)
    _delete(work, names)
    work.context.observer.reach(Point.LEFTOVERS_DELETED)
    work.catalog.upkeep.mark_swept(work.claim, job_id, leftovers)
    return len(names)


def _sweep_keys(work: Work, loose: LooseObjects) -> int:
    """Delete key objects of swept jobs whose data keys SQL does not know. Return their number."""
    tenant = work.claim.tenant_id
    known = work.catalog.upkeep.known_blobs()
    known_ids = {data_key_id for data_key_id, _ in known.data_keys}
    garbage = [
        key_object_blob(tenant, key.data_key_id, key.generation)
        for key in loose.trusted
        if key.data_key_id not in known_ids and key.job_id in known.swept
    ]
    _delete(work, garbage)
    return len(garbage)


def _delete(work: Work, names: Iterable[str]) -> None:
    """Delete these blobs. Raise what ended the claim."""
    for name in names:
        work.claim_keeper.check()
        work.context.store.delete(name)
