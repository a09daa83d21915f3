"""Retry while KMS is in trouble, for at most as long as a lease lasts."""

import itertools
import time
from collections.abc import Callable
from typing import TypeVar

from shared.domain.deadline import Deadline
from shared.domain.errors import KeyTrouble
from shared.domain.limits import LIMITS

T = TypeVar("T")


def retry_kms(call: Callable[[], T], deadline: Deadline, check: Callable[[], None] = lambda: None) -> T:
    """Return the result of ``call``. Retry it after ``KeyTrouble`` until ``deadline``, then raise the last trouble.

    ``check`` is called before and after each wait. An error that it raises ends the retries.
    """
    for waits in itertools.count():
        try:
            return call()
        except KeyTrouble as trouble:
            pause = max(trouble.after or 0.0, LIMITS.kms_backoff.wait(waits))
            if pause >= deadline.remaining:
                raise
        check()
        time.sleep(pause)
        check()
    raise AssertionError("the loop has no end of its own")
