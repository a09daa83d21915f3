"""Data keys: born, unwrapped, named.

A data key's id is the hex of HMAC-SHA256(data key, "entrakeep/1 data key id"). AES-GCM does not commit to its key; this
id does, so it is checked at every unwrap.
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
"""Seals under one data key with random 96-bit IVs: keeps the chance of a repeated IV far below 2^-32 (NIST SP 800-38D)."""


class DataKey:
    """A plaintext data key of 256 bits with its id. It has no printed form, and none at all once dropped."""

    __slots__ = ("_dropped", "_key", "_seals", "id")

    def __init__(self, key: Secret) -> None:
        self._key: Secret | None = key
        self._dropped: EntrakeepError = KeyTrouble("The data key was dropped.")
        self._seals = itertools.count(1)  # next() is one step for all threads
        self.id = hmac.new(key.reveal(), _LABEL, hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        return f"DataKey({self.id[:8]}…)"

    def __reduce__(self) -> Never:
        raise TypeError("a DataKey can be neither pickled nor copied: a copy would outlive its lease")

    def for_seal(self) -> bytes:
        """The key for one more seal. Raises RuntimeError after ``MOST_SEALS``, and as ``for_open`` does."""
        if next(self._seals) > MOST_SEALS:
            raise RuntimeError("a data key seals 2^24 times at most")
        return self.for_open()

    def for_open(self) -> bytes:
        """The key. Raises what it was dropped for."""
        key = self._key
        if key is None:
            raise self._dropped
        return key.reveal()

    def drop(self, why: EntrakeepError | None = None) -> None:
        """Forgets the key; ``why`` is what whoever still holds it meets. (Memory is not erased.)"""
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


def birth(
    service: KeyService,
    store: BlobStore,
    tenant_id: str,
    arn: str,
    purpose: Purpose,
    key_epoch: int,
    now: datetime,
    job_id: str | None,
) -> tuple[DataKey, WrappedKey]:
    """A new data key, its key object stored. The caller adds the row to SQL before the first use.

    Raises what the key service and the store raise, and Alarm if the key object is not there afterwards.
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
    # A store that repeats a request whose answer was lost says "taken" of our own key object.
    if not store.put_new(blob, text) and store.get(blob) != text:
        key.drop()
        raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} could not be stored: another one stands there.", blob)
    return key, wrapped


def unwrap(service: KeyService, wrapped: WrappedKey) -> DataKey:
    """The data key in ``wrapped``. Raises what the key service raises, and Alarm if KMS opened another key than this."""
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
    """The name of the key object that must stand beside a data key's row, held against the row: needs no key.

    Raises Alarm naming it if it is missing, says anything else, or is of an unknown format.
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
    """The key object of a wrapped data key, as JSON."""
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
    """The wrapped data key in the tenant's key object named ``blob``.

    Raises Alarm naming it if it is none, belongs under another name, was wrapped for another tenant (KMS would open it for
    whoever names that one), or is of an unknown format.
    """
    try:
        found = msgspec.json.decode(text, type=KeyObject)
        if found.format != FORMAT:
            raise Alarm(Code.FORMAT_UNKNOWN, f"The key object {blob} is of an unknown format; update Entrakeep.", blob)
        purpose = Purpose(found.context.get("purpose", ""))
        if found.tenant != tenant_id or key_object_blob(tenant_id, found.id, found.generation) != blob:
            raise _not_as_stored(blob)
        if found.context != encryption_context(tenant_id, purpose):
            raise _not_as_stored(blob)
        return WrappedKey(
            data_key_id=found.id,
            purpose=purpose,
            arn=found.arn,
            generation=found.generation,
            key_epoch=found.epoch,
            context=found.context,
            wrapped=base64.b64decode(found.wrapped, validate=True),
            created_at=found.created,
            job_id=found.job,
        )
    except ValueError:  # msgspec's and base64's are ValueErrors
        raise _not_as_stored(blob) from None


def _not_as_stored(blob: str) -> Alarm:
    return Alarm(Code.BLOB_DAMAGED, f"The key object {blob} is not what was stored there.", blob)
