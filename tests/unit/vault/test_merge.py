"""Runs read back as a plain dictionary does."""

from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.records import Line, is_prefix, prefix_tombstone, put, tombstone
from shared.vault.buffer import SortBuffer
from shared.vault.merge import differences, merge

RESOURCES = (b"groups", b"groups.members", b"groups.owners")


@st.composite
def operations(draw: st.DrawFn) -> Line:
    group, member = draw(st.sampled_from([b"1", b"10", b"2"])), draw(st.sampled_from([b"a", b"aa", b"b"]))
    resource = draw(st.sampled_from(RESOURCES))
    own = b"groups/" + group
    folder = own + b"/" + resource.partition(b".")[2] + b"/"
    key = own if resource == b"groups" else folder + member
    match draw(st.integers(0, 5)):
        case 0 | 1 | 2:
            return put(resource, key, b'{"n":%d}' % draw(st.integers(0, 99)))
        case 3:
            return tombstone(resource, key)
        case 4 if resource != b"groups":
            return prefix_tombstone(resource, folder)
        case _:
            return prefix_tombstone(resource, b"")


def apply(state: dict[bytes, bytes], line: Line) -> None:
    order, value = line
    if value is not None:
        state[order] = value
    elif is_prefix(order):
        for hidden in [key for key in state if key.startswith(order)]:
            del state[hidden]
    else:
        state.pop(order, None)


def read(runs: list[list[Line]], data: st.DataObject) -> list[Line]:
    """Return the records of runs that arrive in lists of any length."""
    cuts = [data.draw(st.lists(st.integers(0, len(run)), max_size=4).map(sorted)) for run in runs]
    lists = [[run[a:b] for a, b in pairwise([0, *cut, len(run)])] for run, cut in zip(runs, cuts, strict=True)]
    return list(chain.from_iterable(merge([iter(each) for each in lists])))


@given(st.lists(st.lists(operations(), max_size=25), max_size=6), st.data())
def test_any_puts_and_removals_over_any_runs_read_back_like_a_dictionary(
    jobs: list[list[Line]], data: st.DataObject
) -> None:
    state: dict[bytes, bytes] = {}
    runs = []
    for lines in jobs:
        buffer = SortBuffer(10**9)
        buffer.add(lines)
        for line in lines:
            apply(state, line)
        runs.append(buffer.drain())
    assert read(runs, data) == sorted(state.items())


RECORDS = st.dictionaries(st.sampled_from([b"r\0r/%d" % n for n in range(12)]), st.sampled_from([b"1", b"2"]))


@given(RECORDS, RECORDS)
def test_differences_applied_to_the_previous_records_give_the_current_records(
    old: dict[bytes, bytes], new: dict[bytes, bytes]
) -> None:
    changes = list(differences(iter(sorted(old.items())), iter(sorted(new.items()))))
    assert list(chain.from_iterable(merge([iter([sorted(old.items())]), iter([changes])]))) == sorted(new.items())
    assert len(changes) == sum(old.get(key) != new.get(key) for key in old.keys() | new.keys())


@given(st.lists(operations(), max_size=40))
def test_a_drained_buffer_is_sorted_and_empty(lines: list[Line]) -> None:
    buffer = SortBuffer(10**9)
    buffer.add(lines)
    orders = [order for order, _ in buffer.drain()]
    assert orders == sorted(set(orders))
    assert buffer.empty
    assert buffer.size == 0


def test_a_buffer_is_full_by_bytes_and_250_a_line() -> None:
    buffer = SortBuffer(600)
    buffer.add([put(b"r", b"r/1", b"{}")])
    assert not buffer.full
    buffer.add([put(b"r", b"r/2", b'"' + b"x" * 100 + b'"')])
    assert buffer.full
