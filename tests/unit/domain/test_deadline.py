"""Deadline: a time limit that the given clock alone decides."""

from shared.domain.deadline import Deadline, seconds_since


class Time:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_deadline_is_over_exactly_at_its_end() -> None:
    clock = Time()
    deadline = Deadline(60.0, clock)
    assert (deadline.remaining, deadline.over) == (60.0, False)
    clock.seconds += 59.5
    assert (deadline.remaining, deadline.over) == (0.5, False)
    clock.seconds += 0.5
    assert (deadline.remaining, deadline.over) == (0.0, True)
    clock.seconds += 100.0
    assert (deadline.remaining, deadline.over) == (0.0, True)


def test_seconds_since_an_unknown_start_are_none_and_never_negative() -> None:
    clock = Time()
    assert [seconds_since(start, clock) for start in (None, 990.0, 1001.0)] == [0.0, 10.0, 0.0]
