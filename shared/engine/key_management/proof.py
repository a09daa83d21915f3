"""The key before opens nothing any more: older generations go, and every key object that is left is tried.

The bucket goes first, then SQL. Key objects that SQL does not know (a data key that was never told to it) are wrapped
anew and kept: whether they are garbage is for the sweep to say.

The proof goes by parts, and may be cut off behind each. What was proved is kept as the hash of the names of a part's key
objects. Names are never given twice and say which generation it is, so a part whose hash is the same holds what was proved,
and one to which anything came has another hash, wherever in it that lies: it is proved again. All are proved once they are
listed and no part is left to prove. What comes later still is wrapped by the key before only if a data key was being born for
longer than all that took; SQL refuses its row, so that nothing was sealed by it, and nothing is lost with it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from shared.domain.errors import Alarm, Code, KeyRefused, Refuse
from shared.domain.model import WrappedKey
from shared.engine.key_management.moving import Left, Moving, known_still
from shared.engine.patience import patiently
from shared.vault.keyring import check_key_object, read_key_object, unwrap
from shared.vault.listing import Listing
from shared.vault.names import data_key_of, key_object_blob, last

_PASSES = 5
"""Key objects may come while others are proved: of data keys that are born, and of those that were being born while the key
changed and that SQL will refuse."""
_PART = 2
"""Digits of a data key's id that say to which part it belongs: of fifty thousand data keys a part has two hundred."""


def forget_and_prove(moving: Moving) -> bool:
    """Both, until nothing comes any more. False if that does not end, or something could not be moved."""
    for _ in range(_PASSES):
        forget_before(moving)
        _name_copies(moving)
        if moving.told.left or moving.refused:
            return False
        if all_proved(moving):
            return True
    return False


def forget_before(moving: Moving) -> None:
    """Erases, in every version, what another key wraps and a newer generation stands for; then its rows."""
    work, tenant = moving.work, moving.tenant
    newest = {key.data_key_id: key for key in work.catalog.keys.all()}
    for blob, data_key_id, generation in _key_objects(moving):
        work.hold.check()
        key = newest.get(data_key_id)
        if key is None:
            _unknown(moving, blob)
        elif generation < key.generation and key.arn == tenant.key_arn:
            work.context.store.erase(blob)
            work.context.at("generation-erased")
            moving.rest()
        elif generation > key.generation and key.arn == tenant.key_arn:
            _astray(moving, blob)
    outdated = work.catalog.customer_keys.older()
    if outdated:
        moving.told.forgotten += len(outdated)
        work.catalog.claims.tell(work.claim, msgspec.to_builtins(moving.told))
    for older in outdated:
        work.context.store.erase(key_object_blob(tenant.tenant_id, older.data_key_id, older.generation))
        work.catalog.customer_keys.forget(work.claim, older.data_key_id, older.generation)
        moving.forgotten.add(older.wrapped)
        work.context.at("generation-forgotten")
        moving.rest()


def purge_database(moving: Moving) -> None:
    """Prove that the database's own files hold none of the deleted wrappings, or note where they may be.

    A step that has not deleted all of them itself does not know what to search for: then the files are rewritten. Raises
    Refuse ``BUSY`` if they are not gone.
    """
    known = len(moving.forgotten) == moving.told.forgotten
    purged = moving.work.context.catalog.purge(moving.forgotten if known else ())
    if purged.gone is False:
        again = f"Then ask again: 'entrakeep jobs retry {moving.work.claim.job_id}'."
        raise Refuse(Code.BUSY, f"{purged.message} {again}")
    moving.told.database = purged.message


def _name_copies(moving: Moving) -> None:
    """Note copies of key objects that people or tools have made: the key before opens them."""
    listing = Listing(moving.work.context.store, moving.tenant.tenant_id)
    moving.told.left += [Left(blob=blob, reason=Code.BLOB_UNKNOWN) for blob in listing.copies()]


def all_proved(moving: Moving) -> bool:
    """Proves the parts that are not proved as they are now; whether there were none, and every data key of SQL has its key
    object among what was proved. Raises Alarm for what is not as it should be, and StepTired behind a part."""
    work, tenant_id = moving.work, moving.tenant.tenant_id
    rows = {key_object_blob(tenant_id, key.data_key_id, key.generation): key for key in work.catalog.keys.all()}
    found = [blob for blob, _, _ in _key_objects(moving)]
    for blob in rows.keys() - set(found):
        _check_stands(moving, rows[blob])
    proved = True
    for part, blobs in _parts(found).items():
        names = _hash(moving, blobs)
        if moving.told.proved.get(part) == names:
            continue
        proved = False
        if all(_proved(moving, blob, rows.get(blob)) for blob in blobs):
            moving.told.proved[part] = names
            work.context.at("part-proved")
            moving.rest()
    return proved


