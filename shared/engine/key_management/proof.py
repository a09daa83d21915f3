"""Prove that the previous key opens nothing any more: remove older generations, and test every remaining key object.

The bucket comes first, then SQL. Key objects that SQL does not know (of a data key whose row was never stored) are rewrapped
and kept: the sweep decides whether they are garbage.

The proof works in parts and can be interrupted after each. For a proved part the hash of its key objects' names is kept.
Names are never reused and include the generation. So a part with the same hash holds the same key objects, and a part to
which any object was added has another hash and is proved again. The proof is complete once a listing has no part left to
prove. A key object that comes later is wrapped by the previous key only if its data key's creation took longer than the whole
proof. SQL refuses the row of such a data key, so nothing is sealed by it, and nothing is lost with it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from shared.domain.errors import Alarm, Code, KeyRefused, Refuse
from shared.domain.jobs import UnmovedKey
from shared.domain.model import WrappedKey
from shared.engine.key_management.moving import Moving, find_current
from shared.engine.keys.retrying import retry_kms
from shared.ports.observer import Point
from shared.vault.keyring import check_key_object, read_key_object, unwrap
from shared.vault.listing import Listing
from shared.vault.names import data_key_of, key_object_blob, last

_PART = 2
"""Leading digits of a data key's id that choose its part. With fifty thousand data keys, a part has two hundred."""


def forget_and_prove(moving: Moving) -> bool:
    """Remove older generations and prove the rest, until no new key object comes. Return whether all is proved.

    Return False after ``Limits.proof_passes``, or if a key object could not be moved. New key objects may come during a
    pass: of data keys created meanwhile, and of those whose creation began before the switch and whose rows SQL refuses.
    """
    for _ in range(moving.work.context.limits.proof_passes):
        remove_older_generations(moving)
        _list_copies(moving)
        if moving.progress.left or moving.refused:
            return False
        if prove_all(moving):
            return True
    return False


def remove_older_generations(moving: Moving) -> None:
    """Erase each key object, in every version, that a newer generation under the current key replaces; then its row."""
    work, tenant = moving.work, moving.tenant
    newest = {key.data_key_id: key for key in work.catalog.keys.all()}
    for blob, data_key_id, generation in _key_objects(moving):
        work.claim_keeper.check()
        key = newest.get(data_key_id)
        if key is None:
            _adopt_unknown(moving, blob)
        elif generation < key.generation and key.arn == tenant.key_arn:
            work.context.store.erase(blob)
            work.context.observer.reach(Point.GENERATION_ERASED)
            moving.report_progress()
        elif generation > key.generation and key.arn == tenant.key_arn:
            _remove_orphan_generation(moving, blob)
    outdated = work.catalog.customer_keys.superseded()
    if outdated:
        moving.progress.forgotten += len(outdated)
        work.catalog.claims.report_progress(work.claim, msgspec.to_builtins(moving.progress))
    for older in outdated:
        work.context.store.erase(key_object_blob(tenant.tenant_id, older.data_key_id, older.generation))
        work.catalog.customer_keys.forget(work.claim, older.data_key_id, older.generation)
        moving.forgotten.add(older.wrapped)
        work.context.observer.reach(Point.GENERATION_FORGOTTEN)
        moving.report_progress()


def purge_database(moving: Moving) -> None:
    """Prove that the database's own files hold none of the deleted wrappings, or record where they may be.

    A step that has not deleted all of them itself does not know what to search for, so the files are rewritten. Raises
    Refuse ``BUSY`` if the wrappings are still there.
    """
    all_known = len(moving.forgotten) == moving.progress.forgotten
    purged = moving.work.context.catalog.purge(moving.forgotten if all_known else ())
    if purged.removed is False:
        retry_hint = f"Then retry: 'entrakeep jobs retry {moving.work.claim.job_id}'."
        raise Refuse(Code.BUSY, f"{purged.message} {retry_hint}")
    moving.progress.database = purged.message


def _list_copies(moving: Moving) -> None:
    """List copies of key objects, made by people or tools, as unmoved: the previous key opens them."""
    listing = Listing(moving.work.context.store, moving.tenant.tenant_id)
    moving.progress.left += [UnmovedKey(blob=blob, reason=Code.BLOB_UNKNOWN) for blob in listing.copies()]


def prove_all(moving: Moving) -> bool:
    """Prove each part that has changed since its last proof. Return True if no part has changed.

    Raise Alarm if a data key of SQL has no key object or a key object is damaged. Raise TimeSliceOver after a part if
    the time slice is over.
    """
    work, tenant_id = moving.work, moving.tenant.tenant_id
    rows = {key_object_blob(tenant_id, key.data_key_id, key.generation): key for key in work.catalog.keys.all()}
    names = [blob for blob, _, _ in _key_objects(moving)]
    for blob in rows.keys() - set(names):
        _check_key_object_exists(moving, rows[blob])
    proved = True
    for part, blobs in _group_by_part(names).items():
        names_hash = _hash_names(moving, blobs)
        if moving.progress.proved.get(part) == names_hash:
            continue
        proved = False
        if all(_prove(moving, blob, rows.get(blob)) for blob in blobs):
            moving.progress.proved[part] = names_hash
            work.context.observer.reach(Point.PART_PROVED)
            moving.report_progress()
    return proved


