"""Changed blobs are refused, with the names of blob and resource."""

import os
from collections.abc import Callable

import cbor2
import cwt
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.errors import Alarm, Code, KeyRefused, KeyTrouble
from shared.domain.records import Line, put
from shared.domain.secret import Secret
from shared.vault.format import Run
from shared.vault.keyring import DataKey, unwrap
from shared.vault.names import chunk_blob
from shared.vault.reader import BlobReader, check_blob
from shared.vault.sealing import Kind, open_row, open_sealed, seal, seal_row
from shared.vault.writer import RunWriter
from tests.unit.vault.parts import ARN, JOB, OTHER, TENANT, MemoryKeys, MemoryStore, new_data_key

LINES: list[Line] = [put(b"users", b"users/%03d" % n, b'{"id":"%03d","x":"%b"}' % (n, b"y" * 50)) for n in range(100)]


def write_run(store: MemoryStore, key: DataKey, tenant: str = TENANT) -> Run:
    return RunWriter(store, tenant, JOB, "users", key, lambda: None, 2000).write([LINES])


def test_a_run_reads_back_and_its_chunks_have_disjoint_ranges() -> None:
    store, key = MemoryStore(), DataKey(Secret(os.urandom(32)))
    run = write_run(store, key)
    assert list(BlobReader(store, lambda _: key, TENANT, lambda: None).lines(run)) == LINES
    assert len(run.chunks) > 2
    assert all(a.last < b.first for a, b in zip(run.chunks, run.chunks[1:], strict=False))


def test_no_blob_contains_the_plaintext_that_it_seals() -> None:
    store, key = MemoryStore(), DataKey(Secret(os.urandom(32)))
    write_run(store, key)
    assert all(b"yyyy" not in blob for blob in store.blobs.values())


Harm = Callable[[dict[str, bytes], str, str], None]


def flip(blobs: dict[str, bytes], name: str, _: str) -> None:
    blobs[name] = blobs[name][:-1] + bytes([blobs[name][-1] ^ 1])


def truncate(blobs: dict[str, bytes], name: str, _: str) -> None:
    blobs[name] = blobs[name][: len(blobs[name]) // 2]


def empty(blobs: dict[str, bytes], name: str, _: str) -> None:
    blobs[name] = b""


def swap(blobs: dict[str, bytes], name: str, other: str) -> None:
    blobs[name], blobs[other] = blobs[other], blobs[name]


def remove(blobs: dict[str, bytes], name: str, _: str) -> None:
    del blobs[name]


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (flip, Code.BLOB_DAMAGED),
        (truncate, Code.BLOB_DAMAGED),
        (empty, Code.BLOB_DAMAGED),
        (swap, Code.BLOB_DAMAGED),
        (remove, Code.BLOB_MISSING),
    ],
)
def test_a_damaged_blob_is_refused_by_name_with_and_without_a_key(harm: Harm, code: Code) -> None:
    store, key = MemoryStore(), DataKey(Secret(os.urandom(32)))
    run = write_run(store, key)
    name, other = (chunk_blob(TENANT, JOB, chunk.name) for chunk in run.chunks[1:3])
    harm(store.blobs, name, other)
    with pytest.raises(Alarm) as deep:
        list(BlobReader(store, lambda _: key, TENANT, lambda: None).lines(run))
    with pytest.raises(Alarm) as shallow:
        check_blob(store, TENANT, run, run.chunks[1])
    for alarm in (deep.value, shallow.value):
        assert (alarm.code, alarm.blob, alarm.resource) == (code, name, "users")
        assert name in alarm.message


@pytest.mark.parametrize(("tenant", "kind", "row"), [(OTHER, Kind.CHECKPOINT, "r"), (TENANT, Kind.SECRET, "r")])
def test_a_seal_does_not_open_for_another_tenant_or_kind(tenant: str, kind: Kind, row: str) -> None:
    key = DataKey(Secret(os.urandom(32)))
    sealed = seal(key, TENANT, Kind.CHECKPOINT, b"x", row_id="r")
    with pytest.raises(Alarm, match="not what was stored"):
        open_sealed(lambda _: key, tenant, kind, sealed, blob="b", row_id=row)


def test_a_sealed_row_does_not_open_as_another_row() -> None:
    key = DataKey(Secret(os.urandom(32)))
    row = seal_row(key, TENANT, Kind.SECRET, "r1", b"x")
    assert open_row(lambda _: key, TENANT, Kind.SECRET, row) == b"x"
    moved = msgspec.structs.replace(row, row_id="r2")
    with pytest.raises(Alarm, match="secret r2"):
        open_row(lambda _: key, TENANT, Kind.SECRET, moved)


