"""Manifests in the store: ``<tenant>/snapshots/<snapshot id>``, never overwritten."""

import hashlib

import msgspec

from shared.domain.errors import Alarm, Code
from shared.ports.blobs import BlobStore
from shared.vault.format import Manifest, decode, encode
from shared.vault.keyring import DataKey
from shared.vault.names import manifest_blob
from shared.vault.rereading import read_twice
from shared.vault.sealing import WAY_OUT, FindKey, Kind, ManifestHeaders, damaged, open_sealed, seal, sealed_headers


def store_manifest(store: BlobStore, data_key: DataKey, manifest: Manifest) -> str:
    """Seal and store the manifest. Return the SHA-256 (hex) of its sealed bytes.

    Raise what the store raises, and Alarm if another manifest has this id.
    """
    blob = manifest_blob(manifest.tenant_id, manifest.snapshot_id)
    headers = ManifestHeaders(tenant=manifest.tenant_id, snapshot=manifest.snapshot_id, time=manifest.created_at)
    sealed = seal(data_key, manifest.tenant_id, Kind.MANIFEST, encode(manifest), headers=headers)
    # After a lost answer, a store's client repeats the request and gets "exists" for our own manifest.
    if not store.put_new(blob, sealed) and store.get(blob) != sealed:
        raise Alarm(Code.BLOB_DAMAGED, f"A manifest {manifest.snapshot_id} exists already.", blob)
    return hashlib.sha256(sealed).hexdigest()


def load_manifest(store: BlobStore, find_key: FindKey, tenant_id: str, snapshot_id: str, sha256: str) -> Manifest:
    """Return the manifest, after comparing it with the hash in the snapshot's row.

    Raise Alarm if it is missing or differs.
    """
    return opened_manifest(
        find_key, tenant_id, snapshot_id, _sealed(store, manifest_blob(tenant_id, snapshot_id), sha256)
    )


@read_twice
def _sealed(store: BlobStore, blob: str, sha256: str) -> bytes:
    """Return the manifest's sealed bytes, after comparing them with their hash. Raise Alarm if it is missing or differs."""
    sealed = store.get(blob)
    if sealed is None:
        raise Alarm(Code.BLOB_MISSING, f"The manifest {blob} is missing from the store. {WAY_OUT}", blob)
    if hashlib.sha256(sealed).hexdigest() != sha256:
        raise damaged(blob, None)
    return sealed


def opened_manifest(find_key: FindKey, tenant_id: str, snapshot_id: str, sealed: bytes) -> Manifest:
    """Return the manifest in these sealed bytes, which were stored under this name.

    Raise Alarm if it is another manifest, or not a manifest.
    """
    blob = manifest_blob(tenant_id, snapshot_id)
    headers = sealed_headers(sealed, blob).manifest
    text = open_sealed(find_key, tenant_id, Kind.MANIFEST, sealed, blob=blob)
    try:
        manifest = decode(text, Manifest)
    except msgspec.DecodeError:
        raise damaged(blob, None) from None
    expected = (tenant_id, snapshot_id)
    if headers is None or (headers.tenant, headers.snapshot) != expected:
        raise damaged(blob, None)
    if (manifest.tenant_id, manifest.snapshot_id) != expected:
        raise damaged(blob, None)
    return manifest
