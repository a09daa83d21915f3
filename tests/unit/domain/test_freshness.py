"""The RPO's target and the state that follows from both."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.freshness import Freshness, freshness, rpo_target

NOW = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("cron", "zone", "target"),
    [
        ("0 * * * *", "UTC", timedelta(minutes=75)),
        ("0 */6 * * *", "Europe/Berlin", timedelta(hours=7, minutes=30)),
        ("* * * * *", "UTC", timedelta(minutes=10)),
        ("0 8-18 * * 1-5", "UTC", timedelta(hours=62) * 5 / 4),  # from Friday evening to Monday morning
        ("0 3 1 * *", "UTC", timedelta(days=31) * 5 / 4),  # rarer than the 14 days
        ("0 3 * * *", "Nowhere/Else", None),
        ("0 0 31 2 *", "UTC", None),
    ],
)
def test_the_target_is_the_longest_gap_of_the_schedule_and_a_quarter(
    cron: str, zone: str, target: timedelta | None
) -> None:
    assert rpo_target(cron, zone, NOW) == target


def test_the_hour_that_clocks_are_put_back_counts_for_the_target() -> None:
    before_autumn = datetime(2026, 10, 20, tzinfo=UTC)
    assert rpo_target("0 3 * * *", "Europe/Berlin", before_autumn) == timedelta(hours=25) * 5 / 4
    assert rpo_target("0 3 * * *", "Europe/Berlin", NOW) == timedelta(hours=24) * 5 / 4


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"rpo": HOUR}, Freshness.FRESH),
        ({"rpo": HOUR + timedelta(seconds=1)}, Freshness.LATE),
        ({"rpo": 2 * HOUR}, Freshness.LATE),
        ({"rpo": 2 * HOUR + timedelta(seconds=1)}, Freshness.OVERDUE),
        ({"rpo": None}, Freshness.NEVER),
        ({"rpo": 9 * HOUR, "paused": True}, Freshness.PAUSED),
        ({"rpo": None, "paused": True}, Freshness.NEVER),
        ({"rpo": HOUR, "target": None}, Freshness.UNSCHEDULED),
        ({"rpo": HOUR, "refused": True}, Freshness.HELD),
        ({"rpo": None, "target": None, "paused": True, "refused": True}, Freshness.HELD),
    ],
)
def test_the_state_follows_from_the_rpo_the_target_the_schedule_and_the_key(
    values: dict[str, object], state: Freshness
) -> None:
    given: dict[str, object] = {"target": HOUR, "paused": False, "refused": False, **values}
    assert freshness(**given) is state  # type: ignore[arg-type]


def test_a_refused_key_is_the_worst_state_and_fresh_the_best() -> None:
    assert sorted(Freshness, key=lambda state: state.rank) == list(Freshness)
    assert (Freshness.HELD.rank, Freshness.FRESH.rank) == (0, len(Freshness) - 1)
