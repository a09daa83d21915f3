"""The lines that contain a text are chosen, also where only the record's escapes or its key contain it."""

import pytest

from shared.domain.records import put
from shared.vault.matching import Matching

LINES = [
    put(b"users", b"users/1", '{"displayName":"Jürgen Weiß"}'.encode()),
    put(b"users", b"users/2", b'{"displayName":"J\\u00FCRGEN"}'),
    put(b"users", b"users/3", b'{"displayName":"Ana"}'),
]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("JÜRGEN", [0, 1]),
        ("weiss", [0]),
        ("users/3", [2]),
        ('1 {"displayname', [0]),
        ("bianchi", []),
        ("", [0, 1, 2]),
    ],
)
def test_lines_with_the_text_in_key_or_value_are_chosen(text: str, chosen: list[int]) -> None:
    assert Matching(text).among(LINES) == [LINES[index] for index in chosen]
    for index, line in enumerate(LINES):
        assert Matching(text).among([line]) == ([line] if index in chosen else [])
