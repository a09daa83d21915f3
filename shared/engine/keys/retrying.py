"""Retry while KMS is in trouble, for at most as long as a lease lasts."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from shared.domain.errors import KeyTrouble

T = TypeVar("T")
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds to back off. The wait doubles with each try, with full jitter."""


def retry_kms(call: Callable[[], T], seconds: float, check: Callable[[], None] = lambda: None) -> T:
    """Return the result of ``call``. Retry it after ``KeyTrouble`` for ``seconds``, then raise the last trouble.

    ``check`` is called before and after each wait. An error that it raises ends the retries.
    """
    end = time.monotonic() + seconds
    wait = FIRST_WAIT
    while True:
        try:
            return call()
        except KeyTrouble as trouble:
            pause = max(trouble.after or 0.0, random.uniform(0.0, wait))
            if time.monotonic() + pause >= end:
                raise
        check()
        time.sleep(pause)
        check()
        wait = min(LONGEST_WAIT, wait * 2)


def seconds_since(started_at: float | None) -> float:
    """Return the seconds since this time of the monotonic clock, 0 if the time is None."""
    return 0.0 if started_at is None else max(0.0, time.monotonic() - started_at)
