"""A full read reads back complete although redundant prefixes are omitted, and it counts repeated objects."""

from datetime import UTC, datetime
from itertools import chain
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Answer
from shared.domain.jobs import Phase, Step, StepState
from shared.domain.records import Line, prefix_tombstone, put, tombstone
from shared.domain.resources import STREAMS
from shared.engine.backup.seen_objects import SeenObjects
from shared.engine.backup.stream_results import StreamResult
from shared.vault.compaction import compact
from shared.vault.format import CheckpointBody, Merged, Run, decode, encode
from shared.vault.touched import recount, total
from tests.unit.vault.test_compaction import Runs, counted, same
from tests.unit.vault.test_merge import apply

RESOURCES = (b"groups", b"groups.members", b"groups.owners")
BEGINNING = [prefix_tombstone(resource, b"") for resource in RESOURCES]

Entry = list[Line]


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Draw an entry of a page about one object: deleted, or a record, one owner, and added or removed members."""
    key = b"groups/" + draw(st.sampled_from([b"1", b"10", b"2", b"%2F", b"3", b"4"]))
    members, owners = key + b"/members/", key + b"/owners/"
    if draw(st.booleans()) and draw(st.booleans()):
        return [
            tombstone(RESOURCES[0], key),
            prefix_tombstone(RESOURCES[1], members),
            prefix_tombstone(RESOURCES[2], owners),
        ]
    value = b'{"n":%d}' % draw(st.integers(0, 9))
    lines = [put(RESOURCES[0], key, value)] if draw(st.booleans()) else []
    for member in draw(st.lists(st.sampled_from([b"a", b"aa", b"b"]), max_size=3)):
        added = draw(st.booleans())
        lines.append(put(RESOURCES[1], members + member, b"{}") if added else tombstone(RESOURCES[1], members + member))
    if draw(st.booleans()):
        lines.append(prefix_tombstone(RESOURCES[2], owners))
        lines += [put(RESOURCES[2], owners + draw(st.sampled_from([b"x", b"y"])), b"{}")] * draw(st.booleans())
    return lines


READING = st.lists(st.lists(entries(), max_size=8), min_size=1, max_size=6)
SECOND = st.lists(st.lists(entries(), min_size=1, max_size=4), max_size=3)
MERGES = st.lists(st.tuples(st.integers(0, 8), st.integers(2, 9)), max_size=2)
"""For each merge, the index of its first run and the number of its runs."""
NOW = datetime(2026, 11, 24, tzinfo=UTC)
READ = Step(step_id="s", phase=Phase.READ, name="groups", state=StepState.DONE, answer=Answer.WHOLE)


def checkpoint(run: Run, repeated: dict[str, int] | None) -> CheckpointBody:
    """Return a checkpoint as it is after unsealing."""
    body = CheckpointBody(
        run=run, cursor="c", more=True, full=True, cursor_issued=NOW, started_at=NOW, to_refetch=[], repeated=repeated
    )
    return decode(encode(body), CheckpointBody)


def result_of(stored: Runs, repeated_by_run: list[dict[str, int] | None]) -> StreamResult:
    """Return the result of a stream, with the runs of the first round first."""
    first = [checkpoint(run, repeated) for run, repeated in zip(stored.runs, repeated_by_run, strict=False)]
    second = [checkpoint(run, None) for run in stored.runs[len(first) :]]
    return StreamResult(STREAMS["groups"], None, READ, first, second, [])


def merge(stored: Runs, runs: list[Run], first: int) -> Merged:
    writer = stored.writer("merging")
    run = compact(stored.blobs, runs, writer, oldest=first == 0)
    return Merged(replaces=[old.run_id for old in runs], run=run)


@given(READING, SECOND, MERGES, st.sampled_from([0.5, 1.0]), st.sampled_from([2, 50]))
def test_a_full_read_reads_back_and_counts_like_a_dictionary(
    reading: list[list[Entry]], second: list[list[Entry]], merges: list[tuple[int, int]], worth: float, most: int
) -> None:
    reading[0].insert(0, BEGINNING)
    state: dict[bytes, bytes] = {}
    for line in chain.from_iterable(chain(*reading, *second)):
        apply(state, line)
    seen_objects = SeenObjects(most)
    results = [(lines, seen_objects.end_run()) for each in reading if (lines := seen_objects.filter(each))]
    stored = Runs([*(lines for lines, _ in results), *(list(chain.from_iterable(entries)) for entries in second)])
    harvest = result_of(stored, [repeated for _, repeated in results])
    for first, length in merges:
        if len(chosen := harvest.runs[first : first + length]) > 1:
            harvest.merges.append(merge(stored, chosen, first))
    assert stored.records(harvest.runs) == sorted(state.items())
    if (repeated_by_run := harvest.repeated_by_run) is not None:
        older, newer = harvest.runs[: len(repeated_by_run)], harvest.runs[len(repeated_by_run) :]
        with patch("shared.vault.touched._WORTH", worth):
            counts = total(repeated_by_run, stored.read)
        assert +recount(counts, older, newer, stored.read, same).records == counted(sorted(state.items()))


def filter_runs(*runs: list[Entry], most: int = 9) -> tuple[list[list[Line]], list[dict[str, int] | None]]:
    """Return the remaining lines of each run, and its objects that earlier runs contain."""
    seen_objects = SeenObjects(most)
    results = [(seen_objects.filter(run), seen_objects.end_run()) for run in runs]
    return [lines for lines, _ in results], [repeated for _, repeated in results]


USER = put(b"users", b"users/1", b"{}")
MANAGED = [prefix_tombstone(b"users.manager", b"users/1/manager/"), put(b"users.manager", b"users/1/manager/2", b"{}")]
OTHER = put(b"users", b"users/2", b"{}")


def test_a_prefix_tombstone_is_omitted_if_its_object_was_not_seen_before() -> None:
    (first, second), repeated = filter_runs([BEGINNING, [USER, *MANAGED]], [MANAGED, [OTHER]])
    assert first == [*BEGINNING, USER, MANAGED[1]]
    assert second == [*MANAGED, OTHER]
    assert repeated == [{}, {"users/1": 0}]


def test_an_object_is_named_with_the_run_that_reported_it_first() -> None:
    _, repeated = filter_runs([[OTHER]], [[USER]], [[USER], [OTHER]], [[USER]])
    assert repeated == [{}, {}, {"users/1": 1, "users/2": 0}, {"users/1": 1}]


def test_a_prefix_tombstone_is_kept_if_the_same_run_reported_its_object_before() -> None:
    (lines,), repeated = filter_runs([MANAGED[1:], MANAGED])
    assert lines == [MANAGED[1], *MANAGED]
    assert repeated == [{}]


def test_a_tombstone_of_a_single_link_is_kept() -> None:
    came, went = put(RESOURCES[1], b"groups/1/members/a", b"{}"), tombstone(RESOURCES[1], b"groups/1/members/a")
    assert filter_runs([[came, went]])[0] == [[came, went]]


def test_beyond_the_memory_limit_repeats_are_not_counted_and_every_prefix_is_kept() -> None:
    third = put(b"users", b"users/3", b"{}")
    lines, repeated = filter_runs([[USER]], [[OTHER], [third, *MANAGED]], [MANAGED], [[USER], MANAGED], most=2)
    assert repeated == [{}, None, None, None]
    assert lines[2:] == [MANAGED, [USER, *MANAGED]]


def test_a_run_of_mostly_repeated_objects_does_not_list_its_repeats() -> None:
    objects = [[put(b"users", b"users/%d" % n, b"{}")] for n in range(200)]
    assert filter_runs(objects, objects[:128], most=300)[1] == [{}, {f"users/{n}": 0 for n in range(128)}]
    assert filter_runs(objects, objects[:129], [[USER]], most=300)[1] == [{}, None, None]


def test_after_a_resumed_read_repeats_are_not_counted_and_every_prefix_is_kept() -> None:
    seen_objects = SeenObjects(1000, afresh=False)
    assert seen_objects.filter([[USER, *MANAGED]]) == [USER, *MANAGED]
    assert seen_objects.end_run() is None