def _parts(blobs: list[str]) -> dict[str, list[str]]:
    """Key objects by the first digits of their data key's id."""
    parts = defaultdict(list)
    for blob in blobs:
        parts[data_key_of(blob)[:_PART]].append(blob)
    return parts


def _hash(moving: Moving, blobs: list[str]) -> str:
    """Of the names, and of the key that they are proved for."""
    proved_for = f"{moving.tenant.key_arn} {moving.tenant.key_epoch}"
    return hashlib.sha256("\n".join([proved_for, *blobs]).encode()).hexdigest()[:32]


def _proved(moving: Moving, blob: str, row: WrappedKey | None) -> bool:
    """Opens the key object under the tenant's present key, and tries it under the provider key. False if it names another
    key, or is gone: it came, or went, meanwhile. Raises Alarm if it is not as it should be, or not what its row says."""
    work, tenant = moving.work, moving.tenant
    work.hold.check()
    key = read_key_object(work.context.store, tenant.tenant_id, blob)
    if key is None:
        if row is not None:
            _check_stands(moving, row)
        return False
    if row is None and not moving.trust.trusts(key.arn):  # planted; an old wrapping under another name would open
        _stays_shut(moving, key, blob)
        return True
    if key.arn != tenant.key_arn:
        return False
    if row is not None and key != row:
        raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} is not what was stored there.", blob)
    _opens(moving, key)
    _stays_shut(moving, key, blob)
    return True


def _check_stands(moving: Moving, row: WrappedKey) -> None:
    """Raises Alarm if the key object of a data key is missing, unless the data key was swept meanwhile, with its job."""
    if known_still(moving.work.catalog.keys, row.data_key_id) is not None:
        check_key_object(moving.work.context.store, moving.tenant.tenant_id, row)


def _key_objects(moving: Moving) -> Iterator[tuple[str, str, int]]:
    """Names of key objects, deleted ones of which versions are kept among them, with data key and generation."""
    for blob in list(Listing(moving.work.context.store, moving.tenant.tenant_id).key_objects(deleted=True)):
        yield blob, data_key_of(blob), int(last(blob))


def _astray(moving: Moving, blob: str) -> None:
    """A newer generation than SQL knows, left by a change that was cut off: erased if another key wraps it, for SQL's row is
    under the present one already."""
    store, tenant = moving.work.context.store, moving.tenant
    key = read_key_object(store, tenant.tenant_id, blob)
    if key is None or key.arn != tenant.key_arn:
        store.erase(blob)
        moving.rest()


def _unknown(moving: Moving, blob: str) -> None:
    """A key object that SQL does not know: erased if it was deleted, wrapped anew if another key wraps it.

    One under a KMS key that is not trusted is left alone: wrapped anew, it would look like one of ours.
    """
    store, tenant = moving.work.context.store, moving.tenant
    try:
        key = read_key_object(store, tenant.tenant_id, blob)
        if key is None:
            store.erase(blob)
            return
        if key.arn == tenant.key_arn or not moving.trust.trusts(key.arn):
            return
        moving.wrapped_anew(key)
        store.erase(blob)
        moving.rest()
    except Alarm as alarm:
        moving.told.left.append(Left(blob=blob, reason=alarm.code))
    except KeyRefused as refusal:
        moving.note(refusal)
        moving.told.left.append(Left(blob=blob, reason=refusal.code))


def _opens(moving: Moving, key: WrappedKey) -> None:
    context = moving.work.context
    patiently(lambda: unwrap(context.keys, key).drop(), context.lease_seconds, moving.work.hold.check)


def _stays_shut(moving: Moving, key: WrappedKey, blob: str) -> None:
    """Raise Alarm if the provider key opens what the tenant's own key alone is to open.

    A provider key that cannot be used opens nothing, whatever keeps it from that.
    """
    context = moving.work.context
    provider = context.provider_key

    def attempt() -> None:
        context.keys.decrypt(provider, key.wrapped, key.context, key.data_key_id).reveal()

    try:
        patiently(attempt, context.lease_seconds, moving.work.hold.check)
    except (Alarm, Refuse):
        return
    raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} still opens under the operator's key.", blob)
