"""What the supervisor runs: one part, and how patiently."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.supervisor.guarded import Guarded, tail

_LOG_LIMIT = 10 * 1024 * 1024
"""Bytes of a part's log after which it becomes ``<part>.log.1`` and a new one begins."""
_STARTING = 60.0
"""Seconds more that a part has until its first sign of life."""
_DYING = 3
"""Ends in a row after which the last lines of the log are shown."""


@dataclass(frozen=True)
class Part:
    """A process of the stack. ``ready`` is asked from the supervisor's loop and answers within a second or so.

    ``grace``: seconds from SIGTERM to SIGKILL. ``stdin``: text that it reads, such as a configuration with a password.
    ``silent``: whether it gives no sign of life where it should, asked like ``ready``; a part that stays so for ``patience``
    seconds hangs, and is killed and started again.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ready: Callable[[], bool]
    grace: float = 7.0
    stdin: str = field(default="", repr=False)
    silent: Callable[[], bool] = lambda: False
    patience: float = 40.0


@dataclass(frozen=True)
class Pace:
    """Times in seconds: the first wait before a restart, the longest, the up-time that starts it afresh, between looks."""

    first_wait: float = 1.0
    longest_wait: float = 30.0
    steady: float = 60.0
    look: float = 0.25


class Seat:
    """One part's place in the stack: its process now, or the time of its next start."""

    def __init__(self, part: Part, logs: Path, pace: Pace, keep: Sequence[int], say: Callable[[str], None]) -> None:
        self.part = part
        self.again_at: float | None = None
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
        """Start the part if it is time to, and take note if it has ended. ``now`` is in monotonic seconds."""
        if self._process is not None:
            status = self._process.status()
            if status is not None:
                self._process = None
                self._mourn(f"ended with status {_spoken(status)}", now)
            else:
                self._listen(now)
        elif self.again_at is None or now >= self.again_at:
            self._start(now)
        self._rotate()

    def answers(self) -> bool:
        """Whether the process that runs now has answered its probe once."""
        if self._process is None:
            return False
        self._answered = self._answered or self.part.ready()
        return self._answered

    def stop(self) -> None:
        """Ask the part to end, and start it no more."""
        if self._process is not None:
            self._process.stop()

    def gone(self) -> bool:
        """Whether nothing of the part is alive."""
        return self._process is None or self._process.status() is not None

    def kill(self) -> None:
        """Kill the part and all that it started; returns when that is done."""
        if self._process is not None:
            self._process.kill()

    def _listen(self, now: float) -> None:
        """Kill the part if it has been silent for too long.

        Counted here, by the monotonic clock: a machine that was asleep must not have all its parts killed when it wakes up.
        """
        if not self.part.silent():
            self._silent_since = None
            self._heard = True
        elif self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since >= self.part.patience + (0.0 if self._heard else _STARTING):
            self.kill()
            self._process = None
            self._mourn("gives no sign of life", now)

    def _start(self, now: float) -> None:
        self._answered = self._heard = False
        self._silent_since = None
        self._started_at = now
        self.again_at = None
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
            self._mourn(f"could not be started ({error.strerror})", now)

    def _mourn(self, what: str, now: float) -> None:
        if now - self._started_at >= self._pace.steady:
            self._ends = 0
        wait = min(self._pace.first_wait * 2**self._ends, self._pace.longest_wait)
        self._ends = min(self._ends + 1, 64)
        self.again_at = now + wait
        self._say(f"{self.part.name} {what}; starting it again in {wait:g} s (log: {self._log})")
        if self._ends >= _DYING:
            for line in tail(self._log, 5):
                self._say(f"{self.part.name} | {line}")

    def _rotate(self) -> None:
        """Copy and empty a log that has grown too long: the part appends, so it goes on at the new beginning."""
        try:
            if self._log.stat().st_size > _LOG_LIMIT:
                with self._log.open("rb") as old, open(self._log.with_suffix(".log.1"), "wb", opener=_private) as new:
                    shutil.copyfileobj(old, new)
                os.truncate(self._log, 0)
        except OSError as error:
            self._say(f"{self.part.name}: its log cannot be turned over ({error.strerror})")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _spoken(status: int) -> str:
    """``1``, or ``137 (SIGKILL)``."""
    try:
        return f"{status} ({signal.Signals(status - 128).name})"
    except ValueError:
        return str(status)
