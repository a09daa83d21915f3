"""A look at the store now and then, beside a loop that must not wait for it."""

import signal
import threading
from collections.abc import Callable

from shared.domain.errors import EntrakeepError

_WELL, _WRONG = 60.0, 10.0
"""Seconds between two looks at a store that is well, and at one that is not."""


class StoreWatch:
    """Looks at the store in a thread of its own, as a bucket may take long to answer. Use as a context manager.

    ``look`` raises what is wrong with the store.
    """

    def __init__(self, look: Callable[[], None], well: float = _WELL, wrong: float = _WRONG) -> None:
        self._look = look
        self._well, self._wrong = well, wrong
        self._problem: EntrakeepError | None = None
        self._reported: EntrakeepError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="store", daemon=True)

    def __enter__(self) -> "StoreWatch":
        # The thread inherits the mask: signals are the loop's to wait for.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()  # a look under way is not waited for

    def news(self) -> str | None:
        """Return what has changed since the last call, as a line for people; None if nothing has."""
        problem, reported = self._problem, self._reported
        self._reported = problem
        if problem is not None:
            return None if str(problem) == str(reported) else f"attention: {problem}"
        return None if reported is None else f"recovered: the store can be used again, after {reported.code}"

    def _watch(self) -> None:
        while True:
            try:
                self._look()
                self._problem = None
            except EntrakeepError as error:
                self._problem = error
            if self._stop.wait(self._well if self._problem is None else self._wrong):
                return
