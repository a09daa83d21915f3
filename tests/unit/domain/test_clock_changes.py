"""Clock changes: what is said about them is what a beat does that asks for the next due time after each run."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.clock_changes import Effect, clock_changes
from shared.domain.errors import Code, Refuse
from shared.domain.schedule import next_due

NOW = datetime(2026, 11, 30, 20, tzinfo=UTC)
HOURS = timedelta(hours=30)
crons = st.one_of(
    st.sampled_from(
        ["30 2 * * *", "0 */2 * * *", "0,30 2 * * *", "*/20 * * * *", "0 2,3 * * *", "0 0 * * *", "0 9 * * 1-5"]
    ),
    st.builds("{} {} * * *".format, st.integers(0, 59), st.integers(0, 4)),
    st.builds("{}-59/15 0-4 * * *".format, st.integers(0, 14)),
    st.builds("*/10 {} * * {}".format, st.integers(0, 4), st.sampled_from(["*", "0", "6", "*/2"])),
)
zones = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "America/Santiago", "Atlantic/Azores", "Australia/Lord_Howe", "Africa/Cairo"]
)


def runs(cron: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    """Return the due times that a beat which is a second late creates jobs for."""
    due, jobs = next_due(cron, zone, begin), []
    while due < end:
        jobs.append(due)
        due = next_due(cron, zone, due + timedelta(seconds=1))
    return jobs


@given(crons, zones, st.datetimes(datetime(2025, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)))
@example("*/10 0 * * 0", "America/Santiago", datetime(2025, 1, 1, tzinfo=UTC))
def test_the_effect_of_a_clock_change_is_what_the_scheduler_does(cron: str, zone: str, now: datetime) -> None:
    for change in clock_changes(cron, zone, now):
        jobs = runs(cron, zone, change.at - HOURS, change.at + HOURS)
        local = Counter(job.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for job in jobs)
        counts = {local[time] for time in change.times}
        expected = {
            Effect.NONE: set(),
            Effect.MOVED: {0},
            Effect.LEFT_OUT: {0},
            Effect.ONCE: {1},
            Effect.TWICE: {2},
        }
        assert counts == expected[change.effect]
        assert next((job for job in jobs if job >= change.at), change.next_run) == change.next_run
        if change.effect is Effect.MOVED:
            assert change.at in jobs
        elif change.effect is Effect.LEFT_OUT and change.at in jobs:
            assert due_by_the_clock(cron, change.after)


def due_by_the_clock(cron: str, wall: datetime) -> bool:
    """Return True if the cron expression names this local time."""
    return next_due(cron, "UTC", wall.replace(tzinfo=UTC) - timedelta(seconds=1)) == wall.replace(tzinfo=UTC)


@given(zones, st.datetimes(datetime(2025, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)))
def test_every_change_of_the_coming_year_is_listed(zone: str, now: datetime) -> None:
    offsets = [(now + timedelta(hours=hour)).astimezone(ZoneInfo(zone)).utcoffset() for hour in range(366 * 24)]
    count = sum(a != b for a, b in pairwise(offsets))
    changes = clock_changes("0 12 * * *", zone, now)
    assert len([each for each in changes if each.at <= now + timedelta(hours=366 * 24 - 1)]) == count
    assert [each.at for each in changes] == sorted(each.at for each in changes)


@pytest.mark.parametrize(
    ("cron", "spring", "autumn"),
    [
        ("30 2 * * *", Effect.MOVED, Effect.ONCE),
        ("0 */2 * * *", Effect.LEFT_OUT, Effect.TWICE),
        ("0 2,3 * * *", Effect.LEFT_OUT, Effect.ONCE),
        ("0 12 * * *", Effect.NONE, Effect.NONE),
    ],
)
def test_the_changes_of_a_year_in_berlin(cron: str, spring: Effect, autumn: Effect) -> None:
    forward, back = clock_changes(cron, "Europe/Berlin", NOW)
    assert (forward.forward, back.forward) == (True, False)
    assert (forward.before, forward.after) == (datetime(2027, 3, 28, 2), datetime(2027, 3, 28, 3))
    assert (back.before, back.after) == (datetime(2027, 10, 31, 3), datetime(2027, 10, 31, 2))
    assert (forward.effect, back.effect) == (spring, autumn)


def test_a_zone_without_clock_changes_has_none() -> None:
    assert clock_changes("30 2 * * *", "UTC", NOW) == []


def test_a_schedule_that_is_never_due_is_refused() -> None:
    with pytest.raises(Refuse, match="no month has such a day") as refusal:
        clock_changes("0 0 30 2 *", "Europe/Berlin", NOW)
    assert refusal.value.code is Code.SETTINGS_INVALID
