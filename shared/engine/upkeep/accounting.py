"""Account for every object under a tenant's prefix: it is known to SQL, or will be soon, or is reported as unknown.

An attacker who can write to the bucket can add objects in Entrakeep's form: a further generation of a key object, a manifest,
chunks. Accounting needs no key.
"""

from collections.abc import Collection, Iterator
from itertools import groupby

from shared.domain.errors import Alarm, Code
from shared.domain.model import WrappedKey
from shared.engine.audit import verify_audit
from shared.engine.keys.trust import Trust
from shared.engine.steps.work import Work
from shared.ports.catalog.upkeep import KnownBlobs
from shared.vault.keyring import read_key_object
from shared.vault.listing import Form, Listing
from shared.vault.names import chunks_prefix, data_key_of, head_blob, last


def unaccounted(work: Work, listing: Listing, verified: Collection[str]) -> Iterator[Alarm]:
    """Yield an alarm for each object that differs from SQL, and a single one for all chunks of an unknown job.

    Objects of a job that was not swept yet raise no alarm: they may still be committed, or the sweep removes them.
    ``verified`` are ids of data keys whose newest key object need not be read again.
    """
    # Read order: the bucket first, then SQL. SQL then knows all that was listed, except a data key that is just being
    # created.
    blobs_by_form = {
        form: [blob for _, blob in blobs]
        for form, blobs in groupby(sorted(_forms_and_names(listing)), key=lambda pair: pair[0])
    }
    known = work.catalog.upkeep.known_blobs()
    yield from _manifests(work, blobs_by_form.get(Form.MANIFEST.name, []), known)
    yield from _chunks(work, blobs_by_form.get(Form.CHUNK.name, []), known)
    yield from _key_objects(work, blobs_by_form.get(Form.KEY_OBJECT.name, []), known, verified)
    yield from map(_unknown_blob, blobs_by_form.get(Form.CERTIFICATE.name, []))
    yield from _heads(work, listing)


def _forms_and_names(listing: Listing) -> Iterator[tuple[str, str]]:
    """Yield the form and the name of each object."""
    return ((form.name, blob) for form, blob in listing.all())


def _manifests(work: Work, blobs: list[str], known: KnownBlobs) -> Iterator[Alarm]:
    """Yield an alarm for each manifest that belongs to no snapshot and no attempt at one."""
    known_ids = known.snapshots.keys() | known.attempts.keys()
    return (_unknown_blob(blob) for blob in blobs if last(blob) not in known_ids and _exists(work, blob))


def _chunks(work: Work, blobs: list[str], known: KnownBlobs) -> Iterator[Alarm]:
    """Yield an alarm for each unknown job, and for each chunk that no run of a swept job names."""
    for job_id, job_blobs in groupby(blobs, key=lambda blob: blob.split("/")[2]):
        work.claim_keeper.check()
        if job_id not in known.jobs:
            yield _unknown_blob(chunks_prefix(work.claim.tenant_id, job_id))
        elif job_id in known.swept:
            named_blobs = work.catalog.upkeep.blobs(job_id)
            yield from (
                _unknown_blob(blob) for blob in job_blobs if last(blob) not in named_blobs and _exists(work, blob)
            )


def _key_objects(work: Work, blobs: list[str], known: KnownBlobs, verified: Collection[str]) -> Iterator[Alarm]:
    """Yield an alarm for each key object that is damaged, untrusted, unknown, or differs from its row."""
    keys = [*work.catalog.keys.all(), *work.catalog.customer_keys.superseded()]
    rows = {(key.data_key_id, key.generation): key for key in keys}
    newest = {key.data_key_id: key.generation for key in reversed(keys)}
    updating, trust = work.catalog.keys.state().updating, Trust(work.context, work.catalog)
    for blob in blobs:
        work.claim_keeper.check()
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
            continue  # removed since it was listed, or SQL gets its row in a moment
        if row is not None and key != row:
            yield Alarm(Code.BLOB_DAMAGED, f"The key object {blob} is not what was stored there.", blob)
        elif row is None and (data_key_id in newest or not _pending(key, known)) and not _in_sql_now(work, key):
            yield _unknown_blob(blob)


def _pending(key: WrappedKey, known: KnownBlobs) -> bool:
    """Return whether the data key's job was not swept yet: the job may still use the key, or the sweep removes it."""
    return key.job_id in known.jobs - known.swept


def _in_sql_now(work: Work, key: WrappedKey) -> bool:
    """Return whether SQL has the key's row by now."""
    return (key.data_key_id, key.generation) in work.catalog.upkeep.known_blobs().data_keys


def _heads(work: Work, listing: Listing) -> Iterator[Alarm]:
    """Yield an alarm if the audit trail does not match its heads in the bucket."""
    tenant_id = work.claim.tenant_id
    try:
        fault = verify_audit(work.context, tenant_id, listing).fault
    except Alarm as alarm:
        yield alarm
        return
    if fault is not None:
        blob = head_blob(tenant_id, fault.number)
        yield Alarm(Code.AUDIT_BROKEN, f"The event of {blob} {fault.reason}.", blob)


def _exists(work: Work, blob: str) -> bool:
    """Return whether the blob still exists: the sweep may have removed it since it was listed."""
    return work.context.store.get(blob) is not None


def _unknown_blob(blob: str) -> Alarm:
    return Alarm(Code.BLOB_UNKNOWN, f"The catalog does not know the blob {blob}.", blob)
