"""Trying again while KMS is in trouble, for as long as a lease lasts."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from shared.domain.errors import KeyTrouble

T = TypeVar("T")
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds; doubled each time, with full jitter."""


def patiently(call: Callable[[], T], seconds: float, check: Callable[[], None] = lambda: None) -> T:
    """What ``call`` returns; it is made again after ``KeyTrouble`` until ``seconds`` are over, then that is raised.

    ``check`` is called before each further try; what it raises ends the trying.
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


def seconds_since(begun: float | None) -> float:
    """Seconds since this time of the monotonic clock; 0 if it is not known."""
    return 0.0 if begun is None else max(0.0, time.monotonic() - begun)
