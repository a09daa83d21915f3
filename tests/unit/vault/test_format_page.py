"""The worked example of docs/format.md, computed again by the vault with the same data key and IV."""

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cbor2
import msgspec
import pytest

import rescue
from shared.domain.errors import Answer
from shared.domain.model import Purpose, ResourceReport, Tenant, WrappedKey
from shared.domain.records import Line, decode_lines, encode_lines, prefix_tombstone, put
from shared.domain.secret import Secret
from shared.vault.format import (
    CheckpointBody,
    ChunkRef,
    Holds,
    Manifest,
    Run,
    StoredResource,
    StreamState,
    decode,
    encode,
    unpack,
)
from shared.vault.keyring import DataKey, KeyObject, encode_key_object
from shared.vault.names import chunk_blob, key_object_blob, manifest_blob
from shared.vault.sealing import Kind, ManifestHeaders, open_sealed, seal, sealed_headers

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "format.md").read_text()
KEY, IV, MANIFEST_IV = bytes(range(32)), bytes(range(0xA0, 0xAC)), bytes(range(0xB0, 0xBC))
TENANT, JOB = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11", "5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f22"
NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
LINES: list[Line] = [
    prefix_tombstone(b"users", b""),
    put(b"users", b"users/1", b'{"id":"1","displayName":"Ada"}'),
    put(b"users", b"users/2", b'{"id":"2","displayName":"Grace"}'),
]


def block(title: str) -> str:
    """Return the fenced block below a bold title of the page."""
    match = re.search(rf"\*\*{re.escape(title)}\*\*[^\n]*\n+```\w*\n(.*?)```", PAGE, re.DOTALL)
    assert match, title
    return match[1]


def hexed(title: str) -> bytes:
    return bytes.fromhex(block(title))


def compact(title: str) -> bytes:
    """Return a block of JSON in the form inside the seal: without spaces."""
    return json.dumps(json.loads(block(title)), separators=(",", ":"), ensure_ascii=False).encode()


@pytest.fixture
def fixed_iv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.vault.sealing.os.urandom", lambda length: IV[:length])


def key() -> DataKey:
    return DataKey(Secret(KEY))


def test_the_example_data_key_has_the_id_that_the_page_gives() -> None:
    assert hexed("Data key") == KEY
    assert hexed("Data key id") == bytes.fromhex(key().id)


def test_the_example_frame_contains_the_example_lines() -> None:
    lines = block("Lines").rstrip("\n").encode()
    assert lines == encode_lines(LINES)
    assert decode_lines(unpack(hexed("Zstandard frame"))) == LINES


@pytest.mark.usefixtures("fixed_iv")
def test_the_example_chunk_equals_the_sealed_output_of_the_vault() -> None:
    sealed = seal(key(), TENANT, Kind.CHUNK, hexed("Zstandard frame"))
    assert hexed("Sealed chunk") == sealed
    header, unprotected, ciphertext = cbor2.loads(sealed).value
    aad = cbor2.dumps(["entrakeep/1", TENANT, "chunk"])
    assert hexed("Protected header") == header
    assert hexed("External AAD") == aad
    assert hexed("Additional data for AES-GCM") == cbor2.dumps(["Encrypt0", header, aad])
    assert unprotected == {5: IV}
    assert hexed("IV") == IV
    assert len(ciphertext) == len(hexed("Zstandard frame")) + 16
    assert block("Name of the blob").strip() == chunk_blob(TENANT, JOB, hashlib.sha256(sealed).hexdigest())
    assert open_sealed(lambda _: key(), TENANT, Kind.CHUNK, sealed, blob="b") == hexed("Zstandard frame")


def test_the_example_manifest_names_the_example_chunk_and_equals_the_output_of_the_vault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = decode(compact("Manifest"), Manifest)
    assert encode(manifest) == compact("Manifest")
    (run,) = manifest.streams[0].runs
    (chunk,) = run.chunks
    sealed = hexed("Sealed chunk")
    assert (chunk.name, chunk.size) == (hashlib.sha256(sealed).hexdigest(), len(sealed))
    assert (chunk.first, chunk.last, chunk.lines) == (LINES[0][0].decode(), LINES[-1][0].decode(), len(LINES))
    headers = ManifestHeaders(tenant=TENANT, snapshot=manifest.snapshot_id, time=manifest.created_at)
    monkeypatch.setattr("shared.vault.sealing.os.urandom", lambda length: MANIFEST_IV[:length])
    sealed_manifest = seal(key(), TENANT, Kind.MANIFEST, compact("Manifest"), headers=headers)
    assert hexed("Sealed manifest") == sealed_manifest
    assert f"the IV `{MANIFEST_IV.hex()}`" in PAGE
    assert hexed("Protected header of the manifest") == cbor2.loads(sealed_manifest).value[0]
    assert sealed_headers(sealed_manifest, "b").manifest == headers
    assert block("SHA-256 of the sealed manifest").strip() == hashlib.sha256(sealed_manifest).hexdigest()
    assert block("Name of the manifest").strip() == manifest_blob(TENANT, manifest.snapshot_id)


def test_the_rescue_script_opens_the_example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blobs = {
        "Name of the manifest": hexed("Sealed manifest"),
        "Name of the blob": hexed("Sealed chunk"),
        "Name of the key object": block("Key object").encode(),
    }
    for title, blob in blobs.items():
        file = tmp_path / block(title).strip()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(blob)
    monkeypatch.setattr(rescue.Safe, "unwrapped", lambda *_: KEY)  # the wrapped key of the example is fictitious
    arn = json.loads(block("Key object"))["arn"]
    assert rescue.main([tmp_path.as_uri(), TENANT, "latest", "--key", arn, "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_text() == block("Download")


def test_the_page_has_every_field_answer_and_purpose() -> None:
    shapes: tuple[Any, ...] = (Manifest, StreamState, StoredResource, Run, ChunkRef)
    fields = {field for shape in shapes for field in shape.__struct_encode_fields__}
    words = {*fields, *Answer, *Holds, *Purpose}
    assert {word for word in words if f"`{word}`" not in PAGE.partition("## A worked example")[0]} == set()


def test_the_page_has_every_field_that_older_manifests_lack() -> None:
    sentence = PAGE[PAGE.index("Fields that manifests of format 1 may lack") : PAGE.index("The **answers**")]
    shapes: tuple[Any, ...] = (Manifest, StreamState, StoredResource, Run, ChunkRef, ResourceReport, KeyObject, Tenant)
    optional = {
        field.encode_name for shape in shapes for field in msgspec.structs.fields(shape) if not field.required
    } - {
        "format",
        "stale",
        "request_id",
    }
    assert set(re.findall(r"`(\w+)`", sentence)) == optional


def test_the_example_checkpoint_equals_the_output_of_the_vault() -> None:
    assert encode(decode(compact("Checkpoint"), CheckpointBody)) == compact("Checkpoint")


def test_the_example_key_object_equals_the_output_of_the_vault() -> None:
    key_object = json.loads(block("Key object"))
    wrapped = WrappedKey(
        data_key_id=key().id,
        purpose=Purpose.BACKUP,
        arn=key_object["arn"],
        generation=1,
        key_epoch=1,
        context={"tenant": TENANT, "purpose": "backup"},
        wrapped=base64.b64decode(key_object["wrapped"]),
        created_at=NOW,
        job_id=JOB,
    )
    assert json.loads(encode_key_object(TENANT, wrapped)) == key_object
    assert block("Name of the key object").strip() == key_object_blob(TENANT, key().id, 1)
