"""Regular checks of the store in a thread, beside a loop that must not wait for them."""

import signal
import threading
from collections.abc import Callable

from shared.domain.errors import EntrakeepError


class StoreWatch:
    """A thread that checks the store, because a bucket may take long to answer. Use it as a context manager.

    ``look`` raises EntrakeepError if the store cannot be used. ``well`` and ``wrong`` are the seconds between two checks
    after a good one and after a bad one.
    """

    def __init__(self, look: Callable[[], None], well: float, wrong: float) -> None:
        self._look = look
        self._well, self._wrong = well, wrong
        self._problem: EntrakeepError | None = None
        self._reported: EntrakeepError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="store", daemon=True)

    def __enter__(self) -> "StoreWatch":
        """Start the thread."""
        # The thread inherits the mask, so that the loop alone receives signals.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def __exit__(self, *_: object) -> None:
        """Tell the thread to stop, without waiting for it."""
        self._stop.set()  # a check in progress is not waited for

    def news(self) -> str | None:
        """Return a line for people about what has changed since the last call, or None if nothing has."""
        problem, reported = self._problem, self._reported
        self._reported = problem
        if problem is not None:
            return None if str(problem) == str(reported) else f"attention: {problem}"
        return None if reported is None else f"recovered: the store can be used again, after {reported.code}"

    def _watch(self) -> None:
        """Check the store repeatedly, and keep its problem, if any."""
        while True:
            try:
                self._look()
                self._problem = None
            except EntrakeepError as error:
                self._problem = error
            if self._stop.wait(self._well if self._problem is None else self._wrong):
                return
