"""Numbers and lengths of time in words."""

from datetime import timedelta

import pytest

from console.documents.words import counted, duration


def test_a_count_of_one_is_singular() -> None:
    assert counted(1, "record") == "1 record"
    assert counted(2000, "record") == "2,000 records"
    assert counted(0, "entry", "entries") == "0 entries"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (40, "40 s"),
        (60, "1 min"),
        (131, "2 min 11 s"),
        (3605, "1 h"),
        (90000, "1 d 1 h"),
        (86400 * 1200, "1,200 d"),
        (-5, "0 s"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words
