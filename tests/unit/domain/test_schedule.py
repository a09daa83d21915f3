"""Due times: cron, time zones, and years of both."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Code, Refuse
from shared.domain.schedule import in_words, longest_gap, next_due, upcoming

crons = st.sampled_from(["* * * * *", "0 */6 * * *", "30 2 * * *", "0 0 1 * *", "15 3 * * 1-5", "*/7 8-18 * 2,11 *"])
frequent = st.sampled_from(
    ["0 */2 * * *", "*/30 1-3 * * *", "0,30 2 * * *", "10 1,2,3 * * *", "5 * * * *", "0 0 * * *"]
)
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


def test_a_schedule_set_while_an_hour_repeats_is_due_in_the_future() -> None:
    repeated = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 in Berlin, for the second time
    assert next_due("30 2 * * *", "Europe/Berlin", repeated) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@given(crons | frequent, zones, times, st.integers(0, 59))
def test_the_next_runs_are_those_for_which_a_beat_that_is_seconds_late_creates_jobs(
    cron: str, zone: str, after: datetime, late: int
) -> None:
    due, jobs = next_due(cron, zone, after), []
    for _ in range(10):
        jobs.append(due)
        due = next_due(cron, zone, due + timedelta(seconds=late))
    assert upcoming(cron, zone, after, 10) == jobs


@given(frequent, zones, times)
def test_no_gap_of_the_next_fortnight_exceeds_the_longest_one(cron: str, zone: str, now: datetime) -> None:
    longest = longest_gap(cron, zone, now)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    due, gaps = next_due(cron, zone, day), []
    while due <= day + timedelta(days=14):
        following = next_due(cron, zone, due)
        gaps.append(following - due)
        due = following
    assert longest == max(gaps)


def test_a_schedule_that_is_due_rarely_has_the_time_between_two_backups_as_its_gap() -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    assert longest_gap("0 0 15 * *", "UTC", now) == timedelta(days=31)
    assert longest_gap("0 0 29 2 *", "UTC", now) == timedelta(days=4 * 365 + 1)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 */6 * * *", "At minute 0 past every sixth hour"),
        ("30 2 * * 1-5", "At 02:30 on Monday through Friday"),
        ("0 0 L * *", "At 00:00 on the last day of every month"),
    ],
)
def test_a_cron_expression_is_explained_in_words(cron: str, words: str) -> None:
    assert in_words(cron) == words


@pytest.mark.parametrize(
    ("cron", "zone", "sentence"),
    [
        ("* * * *", "UTC", "five fields"),
        ("* * * * * *", "UTC", "five fields"),
        ("61 * * * *", "UTC", "the minute is wrong or out of range"),
        ("0 0 30 2 *", "UTC", "the day of month is wrong or out of range, or no month has such a day"),
        ("0 0 * * 8", "UTC", "the day of week is wrong or out of range."),
        ("hourly please do it now", "UTC", "not a schedule"),
        ("0 0 31 2 *", "UTC", "'0 0 31 2 \\*'"),
        ("0 0 */31 2 1#2", "UTC", "never comes true"),
        (f"{'9' * 5000} * * * *", "UTC", "not a schedule"),
        ("0 0 * * *", "Europe/Atlantis", "no time zone 'Europe/Atlantis'"),
        ("0 0 * * *", "../../etc/passwd", "no time zone"),
    ],
)
def test_text_that_is_no_schedule_is_refused_with_one_sentence(cron: str, zone: str, sentence: str) -> None:
    with pytest.raises(Refuse, match=sentence) as refusal:
        next_due(cron, zone, datetime(2026, 1, 1, tzinfo=UTC))
    assert refusal.value.code is Code.SETTINGS_INVALID
