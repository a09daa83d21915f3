"""Read the system's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock. No other part of the product reads the time of day."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()
