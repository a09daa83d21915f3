"""The directory's time: the real one, moved forward by whoever asks, so that tokens and cursors expire at once."""

import time
from datetime import UTC, datetime


class SimulatedClock:
    """Seconds since 1970, plus what was added."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def advance(self, days: float) -> None:
        """Moves the time forward by so many days."""
        self._ahead += days * 86400

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time() + self._ahead

    def text(self) -> str:
        """The time as Graph writes it on users and groups: whole seconds and `Z`."""
        return self.date().strftime("%Y-%m-%dT%H:%M:%SZ")

    def precise(self) -> str:
        """The time as Graph writes it on applications, assignments and policies: seven digits of a second and `Z`."""
        return self.date().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")

    def date(self) -> datetime:
        """The time as a datetime, UTC."""
        return datetime.fromtimestamp(self.now(), UTC)
