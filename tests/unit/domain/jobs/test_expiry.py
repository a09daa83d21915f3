"""What an expired claim means, and when a foreground claim has expired."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.jobs.expiry import Expired, effect_of, is_foreground_expired

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lost", "foreground", "effect"),
    [
        (1, False, Expired.QUEUED),
        (4, False, Expired.QUEUED),
        (5, False, Expired.LOST),
        (6, False, Expired.LOST),
        (1, True, Expired.INTERRUPTED),
        (5, True, Expired.INTERRUPTED),
    ],
)
def test_a_step_is_queued_again_until_it_has_lost_too_many_claims(lost: int, foreground: bool, effect: Expired) -> None:
    assert effect_of(lost, 5, foreground=foreground) is effect


@pytest.mark.parametrize(
    ("until", "expired"), [(-1, True), (0, True), (1, False), (30, False), (31, True), (3600, True)]
)
def test_a_foreground_claim_that_ends_later_than_it_could_has_expired_too(until: float, expired: bool) -> None:
    assert is_foreground_expired(NOW + timedelta(seconds=until), NOW, 30.0) is expired
