"""Frozen sealed bytes that must open, or be refused, as they always did."""

import base64
import json
from pathlib import Path
from typing import Any

import cbor2
import cwt
import pytest
import zstandard

import rescue
from shared.domain.errors import Alarm, Code
from shared.domain.model import Sealed
from shared.domain.records import encode_line
from shared.domain.secret import Secret
from shared.vault.format import CheckpointBody, ChunkRef, Manifest, Run, decode, encode
from shared.vault.keyring import DataKey
from shared.vault.manifests import load_manifest
from shared.vault.names import chunk_blob, manifest_blob
from shared.vault.reader import BlobReader
from shared.vault.sealing import Kind, open_row
from tests.unit.vault.parts import JOB, MemoryStore

Vector = dict[str, Any]
HERE = Path(__file__).parent
VECTORS: dict[str, Vector] = {path.stem: json.loads(path.read_text()) for path in sorted(HERE.glob("*.json"))}
CODES = {
    **dict.fromkeys(("wrong-tenant", "truncated", "tampered", "wrong-key", "wrong-kind", "swapped"), Code.BLOB_DAMAGED),
    "unknown-version": Code.FORMAT_UNKNOWN,
}
JSON: dict[str, Any] = {"manifest": Manifest, "checkpoint": CheckpointBody}
WRONG_KEY = "No key object under a trusted KMS key"
OPENING = [name for name, vector in VECTORS.items() if vector["outcome"] == "ok"]
REFUSED = [name for name in VECTORS if name not in OPENING]


def unseal(vector: Vector) -> bytes:
    """Return the content as the vault's own readers see it."""
    sealed, tenant, kind = base64.b64decode(vector["sealed"]), vector["tenant"], Kind(vector["kind"])
    key, store = DataKey(Secret(bytes.fromhex(vector["data_key"]))), MemoryStore()
    if kind is Kind.CHUNK:
        store.put(chunk_blob(tenant, JOB, vector["sha256"]), sealed)
        headers_and_body = {name: vector[name] for name in ("first", "last", "lines")}
        chunk = ChunkRef(name=vector["sha256"], size=len(sealed), **headers_and_body)
        run = Run(run_id="r", job_id=JOB, stream="groups", lines=vector["lines"], chunks=[chunk])
        return b"\n".join(map(encode_line, BlobReader(store, lambda _: key, tenant, lambda: None).lines(run)))
    if kind is Kind.MANIFEST:
        store.put(manifest_blob(tenant, vector["snapshot"]), sealed)
        return encode(load_manifest(store, lambda _: key, tenant, vector["snapshot"], vector["sha256"]))
    row = open_row(lambda _: key, tenant, kind, Sealed(row_id=vector["row_id"], data_key_id=key.id, data=sealed))
    return encode(decode(row, CheckpointBody)) if kind is Kind.CHECKPOINT else row


@pytest.mark.parametrize("name", OPENING)
def test_a_valid_vector_opens_to_its_plaintext(name: str) -> None:
    vector = VECTORS[name]
    expected = vector["opens_to"].encode()
    if vector["kind"] in JSON:
        expected = encode(decode(expected, JSON[vector["kind"]]))  # later versions may add fields
    assert unseal(vector) == expected


@pytest.mark.parametrize("name", OPENING)
def test_a_valid_vector_opens_with_another_library(name: str) -> None:
    vector = VECTORS[name]
    row = [vector["row_id"]] if "row_id" in vector else []
    aad = cbor2.dumps(["entrakeep/1", vector["tenant"], vector["kind"], *row])
    data_key = bytes.fromhex(vector["data_key"])
    key = cwt.COSEKey.from_symmetric_key(data_key, alg="A256GCM", kid=bytes.fromhex(DataKey(Secret(data_key)).id))
    text = cwt.COSE.new().decode(base64.b64decode(vector["sealed"]), key, external_aad=aad)
    if vector["kind"] == "chunk":
        text = zstandard.ZstdDecompressor().decompress(text)
    assert text == vector["opens_to"].encode()


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_vector_is_refused_for_its_reason(name: str) -> None:
    vector = VECTORS[name]
    with pytest.raises(Alarm) as refused:
        unseal(vector)
    assert refused.value.code is CODES[vector["outcome"]]
    assert refused.value.blob in refused.value.message


def test_vectors_exist_for_every_outcome() -> None:
    assert {vector["outcome"] for vector in VECTORS.values()} == {"ok", *CODES}
    assert all(name.startswith(vector["outcome"]) for name, vector in VECTORS.items())


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if vector["kind"] in ("chunk", "manifest")])
def test_the_rescue_script_opens_and_refuses_the_same_vectors(name: str, tmp_path: Path) -> None:
    vector = VECTORS[name]
    key = DataKey(Secret(bytes.fromhex(vector["data_key"])))
    safe = rescue.Safe(tmp_path.as_uri(), vector["tenant"], [])
    safe.keys[bytes.fromhex(key.id)] = key.for_open()
    chunk, tenant = vector["kind"] == "chunk", vector["tenant"]
    blob = chunk_blob(tenant, JOB, vector["sha256"]) if chunk else manifest_blob(tenant, vector["snapshot"])
    (tmp_path / blob).parent.mkdir(parents=True)
    (tmp_path / blob).write_bytes(base64.b64decode(vector["sealed"]))

    def read() -> bytes:
        if not chunk:
            return encode(decode(json.dumps(safe.manifest(vector["snapshot"], vector["sha256"])).encode(), Manifest))
        told = {field: vector[field] for field in ("first", "last", "lines")}
        lines = safe.lines({"job_id": JOB, "chunks": [{"name": vector["sha256"], **told}]})
        return b"\n".join(map(encode_line, lines))

    if vector["outcome"] == "ok":
        assert read() == unseal(vector)
    else:
        with pytest.raises(rescue.Refused, match=f"{blob}|{WRONG_KEY}"):
            read()
