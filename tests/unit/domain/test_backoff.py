"""Back-off: each wait is longer than the previous one, up to the longest, with the jitter of the policy."""

from shared.domain.backoff import Backoff


def test_waits_grow_by_the_factor_up_to_the_longest() -> None:
    backoff = Backoff(first=1.0, longest=20.0, factor=3.0)
    assert [backoff.wait(previous) for previous in range(5)] == [1.0, 3.0, 9.0, 20.0, 20.0]


def test_after_a_million_tries_a_wait_is_the_longest_wait() -> None:
    assert Backoff(first=0.5, longest=60.0).wait(1_000_000) == 60.0


def test_jitter_makes_only_its_share_of_a_wait_random() -> None:
    half, full = Backoff(first=8.0, longest=8.0, jitter=0.5), Backoff(first=8.0, longest=8.0, jitter=1.0)
    halves, wholes = ([backoff.wait(0) for _ in range(500)] for backoff in (half, full))
    assert 4.0 <= min(halves) < 5.0 < 7.0 < max(halves) <= 8.0
    assert 0.0 <= min(wholes) < 1.0 < 7.0 < max(wholes) <= 8.0
