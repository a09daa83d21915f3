"""A full reading reads back whole without what hides nothing, and is counted by what was told again."""

from itertools import chain
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.records import Line, gone, is_prefix, prefix_gone, put
from shared.engine.backup.met import Met
from shared.vault.touched import total
from tests.unit.vault.test_compaction import Runs, counted
from tests.unit.vault.test_merge import apply

RESOURCES = (b"groups", b"groups.members", b"groups.owners")
BEGINNING = [prefix_gone(resource, b"") for resource in RESOURCES]

Entry = list[Line]


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """What a page tells of one object: that it is gone; or its record, its one owner, and members that came or went."""
    key = b"groups/" + draw(st.sampled_from([b"1", b"10", b"2", b"%2F", b"3", b"4"]))
    members, owners = key + b"/members/", key + b"/owners/"
    if draw(st.booleans()) and draw(st.booleans()):
        return [gone(RESOURCES[0], key), prefix_gone(RESOURCES[1], members), prefix_gone(RESOURCES[2], owners)]
    value = b'{"n":%d}' % draw(st.integers(0, 9))
    lines = [put(RESOURCES[0], key, value)] if draw(st.booleans()) else []
    for member in draw(st.lists(st.sampled_from([b"a", b"aa", b"b"]), max_size=3)):
        told = draw(st.booleans())
        lines.append(put(RESOURCES[1], members + member, b"{}") if told else gone(RESOURCES[1], members + member))
    if draw(st.booleans()):
        lines.append(prefix_gone(RESOURCES[2], owners))
        lines += [put(RESOURCES[2], owners + draw(st.sampled_from([b"x", b"y"])), b"{}")] * draw(st.booleans())
    return lines


READINGS = st.lists(st.lists(entries(), max_size=8), min_size=1, max_size=5)


def orders(key: str) -> set[bytes]:
    """Of all that may be told of an object."""
    return {b"%b\0%b%b" % (name, key.encode(), end) for name in RESOURCES for end in (b"", b"/")}


@given(READINGS, st.lists(entries(), max_size=4), st.sampled_from([5, 10**6]))
def test_a_full_reading_holds_and_counts_what_a_dictionary_does(
    reading: list[list[Entry]], second: list[Entry], most: int
) -> None:
    reading[0].insert(0, BEGINNING)
    state: dict[bytes, bytes] = {}
    for line in chain.from_iterable(chain(*reading, second)):
        apply(state, line)
    met, told = Met(), []
    repeated: list[set[bytes]] = []
    for each in reading:
        if lines := met.sift(each):
            again = met.run_ends()
            assert again is not None
            told.append(lines)
            repeated.append(set().union(*map(orders, again)))
            for key, before in again.items():
                repeated[before] |= orders(key)
    made = Runs([*told, list(chain.from_iterable(second))])
    assert made.records(made.runs) == sorted(state.items())
    with patch("shared.vault.touched._MOST", most):
        found = total(made.runs[: len(told)], repeated, made.runs[len(told) :], made.read)
    assert +found == counted(sorted(state.items()))


def met_in(*runs: list[Entry], most: int = 9) -> tuple[list[list[Line]], list[dict[str, int] | None]]:
    """What is left of the lines of each run, and the objects of each that earlier ones tell of."""
    met = Met(most)
    told = [(met.sift(run), met.run_ends()) for run in runs]
    return [lines for lines, _ in told], [again for _, again in told]


USER = put(b"users", b"users/1", b"{}")
MANAGED = [prefix_gone(b"users.manager", b"users/1/manager/"), put(b"users.manager", b"users/1/manager/2", b"{}")]
OTHER = put(b"users", b"users/2", b"{}")


def test_a_prefix_is_left_out_where_nothing_was_told_of_its_object_before() -> None:
    (first, second), again = met_in([BEGINNING, [USER, *MANAGED]], [MANAGED, [OTHER]])
    assert first == [*BEGINNING, USER, MANAGED[1]]
    assert second == [*MANAGED, OTHER]
    assert again == [{}, {"users/1": 0}]


def test_an_object_is_named_with_the_run_that_told_of_it_first() -> None:
    _, again = met_in([[OTHER]], [[USER]], [[USER], [OTHER]], [[USER]])
    assert again == [{}, {}, {"users/1": 1, "users/2": 0}, {"users/1": 1}]


def test_a_prefix_stays_where_its_object_was_told_of_in_the_same_run() -> None:
    (lines,), again = met_in([MANAGED[1:], MANAGED])
    assert lines == [MANAGED[1], *MANAGED]
    assert again == [{}]


def test_what_removes_a_single_link_stays() -> None:
    came, went = put(RESOURCES[1], b"groups/1/members/a", b"{}"), gone(RESOURCES[1], b"groups/1/members/a")
    assert met_in([[came, went]])[0] == [[came, went]]


def test_of_more_objects_than_are_kept_in_mind_nothing_is_claimed_and_every_prefix_stays() -> None:
    lines, again = met_in([[USER], [OTHER]], [[put(b"users", b"users/3", b"{}"), *MANAGED]], [MANAGED], most=1)
    assert again == [{}, None, None]
    assert any(is_prefix(order) for order, _ in lines[1])
    assert lines[2] == MANAGED
