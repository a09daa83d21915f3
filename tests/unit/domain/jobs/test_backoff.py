"""Every wait of a step and of its message, and how long trouble has lasted."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.jobs.backoff import (
    TroubleTimes,
    is_progress,
    resend_wait,
    retry_wait,
    shortest_wait,
    trouble_times,
)

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(("sends", "wait"), [(0, 5), (1, 10), (2, 20), (4, 80), (5, 120), (63, 120), (10_000, 120)])
def test_the_wait_before_a_message_is_sent_again_doubles_up_to_the_longest(sends: int, wait: float) -> None:
    assert resend_wait(sends, 5.0, 120.0) == wait


@pytest.mark.parametrize(
    ("requested", "wait"), [(None, 5), (0.0, 5), (3.0, 5), (30.0, 30), (3600.0, 3600), (1e9, 3600)]
)
def test_a_server_may_ask_for_a_longer_wait_up_to_an_hour(requested: float | None, wait: float) -> None:
    assert shortest_wait(requested, 5.0, 3600.0) == wait


@pytest.mark.parametrize(
    ("shortest", "lasted", "wait"), [(5, 0, 5), (5, 20, 5), (5, 40, 10), (5, 240, 60), (5, 20_000, 60), (900, 400, 900)]
)
def test_waits_grow_with_trouble_up_to_a_minute_or_the_retry_after_of_the_server(
    shortest: float, lasted: float, wait: float
) -> None:
    assert retry_wait(shortest, lasted) == wait


@pytest.mark.parametrize(
    ("since", "alone_since", "retry_at", "alone", "expected"),
    [
        (None, None, None, False, (0, None)),
        (None, None, None, True, (0, 0)),
        (100, None, 10, False, (100, None)),
        (100, None, 10, True, (100, 0)),
        (100, 40, 10, True, (100, 40)),
        (100, 40, 10, False, (100, None)),
        (2000, 1500, 900, True, (2000, 1500)),
        (2000, 1500, 901, True, (1099, 599)),
        (2000, 1950, 1900, True, (100, 50)),
    ],
    ids=[
        "first",
        "first, alone",
        "lasts",
        "alone from now on",
        "alone still",
        "alone no longer",
        "the longest gap that counts",
        "a gap without a try",
        "nothing tried for long",
    ],
)
def test_trouble_lasts_since_it_began_without_gaps_in_which_nothing_was_tried(
    since: float | None,
    alone_since: float | None,
    retry_at: float | None,
    alone: bool,
    expected: tuple[float, float | None],
) -> None:
    before = None if since is None else TroubleTimes(ago(since), None if alone_since is None else ago(alone_since))
    times = trouble_times(before, None if retry_at is None else ago(retry_at), NOW, alone=alone)
    assert times == TroubleTimes(ago(expected[0]), None if expected[1] is None else ago(expected[1]))


@pytest.mark.parametrize(("fresh_starts", "progress"), [(0, True), (1, True), (2, False), (9, False)])
def test_a_step_that_starts_over_again_and_again_makes_no_progress(fresh_starts: int, progress: bool) -> None:
    assert is_progress(fresh_starts) is progress