def _group_by_part(blobs: list[str]) -> dict[str, list[str]]:
    """Group key objects by the first digits of their data key's id."""
    parts = defaultdict(list)
    for blob in blobs:
        parts[data_key_of(blob)[:_PART]].append(blob)
    return parts


def _hash_names(moving: Moving, blobs: list[str]) -> str:
    """Return the hash of the names, and of the KMS key that they are proved for."""
    proved_for = f"{moving.tenant.key_arn} {moving.tenant.key_epoch}"
    return hashlib.sha256("\n".join([proved_for, *blobs]).encode()).hexdigest()[:32]


def _prove(moving: Moving, blob: str, row: WrappedKey | None) -> bool:
    """Open the key object under the tenant's current key, and try it under the provider key. Return whether it is proved.

    Return False if it names another key or no longer exists: it was added or removed during the pass. Raises Alarm if it is
    damaged, differs from its row, or opens under the provider key.
    """
    work, tenant = moving.work, moving.tenant
    work.claim_keeper.check()
    key = read_key_object(work.context.store, tenant.tenant_id, blob)
    if key is None:
        if row is not None:
            _check_key_object_exists(moving, row)
        return False
    if row is None and not moving.trust.trusts(key.arn):
        # An attacker may have put it there. A copy of an old wrapping under another name would open.
        _check_provider_cannot_open(moving, key, blob)
        return True
    if key.arn != tenant.key_arn:
        return False
    if row is not None and key != row:
        raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} is not what was stored there.", blob)
    _check_opens(moving, key)
    _check_provider_cannot_open(moving, key, blob)
    return True


def _check_key_object_exists(moving: Moving, row: WrappedKey) -> None:
    """Raise Alarm if the data key's key object is missing, unless the sweep has removed the data key with its job."""
    if find_current(moving.work.catalog.keys, row.data_key_id) is not None:
        check_key_object(moving.work.context.store, moving.tenant.tenant_id, row)


def _key_objects(moving: Moving) -> Iterator[tuple[str, str, int]]:
    """Yield the name, data key id and generation of each key object, deleted ones with remaining versions included."""
    for blob in list(Listing(moving.work.context.store, moving.tenant.tenant_id).key_objects(deleted=True)):
        yield blob, data_key_of(blob), int(last(blob))


def _remove_orphan_generation(moving: Moving, blob: str) -> None:
    """Erase a generation newer than SQL's row if another KMS key wraps it.

    An interrupted change has left it. SQL's row is under the current key already.
    """
    store, tenant = moving.work.context.store, moving.tenant
    key = read_key_object(store, tenant.tenant_id, blob)
    if key is None or key.arn != tenant.key_arn:
        store.erase(blob)
        moving.report_progress()


def _adopt_unknown(moving: Moving, blob: str) -> None:
    """Rewrap a key object that SQL does not know if another KMS key wraps it. Erase it if only old versions exist.

    A key object under an untrusted KMS key is left alone: rewrapped, it would look like an authentic one.
    """
    store, tenant = moving.work.context.store, moving.tenant
    try:
        key = read_key_object(store, tenant.tenant_id, blob)
        if key is None:
            store.erase(blob)
            return
        if key.arn == tenant.key_arn or not moving.trust.trusts(key.arn):
            return
        moving.rewrap(key)
        store.erase(blob)
        moving.report_progress()
    except Alarm as alarm:
        moving.progress.left.append(UnmovedKey(blob=blob, reason=alarm.code))
    except KeyRefused as refusal:
        moving.add_refusal(refusal)
        moving.progress.left.append(UnmovedKey(blob=blob, reason=refusal.code))


def _check_opens(moving: Moving, key: WrappedKey) -> None:
    """Raise Alarm or KeyRefused unless KMS opens the data key."""
    context = moving.work.context
    retry_kms(
        lambda: unwrap(context.keys, key).drop(),
        context.deadline(context.lease_seconds),
        moving.work.claim_keeper.check,
    )


def _check_provider_cannot_open(moving: Moving, key: WrappedKey, blob: str) -> None:
    """Raise Alarm if the provider key opens a data key that only the tenant's own key may open.

    A provider key that cannot be used, for whatever reason, opens nothing.
    """
    context = moving.work.context
    provider = context.provider_key

    def attempt() -> None:
        context.keys.decrypt(provider, key.wrapped, key.context, key.data_key_id).reveal()

    try:
        retry_kms(attempt, context.deadline(context.lease_seconds), moving.work.claim_keeper.check)
    except (Alarm, Refuse):
        return
    raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} still opens under the operator's key.", blob)
