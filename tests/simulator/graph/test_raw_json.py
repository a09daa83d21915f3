"""Members of JSON objects are read, merged and picked without a change to any other byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.graph import raw_json

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
_OBJECT = st.dictionaries(st.text(), _JSON, max_size=6)
_INDENT = st.sampled_from((None, 1, 4))


@given(_OBJECT, _INDENT, st.booleans())
def test_each_member_is_returned_with_its_bytes(value: dict[str, object], indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii).encode("utf-8", "surrogatepass")
    members = raw_json.members(text)
    assert [member.name for member in members] == list(value)
    assert [json.loads(text[member.value : member.stop]) for member in members] == list(value.values())


@given(_OBJECT, _INDENT, st.booleans())
def test_values_by_name_have_the_same_bytes(value: dict[str, object], indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii).encode("utf-8", "surrogatepass")
    members = raw_json.members(text)
    assert raw_json.values(text) == {member.name: text[member.value : member.stop] for member in members}


def test_values_keep_numbers_and_lone_surrogates_and_the_last_duplicate() -> None:
    text = b'{"n": 1E+2 ,"z":-0.0,"a":1,"lone":"\\ud800","a":{"b" :[2 ]}}'
    assert raw_json.values(text) == {"n": b"1E+2", "z": b"-0.0", "a": b'{"b" :[2 ]}', "lone": b'"\\ud800"'}
    assert raw_json.member(text, "a") == b'{"b" :[2 ]}'
    assert raw_json.member(text, "b") is None
    assert raw_json.text(b'{"a":"\\u00fc","b":2}', "a") == "ü"
    assert raw_json.text(b'{"a":"x","b":2}', "b") is raw_json.text(b"{}", "a") is None
    with pytest.raises(ValueError, match="an object is expected"):
        raw_json.values(b"[1]")


@given(_OBJECT, _OBJECT, _INDENT)
def test_a_merge_equals_a_dictionary_update(old: dict[str, object], new: dict[str, object], indent: int | None) -> None:
    merged = raw_json.merged(json.dumps(old, indent=indent).encode(), json.dumps(new).encode())
    assert json.loads(merged) == {**old, **new}


@given(_OBJECT, st.lists(_JSON), _INDENT)
def test_prepended_and_appended_members_read_back(
    value: dict[str, object], added: list[object], indent: int | None
) -> None:
    text = json.dumps(value, indent=indent).encode()
    more = raw_json.written("members@delta", json.dumps(added).encode())
    for put in (raw_json.before, raw_json.after):
        assert json.loads(put(text, more)) == {**value, "members@delta": added}


def test_a_merge_keeps_the_bytes_of_unchanged_members() -> None:
    old = b'{ "n" : 1E+2,"z":-0.0, "a":"\\ud800", "a":"caf\\u00e9" ,"id":"x"}'
    assert raw_json.merged(old, b'{"a": [1, 2],"new":1.0}') == (
        b'{ "n" : 1E+2,"z":-0.0, "a":"\\ud800", "a":[1, 2] ,"id":"x","new":1.0}'
    )


def test_a_pick_keeps_the_order_and_returns_null_for_missing_members() -> None:
    text = b'{"b":1.0,"a":{"id":"inner"},"id":"x"}'
    assert raw_json.picked(text, {"id", "b", "c"}, ("b", "c")) == b'{"b":1.0,"id":"x","c":null}'


def test_elements_of_a_list_keep_their_bytes() -> None:
    assert raw_json.elements(b' [ {"a":[1,"]"]} ,2,"x" ] ') == [b'{"a":[1,"]"]}', b"2", b'"x"']


@pytest.mark.parametrize("text", [b'{"a":', b"{,}", b'{"a":NaN}', b"\xff", b"[" * 100_000])
def test_text_that_is_no_json_is_refused_with_one_sentence(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        raw_json.valid(text)
