"""Back-off: how long to wait before the next try."""

import random

import msgspec

_MOST_GROWTHS = 64
"""Growths after which a wait stays the same. A float would overflow after some thousand."""


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Waits that grow with each failed try, up to the longest."""

    first: float
    """The first wait, in seconds."""
    longest: float
    """The longest wait, in seconds."""
    factor: float = 2.0
    """The factor by which each wait is longer than the previous one."""
    jitter: float = 0.0
    """The random share of each wait, from 0 (none) to 1 (full jitter)."""

    def wait(self, previous: int) -> float:
        """Return the seconds to wait after ``previous`` waits: 0 gives the first wait."""
        grown = min(self.longest, self.first * self.factor ** min(previous, _MOST_GROWTHS))
        return grown * random.uniform(1.0 - self.jitter, 1.0)
