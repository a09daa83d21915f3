"""JSON as text survives what msgspec refuses."""

import json

import pytest

from shared.domain.json_text import members, string

STRINGS = [b'"Ada"', b'"\\ud800x"', b'"a\xff"', b'"a" ', b'"a"x', b'"\x01"', b'"\\u0041\\n"', b'"', b"1", b"null"]


@pytest.mark.parametrize("text", STRINGS)
def test_a_string_is_read_as_the_standard_library_reads_it(text: bytes) -> None:
    try:
        expected = json.loads(text.decode("utf-8", "surrogateescape"))
    except ValueError:
        expected = None
    assert string(text) == (expected if isinstance(expected, str) else None)


def test_members_with_names_that_are_no_utf8_are_sliced() -> None:
    assert members(b'{"a\xff": 1.50, "b": "\\ud800"}') == {"a\udcff": b"1.50", "b": b'"\\ud800"'}
