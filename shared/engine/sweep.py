"""The sweep: takes garbage out of the bucket that nobody names. Needs no key.

What crashes and failed jobs leave: chunks that no run names, manifests that never became snapshots, data keys of jobs of
which nothing is left. It touches only jobs that ended a day ago, and nothing at all if SQL does not know all that lies in
the bucket: then SQL is the older of the two, and what looks like garbage may be the rest of a snapshot.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

from shared.domain.errors import Alarm, Code, Refuse
from shared.engine.audit import keep_head
from shared.engine.work import Work
from shared.vault.keyring import decode_key_object
from shared.vault.listing import Listing
from shared.vault.names import data_key_of, last, manifest_blob

log = logging.getLogger(__name__)


def sweep_step(work: Work) -> bool:
    """Sweeps the tenant, and puts the head of its audit trail into the bucket, once it is sure that SQL is not the older of
    the two. Raises Refuse ``CATALOG_OUTDATED`` if the bucket holds a job or manifest that SQL does not know.

    An audit trail that was changed, or a head that cannot be read, fails the job when the rest is done.
    """
    tenant = work.claim.tenant_id
    listing = Listing(work.context.store, tenant)
    keys = list(listing.key_objects())
    stored = check_bucket_known(work, listing)
    broken = _keep_head(work, listing)
    removed = 0
    for job_id in work.catalog.upkeep.to_sweep(work.claim, timedelta(hours=work.context.limits.settled_hours)):
        removed += _sweep_job(work, listing, job_id, stored=job_id in stored)
    removed += _sweep_keys(work, keys)
    log.info("swept", extra={"tenant": tenant, "job": work.claim.job_id, "removed": removed})
    detail = {"removed": removed, "strays": listing.report()}
    if broken is None:
        return work.catalog.claims.finish(work.claim, detail=detail)
    work.catalog.claims.fail(work.claim, broken.code, broken.message, detail=detail)
    return False


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


def check_bucket_known(work: Work, listing: Listing) -> set[str]:
    """Return the jobs of which chunks lie in the bucket.

    Raises Refuse ``CATALOG_OUTDATED`` if the bucket holds a job or manifest that SQL does not know: then nothing in it may
    be taken for garbage.
    """
    # The bucket is looked at first: what it holds by then, SQL knew before.
    jobs, manifests = listing.jobs(), set(listing.manifests())
    known = work.catalog.upkeep.known()
    unknown = [job_id for job_id in jobs - known.jobs if any(listing.chunks(job_id))]  # not an empty folder
    strange = len(unknown) + len(manifests - known.snapshots.keys() - known.attempts.keys())
    if strange:
        raise Refuse(
            Code.CATALOG_OUTDATED,
            f"The store holds {strange} jobs or manifests that the catalog does not know, so nothing was taken away: it was "
            "put back from an older state. Run 'entrakeep catalog rebuild'.",
        )
    return jobs


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


def _sweep_keys(work: Work, names: list[str]) -> int:
    """Key objects of data keys that were born and never told to SQL, of jobs that have ended."""
    store, tenant = work.context.store, work.claim.tenant_id
    known = work.catalog.upkeep.known()
    told = {data_key_id for data_key_id, _ in known.data_keys}
    garbage = []
    for name in names:
        text = None if data_key_of(name) in told else store.get(name)
        if text is None:
            continue
        try:
            job_id = decode_key_object(text, tenant, name).job_id
        except Alarm as alarm:
            log.warning("left alone: %s", alarm, extra={"tenant": tenant, "blob": name})
            continue
        if job_id in known.swept:
            garbage.append(name)
    _delete(work, garbage)
    return len(garbage)


def _delete(work: Work, names: Iterable[str]) -> None:
    for name in names:
        work.hold.check()
        work.context.store.delete(name)
