"""One part of the stack, its restarts and its log."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.supervisor.guarded import Guarded, tail
from shared.domain.backoff import Backoff
from shared.domain.limits import LIMITS


@dataclass(frozen=True)
class Part:
    """A process of the stack.

    - ``ready`` returns whether the part answers. The supervisor's loop calls it, so it takes about a second at most.
    - ``grace``: seconds from SIGTERM to SIGKILL.
    - ``stdin``: text that the part reads, such as a configuration with a password.
    - ``silent`` returns whether a sign of life is overdue. It is called like ``ready``.
    - ``hang_seconds``: a part that is silent for so many seconds hangs, and is killed and restarted.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ready: Callable[[], bool]
    grace: float = 7.0
    stdin: str = field(default="", repr=False)
    silent: Callable[[], bool] = lambda: False
    hang_seconds: float = 40.0


@dataclass(frozen=True)
class Pace:
    """Times of the supervisor, in seconds."""

    backoff: Backoff = LIMITS.part_backoff
    """The waits before restarts."""
    steady: float = 60.0
    """The up-time after which the first wait applies again."""
    look: float = 0.25
    """The time between two looks at parts that are not ready yet."""


class Seat:
    """One part's place in the stack: its running process, or the time of its next start."""

    def __init__(self, part: Part, logs: Path, pace: Pace, keep: Sequence[int], say: Callable[[str], None]) -> None:
        self.part = part
        self.restart_at: float | None = None
        self._log = logs / f"{part.name}.log"
        self._pace = pace
        self._keep = keep
        self._say = say
        self._process: Guarded | None = None
        self._started_at = 0.0
        self._ends = 0
        self._answered = False
        self._silent_since: float | None = None
        self._heard = False

    def tend(self, now: float) -> None:
        """Start the part if its start is due, and plan a restart if it has ended. ``now`` is in monotonic seconds."""
        if self._process is not None:
            status = self._process.status()
            if status is not None:
                self._process = None
                self._plan_restart(f"ended with status {_status_text(status)}", now)
            else:
                self._listen(now)
        elif self.restart_at is None or now >= self.restart_at:
            self._start(now)
        self._rotate()

    def answers(self) -> bool:
        """Return whether the current process has answered its probe at least once."""
        if self._process is None:
            return False
        self._answered = self._answered or self.part.ready()
        return self._answered

    def stop(self) -> None:
        """Ask the part to end. The caller no longer tends it, so it is not restarted."""
        if self._process is not None:
            self._process.stop()

    def is_gone(self) -> bool:
        """Return whether no process of the part is alive."""
        return self._process is None or self._process.status() is not None

    def kill(self) -> None:
        """Kill the part and everything that it started, and wait until they are gone."""
        if self._process is not None:
            self._process.kill()

    def _listen(self, now: float) -> None:
        """Kill the part and plan its restart if it has been silent for too long.

        The monotonic clock measures this, so that a machine which wakes from sleep does not kill all its parts.
        """
        if not self.part.silent():
            self._silent_since = None
            self._heard = True
        elif self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since >= self.part.hang_seconds + (0.0 if self._heard else LIMITS.part_start_seconds):
            self.kill()
            self._process = None
            self._plan_restart("gives no sign of life", now)

    def _start(self, now: float) -> None:
        """Start the part's process, or plan another try if that fails."""
        self._answered = self._heard = False
        self._silent_since = None
        self._started_at = now
        self.restart_at = None
        try:
            with open(self._log, "ab", opener=_private) as log:
                self._process = Guarded(
                    self.part.argv,
                    self.part.environment,
                    log,
                    grace=self.part.grace,
                    stdin=self.part.stdin,
                    keep=self._keep,
                )
        except OSError as error:
            self._plan_restart(f"could not be started ({error.strerror})", now)

    def _plan_restart(self, reason: str, now: float) -> None:
        """Set the time of the next start, later after each consecutive end, and report the reason."""
        if now - self._started_at >= self._pace.steady:
            self._ends = 0
        wait = self._pace.backoff.wait(self._ends)
        self._ends += 1
        self.restart_at = now + wait
        self._say(f"{self.part.name} {reason}; restarting it in {wait:g} s (log: {self._log})")
        if self._ends >= LIMITS.part_ends_shown:
            for line in tail(self._log, 5):
                self._say(f"{self.part.name} | {line}")

    def _rotate(self) -> None:
        """Copy and truncate a log that has grown too long. The part appends, so it continues at the new beginning."""
        try:
            if self._log.stat().st_size > LIMITS.part_log_bytes:
                with self._log.open("rb") as old, open(self._log.with_suffix(".log.1"), "wb", opener=_private) as new:
                    shutil.copyfileobj(old, new)
                os.truncate(self._log, 0)
        except OSError as error:
            self._say(f"{self.part.name}: its log cannot be rotated ({error.strerror})")


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read and write."""
    return os.open(path, flags, 0o600)


def _status_text(status: int) -> str:
    """Return the status for people, such as ``1`` or ``137 (SIGKILL)``."""
    try:
        return f"{status} ({signal.Signals(status - 128).name})"
    except ValueError:
        return str(status)
