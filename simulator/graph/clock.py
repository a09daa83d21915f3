"""The directory's clock: real time plus the days by which tests have advanced it, so that tokens and cursors expire."""

import time
from datetime import UTC, datetime


class SimulatedClock:
    """A clock that can be advanced."""

    def __init__(self) -> None:
        self._offset = 0.0

    def advance(self, days: float) -> None:
        """Advance the clock by so many days."""
        self._offset += days * 86400

    def now(self) -> float:
        """Return the time in seconds since 1970, UTC."""
        return time.time() + self._offset

    def text(self) -> str:
        """Return the time as Graph writes it on users and groups: whole seconds and `Z`."""
        return self.date().strftime("%Y-%m-%dT%H:%M:%SZ")

    def precise(self) -> str:
        """Return the time as Graph writes it on applications, assignments and policies: seven decimals and `Z`."""
        return self.date().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")

    def date(self) -> datetime:
        """Return the time as a datetime, UTC."""
        return datetime.fromtimestamp(self.now(), UTC)
