"""Data keys: their creation, unwrapping and ids.

A data key's id is the hex of HMAC-SHA256(data key, "entrakeep/1 data key id"). AES-GCM does not commit to its key, but
this id does, so it is checked at every unwrap.
"""

import base64
import hashlib
import hmac
import itertools
from datetime import datetime
from typing import Never

import msgspec

from shared.domain.errors import Alarm, Code, EntrakeepError, KeyTrouble
from shared.domain.model import Purpose, WrappedKey, encryption_context
from shared.domain.secret import Secret
from shared.ports.blobs import BlobStore
from shared.ports.keys import KeyService
from shared.vault.names import key_object_blob
from shared.vault.rereading import read_twice

_LABEL = b"entrakeep/1 data key id"
MOST_SEALS = 2**24
"""The largest number of seals under one data key with random 96-bit IVs.

It keeps the chance of a repeated IV far below 2^-32 (NIST SP 800-38D).
"""


class DataKey:
    """A plaintext data key of 256 bits with its id. It has no printed form, and cannot be used once dropped."""

    __slots__ = ("_dropped", "_key", "_seals", "id")

    def __init__(self, key: Secret) -> None:
        self._key: Secret | None = key
        self._dropped: EntrakeepError = KeyTrouble("The data key was dropped.")
        self._seals = itertools.count(1)  # next() is atomic between threads
        self.id = hmac.new(key.reveal(), _LABEL, hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        return f"DataKey({self.id[:8]}…)"

    def __reduce__(self) -> Never:
        raise TypeError("a DataKey can be neither pickled nor copied: a copy would outlive its lease")

    def for_seal(self) -> bytes:
        """Return the key for one more seal. Raise RuntimeError after ``MOST_SEALS``, and as ``for_open`` does."""
        if next(self._seals) > MOST_SEALS:
            raise RuntimeError("a data key seals 2^24 times at most")
        return self.for_open()

    def for_open(self) -> bytes:
        """Return the key. Raise the error with which it was dropped."""
        key = self._key
        if key is None:
            raise self._dropped
        return key.reveal()

    def drop(self, why: EntrakeepError | None = None) -> None:
        """Drop the key. Later uses raise ``why``. (Memory is not erased.)"""
        self._dropped = why or self._dropped
        self._key = None


FORMAT = "entrakeep/1"


class KeyObject(msgspec.Struct, kw_only=True):
    """A wrapped data key in the bucket, at ``<tenant>/keys/<data key id>/<generation>``."""

    format: str = FORMAT
    tenant: str
    id: str
    arn: str
    context: dict[str, str]
    generation: int
    created: datetime
    wrapped: str
    job: str | None = None
    epoch: int = 1


def create_data_key(
    service: KeyService,
    store: BlobStore,
    tenant_id: str,
    arn: str,
    purpose: Purpose,
    key_epoch: int,
    now: datetime,
    job_id: str | None,
) -> tuple[DataKey, WrappedKey]:
    """Return a new data key whose key object is stored.

    The caller adds the row to SQL before the first use. Raise what the key service and the store raise, and Alarm if
    another key object has the name.
    """
    context = encryption_context(tenant_id, purpose)
    fresh = service.generate(arn, context)
    key = DataKey(fresh.plaintext)
    wrapped = WrappedKey(
        data_key_id=key.id,
        purpose=purpose,
        arn=fresh.arn,
        generation=1,
        key_epoch=key_epoch,
        context=context,
        wrapped=fresh.wrapped,
        created_at=now,
        job_id=job_id,
    )
    blob, text = key_object_blob(tenant_id, key.id, 1), encode_key_object(tenant_id, wrapped)
    # After a lost answer, a store's client repeats the request and gets "exists" for our own key object.
    if not store.put_new(blob, text) and store.get(blob) != text:
        key.drop()
        raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} could not be stored: another one has this name.", blob)
    return key, wrapped


def unwrap(service: KeyService, wrapped: WrappedKey) -> DataKey:
    """Return the data key in ``wrapped``. Raise what the key service raises, and Alarm if KMS returned another key."""
    key = DataKey(service.decrypt(wrapped.arn, wrapped.wrapped, wrapped.context, wrapped.data_key_id))
    if not hmac.compare_digest(key.id, wrapped.data_key_id):
        key.drop()
        raise Alarm(
            Code.BLOB_DAMAGED,
            f"The wrapped data key {wrapped.data_key_id} opens to another data key; it was swapped.",
            wrapped.data_key_id,
        )
    return key


@read_twice
def check_key_object(store: BlobStore, tenant_id: str, key: WrappedKey) -> str:
    """Compare the key object of a data key with the data key's row. Return the key object's name. Needs no key.

    Raise Alarm with its name if it is missing, differs from the row, or is of an unknown format.
    """
    blob = key_object_blob(tenant_id, key.data_key_id, key.generation)
    stored = _key_object_at(store, tenant_id, blob)
    if stored is None:
        raise Alarm(Code.BLOB_MISSING, f"The key object {blob} is missing from the store.", blob)
    if stored != key:
        raise _not_as_stored(blob)
    return blob


@read_twice
def read_key_object(store: BlobStore, tenant_id: str, blob: str) -> WrappedKey | None:
    """Return the wrapped data key in a key object, or None if it does not exist. Raise as ``decode_key_object`` does."""
    return _key_object_at(store, tenant_id, blob)


def _key_object_at(store: BlobStore, tenant_id: str, blob: str) -> WrappedKey | None:
    text = store.get(blob)
    return None if text is None else decode_key_object(text, tenant_id, blob)


def encode_key_object(tenant_id: str, key: WrappedKey) -> bytes:
    """Return the key object of a wrapped data key, as JSON."""
    return msgspec.json.encode(_key_object(tenant_id, key))


def _key_object(tenant_id: str, key: WrappedKey) -> KeyObject:
    return KeyObject(
        tenant=tenant_id,
        id=key.data_key_id,
        arn=key.arn,
        context=key.context,
        generation=key.generation,
        created=key.created_at,
        wrapped=base64.b64encode(key.wrapped).decode(),
        job=key.job_id,
        epoch=key.key_epoch,
    )


def decode_key_object(text: bytes, tenant_id: str, blob: str) -> WrappedKey:
    """Return the wrapped data key in the tenant's key object named ``blob``.

    Raise Alarm with its name if it is not a key object, belongs under another name, is of an unknown format, or was
    wrapped for another tenant. (KMS would open it for anybody who names that tenant.)
    """
    try:
        stored = msgspec.json.decode(text, type=KeyObject)
        if stored.format != FORMAT:
            raise Alarm(Code.FORMAT_UNKNOWN, f"The key object {blob} is of an unknown format; update Entrakeep.", blob)
        purpose = Purpose(stored.context.get("purpose", ""))
        if stored.tenant != tenant_id or key_object_blob(tenant_id, stored.id, stored.generation) != blob:
            raise _not_as_stored(blob)
        if stored.context != encryption_context(tenant_id, purpose):
            raise _not_as_stored(blob)
        return WrappedKey(
            data_key_id=stored.id,
            purpose=purpose,
            arn=stored.arn,
            generation=stored.generation,
            key_epoch=stored.epoch,
            context=stored.context,
            wrapped=base64.b64decode(stored.wrapped, validate=True),
            created_at=stored.created,
            job_id=stored.job,
        )
    except ValueError:  # the errors of msgspec and base64 are ValueErrors
        raise _not_as_stored(blob) from None


def _not_as_stored(blob: str) -> Alarm:
    return Alarm(Code.BLOB_DAMAGED, f"The key object {blob} is not what was stored there.", blob)
