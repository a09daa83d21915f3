"""The supervisor's loop: it starts the stages in order, restarts parts that end, and stops everything on a signal."""

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from console.supervisor import guard
from console.supervisor.part import Pace, Part, Seat
from shared.domain.deadline import Deadline
from shared.domain.limits import LIMITS

_ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_WAKING = {*_ENDING, signal.SIGCHLD}


class Supervisor:
    """A supervisor that runs parts as processes until SIGINT, SIGTERM or SIGHUP. Create and run it in the main thread.

    - ``stages`` start in order, each when the previous one answers, and stop in the opposite order.
    - ``logs`` is an existing folder for ``<part>.log``.
    - ``keep``: descriptors that stay open until the last process is gone.
    - ``say`` prints one line about a part.
    - ``announce_ready`` is called once, when every part has answered.
    - ``look`` is called every few seconds to check things that are not parts. It takes at most a second.

    A process that loses its guard becomes a child of this process while the supervisor runs, and is killed.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Part]],
        logs: Path,
        *,
        say: Callable[[str], None],
        announce_ready: Callable[[], None],
        keep: Sequence[int] = (),
        look: Callable[[], None] = lambda: None,
        pace: Pace = Pace(),  # noqa: B008 - frozen
    ) -> None:
        self._stages = [[Seat(part, logs, pace, keep, say) for part in stage] for stage in stages]
        self._say = say
        self._announce_ready = announce_ready
        self._look = look
        self._pace = pace

    def run(self) -> None:
        """Run until a signal to end. On return every started process is gone, at the latest when the graces are over."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAKING)
        guard.adopt_orphans(True)
        try:
            self._watch()
        finally:
            self._end()
            guard.kill_descendants()
            guard.adopt_orphans(False)
            while signal.sigtimedwait(_WAKING, 0) is not None:
                pass
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _watch(self) -> None:
        """Start the stages and tend their parts until a signal to end arrives."""
        opened, ready = 1, False
        slow = Deadline(LIMITS.parts_slow_seconds, time.monotonic)
        look = Deadline(LIMITS.parts_look_seconds, time.monotonic)
        while True:
            seats = [seat for stage in self._stages[:opened] for seat in stage]
            for seat in seats:
                seat.tend(time.monotonic())
            if not ready:
                silent = [seat.part.name for seat in seats if not seat.answers()]
                if not silent and opened < len(self._stages):
                    opened += 1
                    continue
                if not silent:
                    ready = True
                    self._announce_ready()
                elif slow.over:
                    slow = Deadline(LIMITS.parts_slow_seconds, time.monotonic)
                    self._say(f"still waiting for {', '.join(silent)}")
            if look.over:
                self._look()
                look = Deadline(LIMITS.parts_look_seconds, time.monotonic)
            caught = signal.sigtimedwait(_WAKING, self._nap(seats, ready))
            if caught is not None and caught.si_signo in _ENDING:
                return

    def _nap(self, seats: Sequence[Seat], ready: bool) -> float:
        """Return the seconds to sleep until something may be due. The end of a child wakes the loop earlier."""
        now = time.monotonic()
        due = [seat.restart_at - now for seat in seats if seat.restart_at is not None]
        return max(0.0, min([*due, LIMITS.parts_look_seconds if ready else self._pace.look]))

    def _end(self) -> None:
        """Stop the stages in the opposite order, and kill what outlives its grace."""
        for stage in reversed(self._stages):
            for seat in stage:
                seat.stop()
            # The guard kills at the end of the grace. If it has not done so half a second later, the guard itself failed.
            grace = max((seat.part.grace for seat in stage), default=0.0)
            deadline = Deadline(grace + 0.5, time.monotonic)
            while not all(seat.is_gone() for seat in stage) and not deadline.over:
                signal.sigtimedwait({signal.SIGCHLD}, 0.05)
            for seat in stage:
                if not seat.is_gone():
                    seat.kill()
