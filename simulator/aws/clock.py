"""The simulator's clock: real time plus the days by which tests have advanced it."""

import threading
import time

SECONDS_A_DAY = 86_400


class Clock:
    """A clock in seconds since 1970, UTC. It can be advanced, never set back."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the simulated time in seconds since 1970."""
        return time.time() + self._offset

    @property
    def offset(self) -> float:
        """Return the seconds by which the simulated time is ahead of the real time."""
        return self._offset

    def advance(self, days: float) -> None:
        """Advance the clock by `days`. Raises ValueError for a negative number."""
        if days < 0:
            raise ValueError("The clock only goes forward.")
        with self._lock:
            self._offset += days * SECONDS_A_DAY
