"""Compacted runs read like the runs that they replace, in bounded memory.

Counting touched keys equals counting all keys.
"""

from collections import Counter
from itertools import chain
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.limits import LIMITS
from shared.domain.records import Line, prefix_tombstone, put, split_order
from shared.domain.secret import Secret
from shared.vault.buffer import SortBuffer
from shared.vault.compaction import compact, to_merge
from shared.vault.format import ChunkRef, Counted, Run
from shared.vault.keyring import DataKey
from shared.vault.merge import Lists, merge
from shared.vault.reader import BlobReader
from shared.vault.touched import Changes, count, recount
from shared.vault.writer import RunWriter
from tests.unit.vault.parts import JOB, TENANT, MemoryStore
from tests.unit.vault.test_merge import operations

MOST_OPEN = LIMITS.open_runs
KEY = DataKey(Secret(b"k" * 32))
RUNS = st.lists(st.lists(operations(), max_size=20), min_size=1, max_size=6)


class Runs:
    """A stream's runs in a store in memory, with chunks so small that a few lines make several."""

    def __init__(self, jobs: list[list[Line]]) -> None:
        self.store = MemoryStore()
        self.blobs = BlobReader(self.store, lambda _: KEY, TENANT, lambda: None)
        self.opened_chunks: list[str] = []
        self.runs = []
        for number, lines in enumerate(jobs):
            buffer = SortBuffer(10**9)
            buffer.add(lines)
            if lines:
                self.runs.append(self.writer(f"job-{number}").write([buffer.drain()]))

    def writer(self, job: str = JOB) -> RunWriter:
        return RunWriter(self.store, TENANT, job, "groups", KEY, lambda: None, 60)

    def read(self, run: Run) -> Lists:
        self.opened_chunks += [chunk.name for chunk in run.chunks]
        return self.blobs.lists(run)

    def records(self, runs: list[Run]) -> list[Line]:
        return list(chain.from_iterable(merge([self.read(run) for run in runs])))

    def compacted(self, first: int, stop: int) -> list[Run]:
        merged = compact(self.blobs, self.runs[first:stop], self.writer("merging"), oldest=first == 0)
        return [*self.runs[:first], *([merged] if merged else []), *self.runs[stop:]]


def same(_: str, value: bytes) -> bytes:
    """The meaning of a value that only equals itself."""
    return value


def counted(records: list[Line]) -> Counter[str]:
    return Counter(split_order(order)[0].decode() for order, _ in records)


@given(RUNS, st.data())
def test_compacted_runs_read_the_same_as_the_runs_before(jobs: list[list[Line]], data: st.DataObject) -> None:
    stored = Runs(jobs)
    stop = data.draw(st.integers(0, len(stored.runs)))
    first = data.draw(st.integers(0, stop))
    if first == stop:
        return
    compacted = stored.compacted(first, stop)
    assert stored.records(compacted) == stored.records(stored.runs)
    assert all(run.job_id == "merging" or run in stored.runs for run in compacted)
    if first == 0 and len(compacted) > len(stored.runs) - stop:
        assert all(value is not None for lines in stored.read(compacted[0]) for _, value in lines)


@given(RUNS)
def test_a_run_counts_its_lines_and_records(jobs: list[list[Line]]) -> None:
    stored = Runs(jobs)
    for run in stored.runs:
        lines = list(chain.from_iterable(stored.read(run)))
        line_counts = counted(lines)
        record_counts = counted([line for line in lines if line[1] is not None])
        assert run.resources == {name: Counted(line_counts[name], record_counts[name]) for name in line_counts}


@given(RUNS, RUNS, st.sampled_from([5, 10**6]))
def test_counting_touched_keys_equals_counting_all_keys(
    older: list[list[Line]], newer: list[list[Line]], most: int
) -> None:
    stored = Runs(older + newer)
    parted = sum(1 for lines in older if lines)
    old, new = stored.runs[:parted], stored.runs[parted:]
    before = count(old, stored.read)
    assert before == counted(stored.records(old))
    with patch("shared.vault.touched._MOST", most):
        assert +recount(before, old, new, stored.read, same).records == counted(stored.records(stored.runs))


