"""Runs in a store: written, read back and merged, with any lines and any chunk size."""

import os
import uuid
from collections.abc import Callable
from itertools import chain, pairwise
from random import Random
from unittest.mock import patch

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import rescue
from shared.domain.errors import Alarm, Code
from shared.domain.records import Line, encode_id, encode_lines, put
from shared.domain.secret import Secret
from shared.vault import writer
from shared.vault.buffer import SortBuffer
from shared.vault.format import Run, pack, unpack
from shared.vault.keyring import DataKey
from shared.vault.merge import merge
from shared.vault.names import chunk_blob
from shared.vault.reader import BlobReader, check_blob
from shared.vault.sealing import Kind, seal
from shared.vault.writer import RunWriter
from tests.unit.vault.parts import JOB, TENANT, MemoryStore
from tests.unit.vault.test_merge import apply, operations

KEY = DataKey(Secret(os.urandom(32)))

PARTS = st.sampled_from([1, 100, 10**6])
"""Bytes of a chunk that are decoded into lines at a time."""


def write_run(store: MemoryStore, lines: list[Line], chunk_bytes: int) -> Run:
    return RunWriter(store, TENANT, JOB, "groups", KEY, lambda: None, chunk_bytes).write([lines])


def reader(store: MemoryStore) -> BlobReader:
    return BlobReader(store, lambda _: KEY, TENANT, lambda: None)


def read(store: MemoryStore, run: Run) -> list[Line]:
    return list(reader(store).lines(run))


@given(st.lists(st.lists(operations(), min_size=1, max_size=25), max_size=4), st.integers(1, 400), PARTS)
def test_any_history_of_chunks_reads_back_as_a_dictionary_in_the_vault_and_the_rescue_script(
    jobs: list[list[Line]], chunk_bytes: int, part: int
) -> None:
    state: dict[bytes, bytes] = {}
    store, runs = MemoryStore(), []
    for lines in jobs:
        buffer = SortBuffer(10**9)
        buffer.add(lines)
        for line in lines:
            apply(state, line)
        runs.append(write_run(store, buffer.drain(), chunk_bytes))
    chunks = [reader(store).lists(run) for run in runs]
    with patch("shared.vault.reader._PART", part):
        assert list(chain.from_iterable(merge(chunks))) == sorted(state.items())
    assert list(rescue.merged([iter(read(store, run)) for run in runs])) == sorted(state.items())


VALUES = st.binary(max_size=80).map(lambda junk: b'"' + junk.translate(None, b'\n"\\') + b'"')
RECORDS = st.dictionaries(st.text(min_size=1, max_size=12).map(encode_id), VALUES, min_size=1, max_size=40)


@given(RECORDS, st.integers(1, 500))
def test_any_records_read_back_byte_for_byte_from_chunks_with_disjoint_ranges(
    records: dict[bytes, bytes], chunk_bytes: int
) -> None:
    lines = sorted(put(b"users", b"users/" + key, value) for key, value in records.items())
    store = MemoryStore()
    run = write_run(store, lines, chunk_bytes)
    assert read(store, run) == lines
    assert sum(chunk.lines for chunk in run.chunks) == run.lines == len(lines)
    assert all(a.first <= a.last < b.first <= b.last for a, b in zip(run.chunks, run.chunks[1:], strict=False))
    assert set(store.blobs) == {chunk_blob(TENANT, JOB, chunk.name) for chunk in run.chunks}
    for chunk in run.chunks:
        assert len(check_blob(store, TENANT, run, chunk)) == chunk.size


@given(st.lists(st.integers(0, 120), min_size=1, max_size=40), st.sets(st.integers(0, 40)), st.integers(1, 200))
def test_a_chunk_takes_as_many_lines_as_fit_in_whatever_batches_they_arrive(
    sizes: list[int], cuts: set[int], room: int
) -> None:
    lines = [put(b"groups", b"groups/%03d" % n, b"1" * (size + 1)) for n, size in enumerate(sizes)]
    ends = sorted({0, *(cut for cut in cuts if cut < len(lines)), len(lines)})
    lists = [lines[a:b] for a, b in pairwise(ends)]
    run = RunWriter(MemoryStore(), TENANT, JOB, "groups", KEY, lambda: None, room).write([*lists, []])
    expected, used = [0], 0
    for order, value in lines:
        length = len(order) + len(value or b"")
        if expected[-1] and used + length > room:
            expected.append(0)
            used = 0
        expected[-1] += 1
        used += length
    assert [chunk.lines for chunk in run.chunks] == expected


def test_a_line_larger_than_a_chunk_is_a_chunk_of_its_own() -> None:
    lines = [put(b"users", b"users/%d" % n, b'"%b"' % (b"x" * size)) for n, size in enumerate((10, 5000, 10, 10))]
    run = write_run(MemoryStore(), lines, 1000)
    assert [chunk.lines for chunk in run.chunks] == [1, 1, 2]


@pytest.mark.parametrize("change", [{"lines": 9}, {"first": "users\0users/0"}, {"last": "users\0users/9"}])
def test_a_chunk_that_differs_from_its_manifest_entry_is_refused(change: dict[str, str | int]) -> None:
    store = MemoryStore()
    run = write_run(store, [put(b"users", b"users/%d" % n, b"{}") for n in range(3, 6)], 1000)
    fields = {name: getattr(run.chunks[0], name) for name in run.chunks[0].__struct_fields__}
    lying = Run(run_id="r", job_id=JOB, stream="groups", lines=3, chunks=[type(run.chunks[0])(**{**fields, **change})])
    with pytest.raises(Alarm) as refused:
        read(store, lying)
    assert (refused.value.code, refused.value.resource) == (Code.BLOB_DAMAGED, "users")


def test_the_check_runs_before_each_chunk_is_opened() -> None:
    store = MemoryStore()
    checks: list[None] = []
    run = write_run(store, [put(b"users", b"users/%d" % n, b"{}") for n in range(5)], 1)
    lines = BlobReader(store, lambda _: KEY, TENANT, lambda: checks.append(None)).lines(run)
    for count in range(1, 6):
        next(lines)
        assert len(checks) == count


@pytest.mark.parametrize(
    "harm",
    [
        lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
        lambda _: seal(KEY, TENANT, Kind.CHUNK, pack(b"another chunk")),
        lambda _: seal(DataKey(Secret(b"k" * 32)), TENANT, Kind.CHUNK, pack(b"x")),
    ],
    ids=["a bit flipped", "another text", "another key"],
)
def test_a_blob_that_does_not_open_to_its_plaintext_is_never_stored(
    monkeypatch: pytest.MonkeyPatch, harm: Callable[[bytes], bytes]
) -> None:
    store = MemoryStore()
    monkeypatch.setattr(writer, "seal", lambda *what, **more: harm(seal(*what, **more)))
    with pytest.raises(Alarm) as refused:
        write_run(store, [put(b"users", b"users/1", b"{}")], 1000)
    assert refused.value.code is Code.BLOB_DAMAGED
    assert store.blobs == {}


def test_links_take_fewer_bytes_than_at_a_higher_level() -> None:
    ids = [str(uuid.UUID(int=n)).encode() for n in map(Random(1).getrandbits, [128] * 3000)]
    value = b'{"@odata.type":"#microsoft.graph.user","id":"%b"}'
    lines = sorted(put(b"groups.members", b"groups/1/members/" + each, value % each) for each in ids)
    text = encode_lines(lines)
    assert unpack(pack(text)) == text
    assert len(pack(text)) < 0.95 * len(zstandard.ZstdCompressor(level=3).compress(text))
