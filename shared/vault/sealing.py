"""Sealing and opening: COSE_Encrypt0 (RFC 9052) with A256GCM (RFC 9053).

::

    tag 16 [ protected, {5: IV (12 random bytes)}, ciphertext ‖ tag (16 bytes) ]
    protected = { 1: 3 (A256GCM), 4: data key id (32 bytes), "format": 1, "snapshot": …, "tenant": …, "time": … }
    external AAD = [ "entrakeep/1", tenant, kind ] or, for a row, [ "entrakeep/1", tenant, kind, row id ]

Only manifests have the last three headers. Everything is CBOR (RFC 8949). The AAD is not stored: the caller who opens a
blob states it, so a blob of another tenant, kind or row does not open.
"""

import os
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

import cbor2
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.domain.errors import Alarm, Code
from shared.domain.model import Sealed
from shared.vault.keyring import DataKey

FORMAT = 1
WAY_OUT = "A full backup ('entrakeep backup NAME --full') reads everything again."
_ALGORITHM, _KEY_ID, _IV = 1, 4, 5
_A256GCM = 3
_ENCRYPT0 = 16
_NOT_CBOR = (
    cbor2.CBORError,
    AttributeError,
    EOFError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Exceptions of cbor2, and of reading its result, for bytes that ``seal`` did not write."""

FindKey = Callable[[str], DataKey]
"""Returns the data key with this id."""


class Kind(StrEnum):
    """The kind of a seal's content, which is bound into the seal."""

    CHUNK = "chunk"
    MANIFEST = "manifest"
    CHECKPOINT = "checkpoint"
    SECRET = "secret"  # noqa: S105 - the word, not a secret


class ManifestHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a manifest that is readable without a key."""

    tenant: str
    snapshot: str
    time: datetime


class Headers(msgspec.Struct, frozen=True, kw_only=True):
    """The protected header of a seal. Anyone can read it, and it is authentic only after the seal was opened."""

    data_key_id: str
    manifest: ManifestHeaders | None


def seal(
    data_key: DataKey,
    tenant_id: str,
    kind: Kind,
    plaintext: bytes,
    *,
    row_id: str | None = None,
    headers: ManifestHeaders | None = None,
) -> bytes:
    """Return ``plaintext`` sealed under ``data_key``, bound to tenant, kind and row."""
    protected: dict[Any, Any] = {_ALGORITHM: _A256GCM, _KEY_ID: bytes.fromhex(data_key.id), "format": FORMAT}
    if headers is not None:
        protected |= {"tenant": headers.tenant, "snapshot": headers.snapshot, "time": headers.time.isoformat()}
    header = cbor2.dumps(protected, canonical=True)
    iv = os.urandom(12)
    ciphertext = AESGCM(data_key.for_seal()).encrypt(iv, plaintext, _aad(header, tenant_id, kind, row_id))
    return cbor2.dumps(cbor2.CBORTag(_ENCRYPT0, [header, {_IV: iv}, ciphertext]))


def open_sealed(
    find_key: FindKey,
    tenant_id: str,
    kind: Kind,
    sealed: bytes,
    *,
    blob: str,
    row_id: str | None = None,
    resource: str | None = None,
) -> bytes:
    """Return the plaintext.

    Raise Alarm ``BLOB_DAMAGED`` or ``FORMAT_UNKNOWN`` with ``blob`` and ``resource``, and what ``find_key`` raises.
    """
    header, iv, ciphertext = _parts(sealed, blob, resource)
    key = find_key(_headers(header, blob, resource).data_key_id)
    try:
        return AESGCM(key.for_open()).decrypt(iv, ciphertext, _aad(header, tenant_id, kind, row_id))
    except InvalidTag:
        raise damaged(blob, resource) from None


def sealed_headers(sealed: bytes, blob: str) -> Headers:
    """Return the headers of a seal, without a key. Raise Alarm as ``open_sealed`` does."""
    return _headers(_parts(sealed, blob, None)[0], blob, None)


def seal_row(data_key: DataKey, tenant_id: str, kind: Kind, row_id: str, plaintext: bytes) -> Sealed:
    """Return a sealed row for SQL, bound to its id."""
    return Sealed(
        row_id=row_id,
        data_key_id=data_key.id,
        data=seal(data_key, tenant_id, kind, plaintext, row_id=row_id),
    )


def open_row(find_key: FindKey, tenant_id: str, kind: Kind, sealed: Sealed) -> bytes:
    """Return the plaintext of a sealed row."""
    blob = f"{kind.value} {sealed.row_id}"
    return open_sealed(find_key, tenant_id, kind, sealed.data, blob=blob, row_id=sealed.row_id)


def damaged(blob: str, resource: str | None) -> Alarm:
    """Return the alarm for bytes that differ from those that were stored."""
    owner = f" of {resource}" if resource else ""
    message = f"The blob {blob}{owner} is not what was stored there. {WAY_OUT}"
    return Alarm(Code.BLOB_DAMAGED, message, blob, resource)


def _parts(sealed: bytes, blob: str, resource: str | None) -> tuple[bytes, bytes, bytes]:
    """Return protected header, IV and ciphertext. Raise Alarm for any other bytes than ``seal`` writes."""
    try:
        header, unprotected, ciphertext = cbor2.loads(sealed).value
        iv = unprotected[_IV]
        reencoded = cbor2.dumps(cbor2.CBORTag(_ENCRYPT0, [header, {_IV: iv}, ciphertext]))
    except _NOT_CBOR:
        raise damaged(blob, resource) from None
    if not all(isinstance(part, bytes) for part in (header, iv, ciphertext)):
        raise damaged(blob, resource)
    if reencoded != sealed or len(iv) != 12 or len(ciphertext) < 16:
        raise damaged(blob, resource)
    return header, iv, ciphertext


def _headers(header: bytes, blob: str, resource: str | None) -> Headers:
    try:
        protected = cbor2.loads(header)
        version, algorithm, key_id = protected["format"], protected[_ALGORITHM], protected[_KEY_ID]
    except _NOT_CBOR:
        raise damaged(blob, resource) from None
    if version != FORMAT or algorithm != _A256GCM:
        message = f"The blob {blob} is of format {version}, which this version does not know; update Entrakeep."
        raise Alarm(Code.FORMAT_UNKNOWN, message, blob, resource)
    if not isinstance(key_id, bytes):
        raise damaged(blob, resource)
    manifest = None
    if "snapshot" in protected:
        try:
            manifest = ManifestHeaders(
                tenant=protected["tenant"],
                snapshot=protected["snapshot"],
                time=datetime.fromisoformat(protected["time"]),
            )
        except (KeyError, TypeError, ValueError):
            raise damaged(blob, resource) from None
    return Headers(data_key_id=key_id.hex(), manifest=manifest)


def _aad(header: bytes, tenant_id: str, kind: Kind, row_id: str | None) -> bytes:
    """Return the Enc_structure of RFC 9052, section 5.3."""
    bound = ["entrakeep/1", tenant_id, kind.value] + ([row_id] if row_id is not None else [])
    return cbor2.dumps(["Encrypt0", header, cbor2.dumps(bound)])
