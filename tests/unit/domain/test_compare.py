"""Values differ exactly if their parsed JSON differs. Sorted maps differ exactly where the dictionaries differ."""

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.compare import changed_records, link_ends, property_changes, within
from shared.domain.json_text import canonical, elements, members

NAMES = st.text("ab.@\\é\ud800", min_size=1, max_size=3)
SCALARS = st.none() | st.booleans() | st.integers() | st.text("xy\ud800<", max_size=2)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
MAPS = st.dictionaries(st.binary(min_size=1, max_size=2), st.binary(min_size=1, max_size=1), max_size=12)


def text_of(value: Any) -> bytes:
    return json.dumps(value).encode()


def meaning(value: Any) -> Any:
    """Return the value with lists as sets and without nulls, so that == compares meanings."""
    if isinstance(value, dict):
        return "{", frozenset((name, meaning(each)) for name, each in value.items() if each is not None)
    if isinstance(value, list):
        return "[", tuple(sorted(map(repr, map(meaning, value))))
    return type(value).__name__, value


@given(MAPS, MAPS, st.integers(1, 5))
def test_changed_records_equal_the_differences_of_two_dictionaries(
    old: dict[bytes, bytes], new: dict[bytes, bytes], stretch: int
) -> None:
    expected = [(key, old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    with patch("shared.domain.compare._STRETCH", stretch):
        result = changed_records(iter(sorted(old.items())), iter(sorted(new.items())))
        assert [tuple(each) for each in result] == expected


@given(OBJECTS, OBJECTS)
def test_values_differ_exactly_if_their_meanings_differ(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert bool(property_changes(text_of(old), text_of(new))) == (meaning(old) != meaning(new))


@given(OBJECTS, OBJECTS)
def test_a_comparison_is_the_mirror_of_the_other_direction(old: dict[str, Any], new: dict[str, Any]) -> None:
    there = property_changes(text_of(old), text_of(new))
    back = property_changes(text_of(new), text_of(old))
    assert [(each.path, each.after, each.before, each.removed, each.added) for each in back] == [
        (each.path, each.before, each.after, each.added, each.removed) for each in there
    ]


@given(OBJECTS)
def test_each_changed_property_has_its_own_path(new: dict[str, Any]) -> None:
    paths = [each.path for each in property_changes(b"{}", text_of(new))]
    assert len(set(paths)) == len(paths)


def test_nested_properties_are_named_by_their_path_and_keep_their_spelling() -> None:
    before = b'{"conditions": {"users": {"includeGroups": ["g1" , "g2"]}}, "n": 1.50}'
    after = b'{"conditions": {"users": {"includeGroups": ["g3","g1"]}}, "n": 2E+0}'
    groups, number = property_changes(before, after)
    assert (groups.path, groups.added, groups.removed) == (
        "conditions.users.includeGroups",
        [b'"g3"'],
        [b'"g2"'],
    )
    assert (groups.before, groups.after) == (b'["g1" , "g2"]', b'["g3","g1"]')
    assert (number.path, number.before, number.after, number.added) == ("n", b"1.50", b"2E+0", None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"a":null}', b"{}"),
        (b'{"a":1.0}', b'{"a":1E0}'),
        (b'{"a":-0.0}', b'{"a":0}'),
        (b'{"a":"\\u00e9"}', '{"a":"é"}'.encode()),
        (b'{"a":[1,2]}', b'{"a":[2,1]}'),
        (b'{"a":[{"x":1,"y":null}]}', b'{"a":[{"x":1}]}'),
        (b'{"@odata.type":"#microsoft.graph.user","id":"1"}', b'{"id":"1"}'),
        (b'{"a@odata.context":"x"}', b"{}"),
        (b'{"a":1,"a":2}', b'{"a":2}'),
        (b'{"a":"\\ud800", "b":1}', b'{"b":1,"a":"\\uD800"}'),
    ],
)
def test_different_spellings_of_one_meaning_are_equal(before: bytes, after: bytes) -> None:
    assert property_changes(before, after) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"a":true}', b'{"a":1}'),
        (b'{"a":"1"}', b'{"a":1}'),
        (b'{"a":12345678901234567890123456789012}', b'{"a":12345678901234567890123456789013}'),
        (b'{"a":0.1}', b'{"a":0.10000000000000001}'),
        (b'{"a":[1]}', b'{"a":[1,1]}'),
        (b'{"a":[]}', b'{"a":null}'),
        (b'{"a":"\\ud800"}', b'{"a":"\\ud801"}'),
        (b'{"a":{}}', b'{"a":[]}'),
        (b'{"a":1E+999999999999}', b'{"a":1E+999999999998}'),
        (b'{"a":1E+99999999999999999999}', b'{"a":1}'),
    ],
)
def test_different_meanings_differ(before: bytes, after: bytes) -> None:
    (change,) = property_changes(before, after)
    assert change.path == "a"


def test_ignored_properties_are_left_out_at_any_depth() -> None:
    before, after = b'{"a":1,"b":{"c":1,"d":1}}', b'{"a":2,"b":{"c":2,"d":2}}'
    assert [each.path for each in property_changes(before, after, {"a", "b.c"})] == ["b.d"]


def test_a_property_is_within_itself_and_the_properties_around_it() -> None:
    assert within("conditions.users", {"conditions"})
    assert within("conditions", {"conditions"})
    assert not within("conditionsToo", {"conditions"})


def test_a_value_nested_too_deeply_to_parse_is_compared_as_a_whole() -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    (change,) = property_changes(deep, b"{}")
    assert (change.path, change.before) == ("", deep)


def test_texts_that_are_not_json_equal_only_themselves() -> None:
    assert members(b'{"a":1') is None
    assert members(b'{"a" 1, "\\ud800":1}') is None
    assert elements(b"[1") is None
    assert canonical(b"[NaN]") != canonical(b"[ NaN]")


def test_slices_keep_text_that_fast_parsers_refuse() -> None:
    assert members(b'{ "\\ud800" : "\\ud801" , "b" : [ 1 ,"\\ud802"] }') == {
        "\ud800": b'"\\ud801"',
        "b": b'[ 1 ,"\\ud802"]',
    }
    assert elements(b'[ "\\ud800" ,{"a": 1.0}, 2 ]') == [b'"\\ud800"', b'{"a": 1.0}', b"2"]


def test_the_ends_of_a_link_are_ids_in_the_spelling_of_graph() -> None:
    assert link_ends("groups/g%2F1/members/%C3%A9") == ("g/1", "é")
