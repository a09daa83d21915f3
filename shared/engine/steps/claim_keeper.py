"""Keep a claim: renew it in a thread of its own, so that a blocked event loop does not lose it."""

import threading
from collections.abc import Callable, Sequence

import msgspec

from shared.domain.deadline import Deadline
from shared.domain.errors import Cancelled, ClaimLost, EntrakeepError, Refuse
from shared.domain.jobs import Claim, ResourceProgress
from shared.domain.limits import Limits
from shared.ports.catalog.claims import Claims


class ClaimKeeper:
    """A claim that is renewed until the context manager ends.

    ``check`` raises ``ClaimLost`` once another worker has claimed the step, and ``Cancelled`` once the job is cancelled. The
    progress last given to ``report_progress`` is in SQL within ``Limits.progress_seconds``.
    """

    def __init__(self, claims: Claims, claim: Claim, limits: Limits, now: Callable[[], float]) -> None:
        """Prepare to renew ``claim`` every ``limits.renew_seconds`` by the monotonic clock ``now``."""
        self.claim = claim
        self._claims = claims
        self._limits = limits
        self._now = now
        self._expiry = Deadline(claim.seconds, now)
        self._ended: EntrakeepError | None = None
        self._calls: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._progress: Sequence[ResourceProgress] | None = None
        self._written: Sequence[ResourceProgress] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="claim", daemon=True)

    def __enter__(self) -> "ClaimKeeper":
        """Start the renewals."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the renewals. The claim itself is not released."""
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise what ended the claim: ``ClaimLost`` or ``Cancelled``."""
        if self._ended is not None:
            raise self._ended

    @property
    def remaining(self) -> float:
        """Return the seconds for which the claim lasts without another renewal."""
        return self._expiry.remaining

    def extend(self, seconds: float) -> None:
        """Let the claim last for ``seconds`` after each renewal from now on, of which this is the first.

        Raise ClaimLost, and Refuse if the database does not answer.
        """
        self.claim = msgspec.structs.replace(self.claim, seconds=seconds)
        expiry = self._deadline(seconds)
        self._claims.renew(self.claim)
        self._expiry = expiry

    def report_progress(self, progress: Sequence[ResourceProgress]) -> None:
        """Report the step's progress. This is cheap: the claim's thread writes it with a renewal."""
        self._progress = progress

    def on_lost(self, call: Callable[[], None]) -> None:
        """Call ``call`` once when the claim is lost or the job is cancelled.

        The call comes from the claim's thread, or from the caller's at once if the claim has ended already.
        """
        with self._lock:
            if self._ended is None:
                self._calls.append(call)
                return
        call()

    def _renew(self) -> None:
        """Renew the claim and write new progress, until stopped or until the claim ends."""
        pause = self._deadline(self._limits.renew_seconds)
        while not self._stop.wait(min(self._limits.progress_seconds, self._limits.renew_seconds)):
            progress = self._progress
            if progress is self._written and not pause.over:
                continue
            pause, next_expiry = self._deadline(self._limits.renew_seconds), self._deadline(self.claim.seconds)
            try:
                renewal = self._claims.renew(self.claim, None if progress is self._written else progress)
                self._expiry, self._written = next_expiry, progress
                if renewal.cancel:
                    self._end(Cancelled())
                    return
            except ClaimLost as lost:
                self._end(lost)
                return
            except Refuse:
                # The database does not answer: retry until the claim expires.
                if self._expiry.over:
                    self._end(ClaimLost())
                    return

    def _deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, self._now)

    def _end(self, error: EntrakeepError) -> None:
        """Keep the error for ``check``, and make the calls registered by ``on_lost``."""
        with self._lock:
            self._ended = error
            calls, self._calls = self._calls, []
        for call in calls:
            call()