@given(RUNS, RUNS)
def test_counted_changes_equal_the_difference_of_two_dictionaries(
    older: list[list[Line]], newer: list[list[Line]]
) -> None:
    made = Runs(older + newer)
    parted = sum(1 for lines in older if lines)
    old, new = made.runs[:parted], made.runs[parted:]
    changes = recount(count(old, made.read), old, new, made.read, same).changes
    assert changes is not None
    before, after = dict(made.records(old)), dict(made.records(made.runs))
    added, removed = after.keys() - before.keys(), before.keys() - after.keys()
    changed = {order for order in before.keys() & after.keys() if before[order] != after[order]}
    expected = [counted([(order, b"") for order in orders]) for orders in (added, removed, changed)]
    for name in {*changes, *expected[0], *expected[1], *expected[2]}:
        assert changes.get(name, Changes()) == tuple(numbers[name] for numbers in expected)


def test_counting_a_small_change_opens_few_chunks() -> None:
    users = [put(b"users", b"users/%04d" % n, b"{}") for n in range(500)]
    stored = Runs([users, [put(b"users", b"users/0250", b'{"n":1}'), put(b"users", b"users/9999", b"{}")]])
    stored.opened_chunks.clear()
    assert recount({"users": 500}, stored.runs[:1], stored.runs[1:], stored.read, same) == (
        {"users": 501},
        {"users": Changes(added=1, changed=1)},
    )
    assert len(stored.runs[0].chunks) > 100
    assert len(stored.opened_chunks) <= 4


def run_of(job: str, size: int) -> Run:
    chunk = ChunkRef(name="0" * 64, first="a", last="b", lines=1, size=size)
    return Run(run_id=f"{job}-{size}", job_id=job, stream="users", lines=1, resources={}, chunks=[chunk])


@pytest.mark.parametrize(
    ("sizes", "merged"),
    [
        ([], 0),
        ([("a", 10)], 0),
        ([("a", 100), ("b", 10)], 0),
        ([("a", 100), ("b", 51)], 2),
        ([("a", 100), ("b", 50)], 0),
        ([("a", 1000), ("b", 15), ("c", 10)], 2),
        ([("a", 40), ("b", 15), ("c", 10)], 3),
        ([("a", 10), ("a", 10), ("a", 10)], 0),
        ([("a", 100), ("a", 100), ("b", 60), ("b", 60)], 4),
        ([("a", 100), ("a", 100), ("b", 40), ("b", 40)], 0),
        ([("a", 10)] * (MOST_OPEN + 1), MOST_OPEN + 1),
        ([("a", 10)] * MOST_OPEN, 0),
        ([("a", 10**6), *((f"{n}", 4**n) for n in range(MOST_OPEN, 0, -1))], MOST_OPEN + 1),
    ],
)
def test_runs_are_merged_while_the_older_neighbour_is_under_twice_their_size(
    sizes: list[tuple[str, int]], merged: int
) -> None:
    assert to_merge([run_of(job, size) for job, size in sizes]) == merged


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=200))
def test_a_snapshot_has_few_runs_after_any_number_of_backups(sizes: list[int]) -> None:
    """Merge as the engine does: after each job, until no merge remains."""
    runs: list[Run] = []
    written = 0
    for number, size in enumerate(sizes):
        runs.append(run_of(f"job-{number}", size))
        while chosen := to_merge(runs):
            old = runs[-chosen:][:MOST_OPEN]
            place = len(runs) - chosen
            runs[place : place + len(old)] = [run_of(f"job-{number}", sum(run.size for run in old))]
            written += runs[place].size
        assert len(runs) <= MOST_OPEN
    assert len(runs) <= 22
    assert written <= 40 * sum(sizes)


def test_a_full_read_of_a_resource_leaves_no_tombstone_of_older_runs() -> None:
    stored = Runs([[put(b"users", b"users/1", b"{}")], [prefix_tombstone(b"users", b"")]])
    assert stored.compacted(0, 2) == []
    assert [run.lines for run in stored.compacted(1, 2)[1:]] == [1]
