"""The differences of two snapshots equal those of two dictionaries, and no other chunk is opened."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Answer
from shared.domain.records import Line, encode_id, prefix_tombstone, put, split_order, tombstone
from shared.vault.differing import differing
from shared.vault.format import Holds, Run, StoredResource
from shared.vault.merge import Lists
from shared.vault.reader import BlobReader
from shared.vault.snapshot_reader import SnapshotReader
from tests.unit.vault.parts import TENANT
from tests.unit.vault.test_compaction import KEY, RUNS, Runs
from tests.unit.vault.test_merge import RESOURCES
from tests.unit.vault.test_snapshot_reader import state

GROUPS = [
    StoredResource(resource=name.decode(), holds=Holds.OBJECTS, owner=None if name == b"groups" else "groups")
    for name in RESOURCES
]
APPLICATIONS = [StoredResource(resource="applications", holds=Holds.OBJECTS, owner=None)]
CHILDREN = [StoredResource(resource="applications.owners", holds=Holds.LINKS, owner="applications")]
LIMITS = st.sampled_from([0, 5, 1_000])
"""Limits for touched lines whose orders are kept in memory: none, a few, all."""
OWNERS = ["a", "a-", "a.", "a~", "b"]
Differences = list[tuple[bytes, bytes | None, bytes | None]]


def difference(old: list[Line], new: list[Line]) -> Differences:
    """Return the differences of two dictionaries."""
    before, after = ({split_order(order)[1]: value for order, value in lines} for lines in (old, new))
    keys = sorted({*before, *after})
    return [(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]


def lines_of(resource: bytes, lines: list[Line]) -> list[Line]:
    return [line for line in lines if split_order(line[0])[0] == resource]


def reader(stored: Runs, runs: list[Run]) -> SnapshotReader:
    blobs = BlobReader(stored.store, lambda _: KEY, TENANT, lambda: None)
    blobs.lists = stored.read  # type: ignore[method-assign]
    return SnapshotReader(blobs, [state("groups", runs, GROUPS)])


def compare(stored: Runs, before: list[Run], after: list[Run], resource: bytes, most: int = 1_000) -> Differences:
    sides = reader(stored, before), reader(stored, after)
    return [(each.key, each.before, each.after) for each in differing(*sides, resource.decode(), stored.read, most)]


@given(RUNS, st.data(), LIMITS, st.sampled_from(RESOURCES))
def test_any_two_points_of_any_history_differ_like_two_dictionaries(
    jobs: list[list[Line]], data: st.DataObject, limit: int, resource: bytes
) -> None:
    stored = Runs(jobs)
    sides = []
    for _ in range(2):
        stop = data.draw(st.integers(0, len(stored.runs)))
        first = data.draw(st.integers(0, stop))
        last = data.draw(st.integers(first, stop))
        point = stored.compacted(first, last) if first < last else stored.runs
        sides.append(point[: len(point) - (len(stored.runs) - stop)])
    there = compare(stored, sides[0], sides[1], resource, limit)
    back = compare(stored, sides[1], sides[0], resource, limit)
    assert there == difference(*(lines_of(resource, stored.records(side)) for side in sides))
    assert [(key, old, new) for key, new, old in back] == there


@given(RUNS)
def test_equal_lists_of_runs_are_not_read(jobs: list[list[Line]]) -> None:
    stored = Runs(jobs)
    for resource in RESOURCES:
        assert compare(stored, stored.runs, stored.runs, resource) == []
    assert stored.opened_chunks == []


def test_chunks_without_a_touched_key_are_not_opened() -> None:
    base = [put(b"groups", b"groups/%03d" % n, b'{"n":%d}' % n) for n in range(200)]
    stored = Runs([base, [put(b"groups", b"groups/100", b'{"n":-1}')]])
    assert compare(stored, stored.runs[:1], stored.runs, b"groups") == [(b"groups/100", b'{"n":100}', b'{"n":-1}')]
    assert len(stored.runs[0].chunks) > 50
    assert len({*stored.opened_chunks}) == 2


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Line]], list[list[Line]]]:
    """Draw histories of owners and of their children."""

    def owner() -> Line:
        if draw(st.integers(0, 9)) == 0:
            return prefix_tombstone(b"applications", b"")
        key = b"applications/" + encode_id(draw(st.sampled_from(OWNERS)))
        return draw(st.sampled_from([put(b"applications", key, b'{"n":1}'), tombstone(b"applications", key)]))

    def child() -> Line:
        resource, kind = b"applications.owners", draw(st.integers(0, 9))
        if kind == 0:
            return prefix_tombstone(resource, b"")
        folder = b"applications/" + encode_id(draw(st.sampled_from(OWNERS))) + b"/owners/"
        if kind == 1:
            return prefix_tombstone(resource, folder)
        return put(resource, folder + draw(st.sampled_from([b"1", b"2"])), b"{}")

    owners = [[owner() for _ in range(draw(st.integers(1, 8)))] for _ in range(draw(st.integers(1, 4)))]
    children = [[child() for _ in range(draw(st.integers(1, 8)))] for _ in range(draw(st.integers(1, 4)))]
    return owners, children


@given(histories(), st.data(), LIMITS, st.sampled_from([Answer.WHOLE, Answer.PARTIAL]))
def test_children_differ_if_they_or_the_existence_of_their_owners_do(
    history: tuple[list[list[Line]], list[list[Line]]], data: st.DataObject, limit: int, answer: Answer
) -> None:
    owners, children = Runs(history[0]), Runs(history[1])

    own_ids = {run.run_id for run in owners.runs}

    def read(run: Run) -> Lists:
        return owners.read(run) if run.run_id in own_ids else children.read(run)

    def point(answer: Answer) -> tuple[SnapshotReader, list[Line], list[Line]]:
        own = owners.runs[: data.draw(st.integers(0, len(owners.runs)))]
        runs = children.runs[: data.draw(st.integers(0, len(children.runs)))]
        existing = {split_order(order)[1] for order, _ in owners.records(own)}
        stored = children.records(runs)
        present = [line for line in stored if b"/".join(split_order(line[0])[1].split(b"/")[:2]) in existing]
        blobs = BlobReader(owners.store, lambda _: KEY, TENANT, lambda: None)
        blobs.lists = read  # type: ignore[method-assign]
        streams = [state("applications", own, APPLICATIONS, answer), state("applications.owners", runs, CHILDREN)]
        return SnapshotReader(blobs, streams), stored, present

    (before, *old), (after, *new) = point(Answer.WHOLE), point(answer)
    records = differing(before, after, "applications.owners", read, limit)
    result = [(each.key, each.before, each.after) for each in records]
    if answer is Answer.WHOLE:
        assert result == difference(old[1], new[1])
    else:  # it is unknown which owners exist
        assert result == difference(old[0], new[0])
