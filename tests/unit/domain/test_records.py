"""Keys, lines and their order."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.records import (
    Line,
    decode_lines,
    encode_id,
    encode_line,
    encode_lines,
    is_prefix,
    prefix_tombstone,
    put,
    resource_of,
    tombstone,
)

ids = st.text(min_size=1, max_size=12)
values = st.sampled_from(
    [b"{}", b'{"id":"a"}', b'{"a":1E+2,"b":-0.0}', b'{"q":"\\ud800\\"}","gone":true}"}', b"[1, 2]"]
)


def member_key(group: str, member: str) -> bytes:
    return b"groups/" + encode_id(group) + b"/members/" + encode_id(member)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    owner, member = draw(ids), draw(ids)
    key = member_key(owner, member)
    match draw(st.integers(0, 3)):
        case 0:
            return put(b"groups.members", key, draw(values))
        case 1:
            return tombstone(b"groups.members", key)
        case 2:
            return prefix_tombstone(b"groups.members", b"groups/" + encode_id(owner) + b"/members/")
        case _:
            return prefix_tombstone(b"groups.members", b"")


@given(st.lists(lines(), min_size=1, max_size=5))
def test_lines_read_back_as_they_were_written(lines: list[Line]) -> None:
    assert decode_lines(encode_lines(lines)) == lines


@given(lines())
def test_a_line_is_one_line_of_json(line: Line) -> None:
    text = encode_line(line)
    assert b"\n" not in text
    if b"\\ud800" not in text:
        assert isinstance(msgspec.json.decode(text), dict)


@given(ids, ids)
def test_a_key_names_its_resource(owner: str, member: str) -> None:
    assert resource_of(member_key(owner, member)) == b"groups.members"


@given(ids)
def test_an_id_in_a_key_has_no_separator_and_no_quote(text: str) -> None:
    assert not set(encode_id(text)) & set(b'/"\0\n\\ ')


def test_ids_are_escaped_in_upper_case_and_plain_ids_are_kept() -> None:
    assert encode_id("Az09-._~@") == b"Az09-._~@"
    assert encode_id("a/b ä") == b"a%2Fb%20%C3%A4"


def test_an_unpaired_surrogate_in_an_id_is_kept_distinct_from_others() -> None:
    assert encode_id("\ud800") == b"%ED%A0%80"


@given(ids, ids)
def test_a_prefix_sorts_before_every_key_that_begins_with_it(owner: str, member: str) -> None:
    key = tombstone(b"groups.members", member_key(owner, member))[0]
    for prefix in (b"", b"groups/" + encode_id(owner) + b"/members/"):
        order = prefix_tombstone(b"groups.members", prefix)[0]
        assert is_prefix(order)
        assert order < key
        assert key.startswith(order)
    assert not is_prefix(key)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b'{"key":""}',
        b'{"key":"users/1"}',
        b'{"resource":"users","prefix":"users/1","gone":true}',
        b'{"resource":"","prefix":"","gone":true}',
        b'x{"key":"users/1","value":{}}',
        b'{"key":"users/1","value":{}} ',
        b'{"key":"users/1","value":{}}\n',
        b'\n{"key":"users/1","value":{}}',
        b'{"key":"users/1\n","value":{}}',
        b'{"key":"users/1","value":{}}\n{"key":"users/2"}\n{"key":"users/3","gone":true}',
    ],
)
def test_text_that_is_no_line_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="not a line"):
        decode_lines(text)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("0B6C6F8E-7A43-4A5D-9A8C-6F0A2F6D3C11", b"0b6c6f8e-7a43-4a5d-9a8c-6f0a2f6d3c11"),
        ("01234567-0123-0123-0123-012345678901", b"01234567-0123-0123-0123-012345678901"),
        ("FXUGrWj0r0uBjVg2DkG4CMC3mJ9Xv1JJkx9z", b"FXUGrWj0r0uBjVg2DkG4CMC3mJ9Xv1JJkx9z"),
        ("0B6C6F8E-7A43-4A5D-9A8C-6F0A2F6D3C11x", b"0B6C6F8E-7A43-4A5D-9A8C-6F0A2F6D3C11x"),
    ],
)
def test_only_guids_compare_without_case(text: str, encoded: bytes) -> None:
    assert encode_id(text) == encoded
