"""The key before opens nothing any more: older generations go, and every key object that is left is tried.

The bucket goes first, then SQL. Key objects that SQL does not know (a data key that was never told to it) are wrapped
anew and kept: whether they are garbage is for the sweep to say.
"""

from collections.abc import Iterator

from shared.domain.errors import Alarm, Code, KeyRefused
from shared.domain.model import WrappedKey
from shared.engine.key_management.moving import Left, Moving, known_still
from shared.engine.patience import patiently
from shared.vault.keyring import check_key_object, decode_key_object, unwrap
from shared.vault.names import data_key_of, key_object_blob, key_objects_prefix, last

_PASSES = 5
"""A data key that was being born while the key changed may still store its key object, before SQL refuses it."""


def forget_before(moving: Moving) -> None:
    """Erases, in every version, what another key wraps and a newer generation stands for; then its rows."""
    work, tenant = moving.work, moving.tenant
    newest = {key.data_key_id: key for key in work.catalog.keys.all()}
    for blob, data_key_id, generation in _key_objects(moving):
        moving.rest()
        key = newest.get(data_key_id)
        if key is None:
            _unknown(moving, blob)
        elif generation < key.generation and key.arn == tenant.key_arn:
            work.context.store.erase(blob)
            work.context.at("generation-erased")
    for older in work.catalog.customer_keys.older():
        moving.rest()
        work.context.store.erase(key_object_blob(tenant.tenant_id, older.data_key_id, older.generation))
        work.catalog.customer_keys.forget(work.claim, older.data_key_id, older.generation)


def prove(moving: Moving) -> bool:
    """Opens every key object that is left under the tenant's present key, and tries each under the provider key. False if one
    names another key: it came meanwhile. Raises Alarm for one that is not as it should be."""
    work, tenant = moving.work, moving.tenant
    newest = {key.data_key_id: key for key in work.catalog.keys.all()}
    for blob, data_key_id, _ in _key_objects(moving):
        work.hold.check()
        text = work.context.store.get(blob)
        if text is None:
            return False
        key = decode_key_object(text, tenant.tenant_id, blob)
        if key.arn != tenant.key_arn:
            return False
        _opens(moving, key)
        _stays_shut(moving, key, blob)
        newest.pop(data_key_id, None)
    for key in newest.values():
        if known_still(work.catalog.keys, key.data_key_id) is not None:
            check_key_object(work.context.store, tenant.tenant_id, key)
    return True


def forget_and_prove(moving: Moving) -> bool:
    """Both, again and again while key objects come that were being stored when the key changed."""
    for _ in range(_PASSES):
        forget_before(moving)
        if moving.told.left or moving.refused:
            return False
        if prove(moving):
            return True
    return False


def _key_objects(moving: Moving) -> Iterator[tuple[str, str, int]]:
    """Names of key objects, deleted ones of which versions are kept among them, with data key and generation."""
    for blob in list(moving.work.context.store.names(key_objects_prefix(moving.tenant.tenant_id), deleted=True)):
        generation = last(blob)
        if generation.isdecimal():
            yield blob, data_key_of(blob), int(generation)


def _unknown(moving: Moving, blob: str) -> None:
    """A key object that SQL does not know: erased if it was deleted, wrapped anew if another key wraps it."""
    store, tenant = moving.work.context.store, moving.tenant
    text = store.get(blob)
    if text is None:
        store.erase(blob)
        return
    try:
        key = decode_key_object(text, tenant.tenant_id, blob)
        if key.arn != tenant.key_arn:
            moving.wrapped_anew(key)
            store.erase(blob)
    except Alarm as alarm:
        moving.told.left.append(Left(blob=blob, reason=alarm.code))
    except KeyRefused as refusal:
        moving.note(refusal)
        moving.told.left.append(Left(blob=blob, reason=refusal.code))


def _opens(moving: Moving, key: WrappedKey) -> None:
    context = moving.work.context
    patiently(lambda: unwrap(context.keys, key).drop(), context.lease_seconds, moving.work.hold.check)


def _stays_shut(moving: Moving, key: WrappedKey, blob: str) -> None:
    """Raises Alarm if the provider key opens what the tenant's own is to open alone."""
    context = moving.work.context
    provider = context.provider_key

    def attempt() -> None:
        context.keys.decrypt(provider, key.wrapped, key.context, key.data_key_id).reveal()

    try:
        patiently(attempt, context.lease_seconds, moving.work.hold.check)
    except (Alarm, KeyRefused):
        return
    raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} still opens under the operator's key.", blob)
