"""The history of a key by day, and for how long it is worth saying that a key answers again."""

from datetime import UTC, date, datetime, timedelta

from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition, KeyDay, KeyEvent, KeyHealth, KeyWarning, days_of, regained

OK, REVOKED, SILENT = KeyCondition.OK, KeyCondition.REVOKED, KeyCondition.UNREACHABLE
ADDED = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
WARNING = KeyWarning(warning="deletion", message="Deletion.")


def event(day: int, hour: int, condition: KeyCondition, *warnings: KeyWarning) -> KeyEvent:
    code = None if condition is OK else Code.KEY_ACCESS_REVOKED
    at = datetime(2026, 11, day, hour, 0, tzinfo=UTC)
    return KeyEvent(number=1, at=at, arn="arn", condition=condition, code=code, message="", warnings=[*warnings])


def last_days(*history: KeyEvent, days: int = 6) -> list[KeyDay]:
    """Return the last days of a history that is given oldest first."""
    return days_of([*reversed(history)], ADDED, NOW, days)


def test_a_day_has_its_worst_condition_and_the_next_begins_with_the_last_one() -> None:
    days = last_days(event(28, 9, REVOKED), event(28, 10, OK), event(29, 23, SILENT))
    assert [each.day for each in days] == [date(2026, 11, day) for day in range(25, 31)]
    assert [each.condition for each in days] == [None, OK, OK, REVOKED, SILENT, SILENT]


def test_days_without_events_keep_the_condition_of_the_day_before() -> None:
    assert [each.condition for each in last_days(event(27, 9, REVOKED))] == [
        None,
        OK,
        REVOKED,
        REVOKED,
        REVOKED,
        REVOKED,
    ]
    assert [each.condition for each in last_days()] == [None, OK, OK, OK, OK, OK]


def test_events_before_the_first_day_decide_how_it_begins() -> None:
    assert [each.condition for each in last_days(event(27, 9, REVOKED), days=2)] == [REVOKED, REVOKED]
    answered = last_days(event(27, 9, REVOKED), event(28, 9, OK), days=2)
    assert [each.condition for each in answered] == [OK, OK]


def test_a_day_with_warnings_is_marked() -> None:
    days = last_days(event(28, 9, OK, WARNING), event(29, 9, OK))
    assert [each.warned for each in days] == [False, False, False, True, True, False]


def test_a_key_answers_again_for_a_day() -> None:
    health = KeyHealth(arn="arn", condition=OK, since=NOW - timedelta(hours=3))
    assert regained(health, ADDED, NOW)
    assert not regained(health, ADDED, NOW + timedelta(days=1))
    assert not regained(KeyHealth(arn="arn", condition=OK, since=ADDED), ADDED, ADDED + timedelta(hours=1)), (
        "always well"
    )
    assert not regained(KeyHealth(arn="arn", condition=REVOKED, since=NOW), ADDED, NOW)
