"""Trust records: authenticated lists of the KMS keys that wrap a tenant's data keys, stored in the bucket.

A record is plain JSON with an HMAC-SHA256 under a key that the provider key wraps for this tenant and purpose. Somebody
who can only write to the bucket cannot make or change a record, or give one to another tenant, but can remove the
newest.
"""

import base64
import hmac
import json
from collections.abc import Callable

import msgspec

from shared.domain.audit import canonical
from shared.domain.errors import Alarm, Code, EntrakeepError
from shared.domain.model import KeyMode, Purpose, encryption_context
from shared.domain.secret import Secret
from shared.ports.blobs import BlobStore
from shared.ports.keys import KeyService
from shared.vault.listing import Listing
from shared.vault.names import trust_record_blob
from shared.vault.rereading import read_twice

FORMAT = "entrakeep/1"
_LABEL = b"entrakeep/1 trust record\n"


class TrustRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant's KMS key and all KMS keys in use, when the record was made."""

    tenant: str
    number: int
    made_at: str = msgspec.field(name="at")
    arns: list[str]
    """Every KMS key that wraps one of the tenant's data keys."""
    key_mode: KeyMode
    key_arn: str
    key_epoch: int


class _Stored(TrustRecord, frozen=True, kw_only=True):
    format: str
    sealed_by: str
    wrapped: str
    mac: str


def store_record(service: KeyService, store: BlobStore, provider_key: str, record: TrustRecord) -> bool:
    """Store the record. Return False if another record has its number.

    Raise what the key service and the store raise.
    """
    fresh = service.generate(provider_key, encryption_context(record.tenant, Purpose.TRUST))
    fields = {
        **msgspec.to_builtins(record),
        "format": FORMAT,
        "sealed_by": fresh.arn,
        "wrapped": base64.b64encode(fresh.wrapped).decode(),
    }
    signed = {**fields, "mac": _mac(fresh.plaintext, fields)}
    return store.put_new(trust_record_blob(record.tenant, record.number), canonical(signed).encode())


def newest_record(
    service: KeyService,
    store: BlobStore,
    tenant_id: str,
    sealing_keys: frozenset[str],
    broken: Callable[[EntrakeepError], None],
) -> TrustRecord | None:
    """Return the newest record that one of ``sealing_keys`` authenticates, or None.

    ``broken`` is called with the error of each newer record. Raise Retry of the key service and the store.
    """
    for number in sorted(Listing(store, tenant_id).trust_records(), reverse=True):
        try:
            return _opened(service, store, tenant_id, number, sealing_keys)
        except (Alarm, msgspec.DecodeError, ValueError) as error:
            blob = trust_record_blob(tenant_id, number)
            broken(error if isinstance(error, Alarm) else _damaged(blob))
    return None


@read_twice
def _opened(
    service: KeyService, store: BlobStore, tenant_id: str, number: int, sealing_keys: frozenset[str]
) -> TrustRecord:
    blob = trust_record_blob(tenant_id, number)
    text = store.get(blob)
    if text is None:
        raise Alarm(Code.BLOB_MISSING, f"The blob {blob} is missing.", blob)
    stored, fields = msgspec.json.decode(text, type=_Stored), json.loads(text)
    if (stored.format, stored.tenant, stored.number) != (FORMAT, tenant_id, number):
        raise _damaged(blob)
    if stored.sealed_by not in sealing_keys:
        raise Alarm(Code.KEY_UNTRUSTED, f"The trust record {blob} was made under a KMS key that is not trusted.", blob)
    context = encryption_context(tenant_id, Purpose.TRUST)
    key = service.decrypt(stored.sealed_by, base64.b64decode(stored.wrapped, validate=True), context, blob)
    del fields["mac"]
    if not hmac.compare_digest(_mac(key, fields), stored.mac):
        raise _damaged(blob)
    return TrustRecord(**{name: getattr(stored, name) for name in TrustRecord.__struct_fields__})


def _mac(key: Secret, fields: dict[str, object]) -> str:
    return hmac.digest(key.reveal(), _LABEL + canonical(fields).encode(), "sha256").hex()


def _damaged(blob: str) -> Alarm:
    return Alarm(Code.BLOB_DAMAGED, f"The trust record {blob} is not what was stored there.", blob)
