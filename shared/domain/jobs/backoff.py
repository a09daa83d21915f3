"""Compute every wait of a step and of its message, and how long a step has been in trouble."""

from datetime import datetime, timedelta
from typing import NamedTuple

from shared.domain.backoff import Backoff

_SLOWEST = 60.0
"""Longest wait in seconds between two tries in lasting trouble, unless Graph or KMS asks for more."""
_APART = timedelta(seconds=900)
"""A gap without a try after the time of the retry. A longer gap does not count as time in trouble."""
_FRESH_STARTS = 2
"""After this many fresh starts, a checkpoint does not prove that trouble is over."""


class TroubleTimes(NamedTuple):
    """The times of a step's trouble."""

    since: datetime
    """When the trouble began."""
    alone_since: datetime | None
    """Since when Graph has answered other streams meanwhile; None if it does not."""


def resend_wait(sends: int, first: float, longest: float) -> float:
    """Return the seconds until a message that was sent ``sends`` times is sent again. The wait doubles each time."""
    return Backoff(first=first, longest=longest).wait(sends)


def shortest_wait(requested: float | None, first: float, longest: float) -> float:
    """Return the least seconds until a step in trouble is retried.

    ``requested`` is the wait that the server asks for. ``longest`` limits it.
    """
    return min(max(requested or 0.0, first), longest)


def retry_wait(shortest: float, lasted: float) -> float:
    """Return the seconds until a step is retried.

    ``lasted`` is how long its trouble has lasted: the wait grows with it.
    """
    return max(shortest, min(lasted / 4, _SLOWEST))


def trouble_times(
    before: TroubleTimes | None, retry_at: datetime | None, now: datetime, *, alone: bool
) -> TroubleTimes:
    """Return the times of a step that is in trouble now.

    ``before`` has the times of the same trouble at the last failure, None if that trouble is over. ``retry_at`` is when
    the step was due to be retried. If the retry was late, perhaps because no worker ran, both times move forward by the
    delay.
    """
    if before is None or retry_at is None:
        return TroubleTimes(since=now, alone_since=now if alone else None)
    idle = now - retry_at
    idle = idle if idle > _APART else timedelta()
    alone_since = now if before.alone_since is None else before.alone_since + idle
    return TroubleTimes(since=before.since + idle, alone_since=alone_since if alone else None)


def is_progress(fresh_starts: int) -> bool:
    """Return True if a checkpoint ends the trouble of a step that has started over ``fresh_starts`` times."""
    return fresh_starts < _FRESH_STARTS
