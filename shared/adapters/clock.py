"""The system's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """What the machine says. The only place of the product that asks it for the time of day."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
