"""Holding a claim: renewed in a thread of its own, so that a blocked event loop does not lose it."""

import threading
import time
from collections.abc import Callable, Sequence

from shared.domain.errors import Cancelled, ClaimLost, EntrakeepError, Refuse
from shared.domain.model import Claim, ResourceProgress
from shared.ports.catalog import Claims

TOLD_EVERY = 2.0
"""Seconds between two writes of how far a step has come."""


class Hold:
    """A claim that is renewed as long as this stands. Use as a context manager.

    ``check`` raises ``ClaimLost`` once another holds the step, ``Cancelled`` once the job is cancelled. What ``tell`` was
    given last stands in SQL within ``TOLD_EVERY`` seconds.
    """

    def __init__(self, claims: Claims, claim: Claim, every: float) -> None:
        self.claim = claim
        self._claims = claims
        self._every = every
        self._ended: EntrakeepError | None = None
        self._calls: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._progress: Sequence[ResourceProgress] | None = None
        self._told: Sequence[ResourceProgress] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="claim", daemon=True)

    def __enter__(self) -> "Hold":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        if self._ended is not None:
            raise self._ended

    def tell(self, progress: Sequence[ResourceProgress]) -> None:
        """How far the step has come. Cheap: it is written with a renewal."""
        self._progress = progress

    def on_lost(self, call: Callable[[], None]) -> None:
        """``call`` is made once from the claim's thread when the claim is lost or the job cancelled; at once if so."""
        with self._lock:
            if self._ended is None:
                self._calls.append(call)
                return
        call()

    def _renew(self) -> None:
        asked = time.monotonic()
        until = asked + self.claim.seconds
        while not self._stop.wait(min(TOLD_EVERY, self._every)):
            progress = self._progress
            if progress is self._told and time.monotonic() < asked + self._every:
                continue
            asked = time.monotonic()
            try:
                renewal = self._claims.renew(self.claim, None if progress is self._told else progress)
                until, self._told = asked + self.claim.seconds, progress
                if renewal.cancel:
                    self._end(Cancelled())
                    return
            except ClaimLost as lost:
                self._end(lost)
                return
            except Refuse:
                # The database does not answer: as long as the claim may still be ours, try again.
                if time.monotonic() >= until:
                    self._end(ClaimLost())
                    return

    def _end(self, error: EntrakeepError) -> None:
        with self._lock:
            self._ended = error
            calls, self._calls = self._calls, []
        for call in calls:
            call()
