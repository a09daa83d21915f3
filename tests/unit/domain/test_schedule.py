"""Due times: cron, time zones, and years of both."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Code, Refuse
from shared.domain.schedule import next_due

crons = st.sampled_from(["* * * * *", "0 */6 * * *", "30 2 * * *", "0 0 1 * *", "15 3 * * 1-5", "*/7 8-18 * 2,11 *"])
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
times = st.datetimes(datetime(2024, 1, 1), datetime(2034, 1, 1), timezones=st.just(UTC))


@given(crons, zones, times)
def test_the_next_due_time_is_in_the_future_and_two_beats_agree_on_it(cron: str, zone: str, after: datetime) -> None:
    due = next_due(cron, zone, after)
    assert due > after
    assert due.tzinfo is UTC
    assert next_due(cron, zone, due - timedelta(seconds=1)) == due


@given(crons, zones, times, st.integers(0, 10_000_000))
def test_missed_due_times_collapse_into_the_next_one(cron: str, zone: str, after: datetime, late: int) -> None:
    now = next_due(cron, zone, after) + timedelta(seconds=late)
    assert next_due(cron, zone, now) > now


def test_a_schedule_keeps_local_time_when_clocks_change() -> None:
    assert next_due("0 6 * * *", "Europe/Berlin", datetime(2026, 3, 27, 12, tzinfo=UTC)).hour == 5
    assert next_due("0 6 * * *", "Europe/Berlin", datetime(2026, 3, 29, 12, tzinfo=UTC)).hour == 4


def test_a_local_time_that_comes_twice_is_due_once() -> None:
    first = next_due("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert next_due("30 2 * * *", "Europe/Berlin", first) - first >= timedelta(hours=23)


def test_a_local_time_that_does_not_exist_is_due_the_same_day() -> None:
    due = next_due("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert due.date() == datetime(2026, 3, 29, tzinfo=UTC).date()


@pytest.mark.parametrize(
    ("cron", "zone", "sentence"),
    [
        ("* * * *", "UTC", "five fields"),
        ("* * * * * *", "UTC", "five fields"),
        ("61 * * * *", "UTC", "out of range"),
        ("hourly please do it now", "UTC", "not a schedule"),
        ("0 0 31 2 *", "UTC", "'0 0 31 2 \\*'"),
        ("0 0 * * *", "Europe/Atlantis", "no time zone 'Europe/Atlantis'"),
        ("0 0 * * *", "../../etc/passwd", "no time zone"),
    ],
)
def test_text_that_is_no_schedule_is_refused_with_one_sentence(cron: str, zone: str, sentence: str) -> None:
    with pytest.raises(Refuse, match=sentence) as refusal:
        next_due(cron, zone, datetime(2026, 1, 1, tzinfo=UTC))
    assert refusal.value.code is Code.SETTINGS_INVALID
