"""The simulator's own clock: real time plus the days that a test has let pass."""

import threading
import time

SECONDS_A_DAY = 86_400


class Clock:
    """Seconds since 1970, UTC. It can be set forward, never back."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the simulated time in seconds since 1970."""
        return time.time() + self._ahead

    @property
    def ahead(self) -> float:
        """Return how many seconds the simulated time is ahead of the real one."""
        return self._ahead

    def advance(self, days: float) -> None:
        """Let `days` pass at once. Raises ValueError for a negative number."""
        if days < 0:
            raise ValueError("The clock only goes forward.")
        with self._lock:
            self._ahead += days * SECONDS_A_DAY
