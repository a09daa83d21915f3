"""Manifests: one object per snapshot, never overwritten, checked against its hash and its name."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.domain.errors import Alarm, Code
from shared.domain.secret import Secret
from shared.vault.format import Manifest, encode
from shared.vault.keyring import DataKey
from shared.vault.manifests import load_manifest, store_manifest
from shared.vault.names import manifest_blob
from shared.vault.sealing import Kind, ManifestHeaders, seal, sealed_headers
from tests.unit.vault.parts import JOB, NOW, OTHER, TENANT, MemoryStore

KEY = DataKey(Secret(b"k" * 32))
SNAPSHOT = "snapshot-1"
MANIFEST = Manifest(
    snapshot_id=SNAPSHOT,
    tenant_id=TENANT,
    job_id=JOB,
    parent=None,
    parent_sha256=None,
    created_at=NOW,
    streams=[],
    resources=[],
)


def find(_: str) -> DataKey:
    return KEY


def test_a_manifest_reads_back_and_names_its_owner_without_a_key() -> None:
    store = MemoryStore()
    sha256 = store_manifest(store, KEY, MANIFEST)
    assert load_manifest(store, find, TENANT, SNAPSHOT, sha256) == MANIFEST
    headers = sealed_headers(store.blobs[manifest_blob(TENANT, SNAPSHOT)], "b")
    assert headers.data_key_id == KEY.id
    assert headers.manifest is not None
    assert (headers.manifest.tenant, headers.manifest.snapshot, headers.manifest.time) == (TENANT, SNAPSHOT, NOW)


def test_a_manifest_is_never_overwritten() -> None:
    store = MemoryStore()
    sha256 = store_manifest(store, KEY, MANIFEST)
    later = msgspec.structs.replace(MANIFEST, created_at=datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(Alarm, match="exists already"):
        store_manifest(store, KEY, later)
    assert load_manifest(store, find, TENANT, SNAPSHOT, sha256) == MANIFEST


def test_a_manifest_stored_before_its_lost_answer_is_recognised_as_ours() -> None:
    class Forgetful(MemoryStore):
        def put_new(self, name: str, data: bytes) -> bool:
            return not super().put_new(name, data)

    store = Forgetful()
    sha256 = store_manifest(store, KEY, MANIFEST)
    assert load_manifest(store, find, TENANT, SNAPSHOT, sha256) == MANIFEST


def test_a_missing_manifest_is_reported_as_missing() -> None:
    with pytest.raises(Alarm) as refused:
        load_manifest(MemoryStore(), find, TENANT, SNAPSHOT, "0" * 64)
    assert refused.value.code is Code.BLOB_MISSING
    assert refused.value.blob == manifest_blob(TENANT, SNAPSHOT)


@pytest.mark.parametrize("change", [{"tenant_id": OTHER}, {"snapshot_id": "snapshot-2"}])
def test_an_intact_manifest_at_the_name_of_another_is_refused(change: dict[str, Any]) -> None:
    store = MemoryStore()
    other = msgspec.structs.replace(MANIFEST, **change)
    sha256 = store_manifest(store, KEY, other)
    blob = manifest_blob(TENANT, SNAPSHOT)
    store.put(blob, store.blobs[manifest_blob(other.tenant_id, other.snapshot_id)])
    with pytest.raises(Alarm) as refused:
        load_manifest(store, find, TENANT, SNAPSHOT, sha256)
    assert (refused.value.code, refused.value.blob) == (Code.BLOB_DAMAGED, blob)


HEADERS = ManifestHeaders(tenant=TENANT, snapshot=SNAPSHOT, time=NOW)


@pytest.mark.parametrize(
    ("headers", "inside"),
    [
        (None, MANIFEST),
        (msgspec.structs.replace(HEADERS, tenant=OTHER), MANIFEST),
        (msgspec.structs.replace(HEADERS, snapshot="snapshot-2"), MANIFEST),
        (HEADERS, msgspec.structs.replace(MANIFEST, tenant_id=OTHER)),
        (HEADERS, msgspec.structs.replace(MANIFEST, snapshot_id="snapshot-2")),
    ],
    ids=["no headers", "tenant outside", "snapshot outside", "tenant inside", "snapshot inside"],
)
def test_a_manifest_of_another_tenant_or_snapshot_inside_or_outside_is_refused(
    headers: ManifestHeaders | None, inside: Manifest
) -> None:
    sealed = seal(KEY, TENANT, Kind.MANIFEST, encode(inside), headers=headers)
    store, blob = MemoryStore(), manifest_blob(TENANT, SNAPSHOT)
    store.put(blob, sealed)
    with pytest.raises(Alarm) as refused:
        load_manifest(store, find, TENANT, SNAPSHOT, hashlib.sha256(sealed).hexdigest())
    assert (refused.value.code, refused.value.blob) == (Code.BLOB_DAMAGED, blob)


def test_an_older_manifest_at_the_newer_name_is_refused() -> None:
    older, newer = MemoryStore(), MemoryStore()
    store_manifest(older, KEY, MANIFEST)
    sha256 = store_manifest(newer, KEY, MANIFEST)
    with pytest.raises(Alarm, match="not what was stored"):
        load_manifest(older, find, TENANT, SNAPSHOT, sha256)