def test_an_unknown_format_is_reported() -> None:
    key = DataKey(Secret(os.urandom(32)))
    sealed = seal(key, TENANT, Kind.CHUNK, b"x").replace(b"fformat\x01", b"fformat\x02")
    with pytest.raises(Alarm, match="format 2") as alarm:
        open_sealed(lambda _: key, TENANT, Kind.CHUNK, sealed, blob="b")
    assert alarm.value.code is Code.FORMAT_UNKNOWN


SECRET = b"k" * 32
SEALED = seal(DataKey(Secret(SECRET)), TENANT, Kind.CHUNK, b"hello" * 9)


def unseal(sealed: bytes) -> bytes:
    return open_sealed(lambda _: DataKey(Secret(SECRET)), TENANT, Kind.CHUNK, sealed, blob="b")


def test_no_bit_of_a_seal_can_be_flipped() -> None:
    for place in range(len(SEALED) * 8):
        forged = bytearray(SEALED)
        forged[place // 8] ^= 1 << place % 8
        with pytest.raises(Alarm):
            unseal(bytes(forged))


def test_a_truncated_or_extended_seal_does_not_open() -> None:
    for length in range(len(SEALED)):
        with pytest.raises(Alarm):
            unseal(SEALED[:length])
    with pytest.raises(Alarm):
        unseal(SEALED + b"\x00")


HEADERS: list[object] = [
    1,
    [1],
    {"format": 1, 1: 3, 4: 5},
    {"format": [2]},
    {"format": 1, 1: 3, 4: b"k", "snapshot": 1},
]
GARBAGE = [
    *(b"\x81" * 100_000, b"\xd0" * 100_000, b"\x5b" + b"\xff" * 8, b"\x9b" + b"\x7f" * 8),
    b"\xd0\x83\x40\xa1\x05\x4c" + b"i" * 12 + b"\x18\x20",
    *(cbor2.dumps(cbor2.CBORTag(16, [cbor2.dumps(header), {5: b"i" * 12}, b"c" * 16])) for header in HEADERS),
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_data_that_resembles_a_seal_is_refused(garbage: bytes) -> None:
    with pytest.raises(Alarm):
        unseal(garbage)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_random_data_is_refused(garbage: bytes, place: int) -> None:
    forged = SEALED[:place] + garbage + SEALED[place + len(garbage) :]
    assume(forged != SEALED)
    for sealed in (garbage, forged):
        with pytest.raises(Alarm):
            unseal(sealed)


def test_any_cose_library_opens_a_seal() -> None:
    secret = os.urandom(32)
    key = DataKey(Secret(secret))
    sealed = seal(key, TENANT, Kind.CHUNK, b"hello")
    cose_key = cwt.COSEKey.from_symmetric_key(secret, alg="A256GCM", kid=bytes.fromhex(key.id))
    aad = cbor2.dumps(["entrakeep/1", TENANT, "chunk"])
    assert cwt.COSE.new().decode(sealed, cose_key, external_aad=aad) == b"hello"


def test_a_swapped_key_object_is_refused() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    _, one = new_data_key(keys, store)
    _, two = new_data_key(keys, store)
    swapped = msgspec.structs.replace(one, wrapped=two.wrapped)
    with pytest.raises(Alarm, match="swapped") as alarm:
        unwrap(keys, swapped)
    assert alarm.value.blob == one.data_key_id
    assert unwrap(keys, one).id == one.data_key_id
    assert one.arn == ARN


def test_a_data_key_seals_no_more_often_than_its_random_ivs_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.vault.keyring.MOST_SEALS", 2)
    key = DataKey(Secret(SECRET))
    for _ in range(2):
        seal(key, TENANT, Kind.CHUNK, b"x")
    with pytest.raises(RuntimeError):
        seal(key, TENANT, Kind.CHUNK, b"x")


def test_an_ended_lease_stops_the_writer_before_it_seals_another_chunk() -> None:
    store, key = MemoryStore(), DataKey(Secret(SECRET))

    def check() -> None:
        raise KeyRefused(ARN, "no")

    with pytest.raises(KeyRefused):
        RunWriter(store, TENANT, JOB, "users", key, check, 2000).write([LINES])
    assert not store.blobs


def test_a_writer_reports_why_its_data_key_was_dropped() -> None:
    store, key = MemoryStore(), DataKey(Secret(SECRET))
    key.drop(KeyRefused(ARN, "no"))
    with pytest.raises(KeyRefused):
        write_run(store, key)


def test_a_data_key_has_no_printed_form_and_cannot_be_used_once_dropped() -> None:
    key = DataKey(Secret(b"canary-canary-canary-canary-1234"))
    assert "canary" not in f"{key!r} {key}"
    key.drop()
    with pytest.raises(KeyTrouble):
        key.for_open()
