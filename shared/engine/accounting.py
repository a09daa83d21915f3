"""Account for every object under a tenant's prefix: known to SQL, or on its way there, or named as unknown.

Whoever can write to the bucket can put an object there that has the form of ours: a further generation of a key object, a
manifest, chunks. Needs no key.
"""

from collections.abc import Collection, Iterator
from itertools import groupby

from shared.domain.errors import Alarm, Code
from shared.domain.model import WrappedKey
from shared.engine.audit import verify_audit
from shared.engine.trust import Trust
from shared.engine.work import Work
from shared.ports.upkeep import Known
from shared.vault.keyring import read_key_object
from shared.vault.listing import Form, Listing
from shared.vault.names import chunks_prefix, data_key_of, head_blob, last


def unaccounted(work: Work, listing: Listing, verified: Collection[str]) -> Iterator[Alarm]:
    """Yield an alarm for each object that is not what SQL knows, and for chunks of an unknown job one for all of them.

    What a job has stored that the sweep has not looked at yet is accounted for: it may still be committed, or is garbage.
    ``verified`` are data keys whose newest key object need not be read again.
    """
    # The bucket first: what it holds by then, SQL knew before, but for a data key that is just being made.
    found = {
        form: [blob for _, blob in blobs] for form, blobs in groupby(sorted(_all(listing)), key=lambda pair: pair[0])
    }
    known = work.catalog.upkeep.known()
    yield from _manifests(work, found.get(Form.MANIFEST.name, []), known)
    yield from _chunks(work, found.get(Form.CHUNK.name, []), known)
    yield from _key_objects(work, found.get(Form.KEY_OBJECT.name, []), known, verified)
    yield from map(_unknown, found.get(Form.CERTIFICATE.name, []))
    yield from _heads(work, listing)


def _all(listing: Listing) -> Iterator[tuple[str, str]]:
    return ((form.name, blob) for form, blob in listing.all())


def _manifests(work: Work, blobs: list[str], known: Known) -> Iterator[Alarm]:
    noted = known.snapshots.keys() | known.attempts.keys()
    return (_unknown(blob) for blob in blobs if last(blob) not in noted and _is_there(work, blob))


def _chunks(work: Work, blobs: list[str], known: Known) -> Iterator[Alarm]:
    for job_id, of_job in groupby(blobs, key=lambda blob: blob.split("/")[2]):
        work.hold.check()
        if job_id not in known.jobs:
            yield _unknown(chunks_prefix(work.claim.tenant_id, job_id))
        elif job_id in known.swept:
            named = work.catalog.upkeep.blobs(job_id)
            yield from (_unknown(blob) for blob in of_job if last(blob) not in named and _is_there(work, blob))


def _key_objects(work: Work, blobs: list[str], known: Known, verified: Collection[str]) -> Iterator[Alarm]:
    keys = [*work.catalog.keys.all(), *work.catalog.customer_keys.older()]
    rows = {(key.data_key_id, key.generation): key for key in keys}
    newest = {key.data_key_id: key.generation for key in reversed(keys)}
    updating, trust = work.catalog.keys.state().updating, Trust(work.context, work.catalog)
    for blob in blobs:
        work.hold.check()
        data_key_id, generation = data_key_of(blob), int(last(blob))
        row = rows.get((data_key_id, generation))
        if row is not None and data_key_id in verified and generation == newest[data_key_id]:
            continue
        try:
            key = read_key_object(work.context.store, work.claim.tenant_id, blob)
        except Alarm as alarm:
            yield alarm
            continue
        if key is not None and row is None and not trust.trusts(key.arn):
            yield Alarm(Code.KEY_UNTRUSTED, f"The key object {blob} is under a KMS key that is not trusted.", blob)
            continue
        if key is None or (row is None and updating and generation > newest.get(data_key_id, generation)):
            continue  # removed meanwhile, or about to be told to SQL
        if row is not None and key != row:
            yield Alarm(Code.BLOB_DAMAGED, f"The key object {blob} is not what was stored there.", blob)
        elif row is None and (data_key_id in newest or not _pending(key, known)) and not _told(work, key):
            yield _unknown(blob)


def _pending(key: WrappedKey, known: Known) -> bool:
    """Return whether the job that the data key was made for may still use it, or the sweep removes it."""
    return key.job_id in known.jobs - known.swept


def _told(work: Work, key: WrappedKey) -> bool:
    """Return whether SQL has been told of the key meanwhile."""
    return (key.data_key_id, key.generation) in work.catalog.upkeep.known().data_keys


def _heads(work: Work, listing: Listing) -> Iterator[Alarm]:
    tenant_id = work.claim.tenant_id
    try:
        fault = verify_audit(work.context, tenant_id, listing).fault
    except Alarm as alarm:
        yield alarm
        return
    if fault is not None:
        blob = head_blob(tenant_id, fault.number)
        yield Alarm(Code.AUDIT_BROKEN, f"The event of {blob} {fault.reason}.", blob)


def _is_there(work: Work, blob: str) -> bool:
    """Return whether the sweep has not removed the blob meanwhile."""
    return work.context.store.get(blob) is not None


def _unknown(blob: str) -> Alarm:
    return Alarm(Code.BLOB_UNKNOWN, f"The catalog does not know the blob {blob}.", blob)
