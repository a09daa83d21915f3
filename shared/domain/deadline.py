"""Deadline: a time limit on a clock that never goes back."""

from collections.abc import Callable


class Deadline:
    """The end of a time limit that begins when the object is created. It never changes, so any thread may read it."""

    __slots__ = ("_ends_at", "_now")

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        """Begin a limit of ``seconds``. ``now`` returns the seconds of a monotonic clock."""
        self._now = now
        self._ends_at = now() + seconds

    @property
    def remaining(self) -> float:
        """Return the remaining seconds, 0 if the limit is over."""
        return max(0.0, self._ends_at - self._now())

    @property
    def over(self) -> bool:
        """Return whether the limit is over."""
        return self._now() >= self._ends_at


def seconds_since(started_at: float | None, now: Callable[[], float]) -> float:
    """Return the seconds since ``started_at`` on the monotonic clock ``now``, or 0 if ``started_at`` is None."""
    return 0.0 if started_at is None else max(0.0, now() - started_at)
