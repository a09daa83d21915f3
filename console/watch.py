"""What ``up`` sees of its stack while it runs: sentences about what is wrong and what has recovered, and which part hangs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.parts import flower_answers
from shared.domain.errors import Code, EntrakeepError
from shared.domain.limits import Limits
from shared.ports.broker import BrokerAnswer, BrokerState

_TICKING = 5.0
"""Seconds since a tick within which beat is at work."""


@dataclass(frozen=True)
class Signs:
    """Seconds since the last sign of life of beat and of this machine's worker, as SQL has them; None if there was none.

    Both raise EntrakeepError if the catalog does not answer.
    """

    beat: Callable[[], float | None]
    worker: Callable[[], float | None]


class Watch:
    """Reports each trouble once, and once more when it is over: the parts try on by themselves.

    ``ask`` asks the broker at ``place``, and takes a second at most.
    """

    def __init__(
        self,
        place: str,
        ask: Callable[[], BrokerAnswer],
        signs: Signs,
        limits: Limits,
        logs: Path,
        say: Callable[[str], None],
    ) -> None:
        self._ask = ask
        self._signs = signs
        self._limits = limits
        self._say = say
        self._started_at = time.monotonic()
        self._logs = logs
        self._known: dict[str, str] = {}
        self._recoveries = {
            "broker": f"the Redis at {place} takes messages",
            "catalog": "the catalog answers",
            "beat": "beat ticks",
            "worker": "the worker is seen",
        }

    def ticking(self) -> bool:
        """Return whether beat has ticked lately; False if the catalog does not answer."""
        try:
            seconds = self._signs.beat()
        except EntrakeepError:
            return False
        return seconds is not None and seconds < _TICKING

    def silences(self, flower_port: int | None) -> dict[str, Callable[[], bool]]:
        """Return, by part, a question whether it should give a sign of life and does not."""
        silences: dict[str, Callable[[], bool]] = {
            "redis": lambda: self._ask().state is BrokerState.SILENT,
            "beat": lambda: self._silent(self._signs.beat),
            # One that cannot reach the broker gives no sign, and is not to blame.
            "worker": lambda: "broker" not in self._known and self._silent(self._signs.worker),
        }
        if flower_port is not None:
            silences["flower"] = lambda: not flower_answers(flower_port)
        return silences

    def look(self) -> None:
        """Look at everything, and report what has changed."""
        troubles = self._troubles()
        for name, sentence in troubles.items():
            if name not in self._known:
                self._say(f"attention: {sentence}")
        for name in self._known.keys() - troubles.keys():
            self._say(f"recovered: {self._recoveries[name]} again")
        self._known = troubles

    def _troubles(self) -> dict[str, str]:
        troubles = {}
        answer = self._ask()
        if answer.state not in (BrokerState.READY, BrokerState.LOADING):
            troubles["broker"] = f"{Code.BROKER_UNREACHABLE}: {answer.sentence}"
        try:
            beat, worker = self._since(self._signs.beat()), self._since(self._signs.worker())
        except EntrakeepError as error:
            return {**troubles, "catalog": str(error)}
        limit = self._limits.worker_seen_seconds
        if beat > limit:
            what = f"{self._restarted} (log: {self._logs / 'beat.log'})"
            troubles["beat"] = f"{Code.STACK_NOT_RUNNING}: beat has not ticked for {limit:g} s. {what}"
        if worker > limit:
            what = "It goes on when Redis takes messages again." if "broker" in troubles else self._restarted
            troubles["worker"] = (
                f"{Code.NO_WORKER}: the worker has not been seen for {limit:g} s. {what} (log: {self._logs / 'worker.log'})"
            )
        return troubles

    @property
    def _restarted(self) -> str:
        return f"After {self._limits.worker_restart_seconds:g} s it is started again."

    def _silent(self, sign: Callable[[], float | None]) -> bool:
        """Return whether a sign of life is overdue; False if the catalog does not answer, for then there can be none."""
        try:
            return self._since(sign()) > self._limits.worker_seen_seconds
        except EntrakeepError:
            return False

    def _since(self, seconds: float | None) -> float:
        return time.monotonic() - self._started_at if seconds is None else seconds
