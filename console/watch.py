"""Health of the stack of ``up``: it reports problems and recoveries in sentences, and detects parts that hang."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.parts import WebPlace, flower_answers
from shared.domain.errors import Code, EntrakeepError
from shared.domain.limits import Limits
from shared.ports.broker import BrokerAnswer, BrokerState


@dataclass(frozen=True)
class Signs:
    """Seconds since the last heartbeats in SQL of beat and of this machine's worker, or None without a heartbeat.

    Both raise EntrakeepError if the catalog does not answer.
    """

    beat: Callable[[], float | None]
    worker: Callable[[], float | None]


class Watch:
    """A watch that reports each problem once, and once more when it is over. The parts retry by themselves.

    ``ask`` asks the broker at ``place``, and takes at most a second.
    """

    def __init__(
        self,
        place: str,
        ask: Callable[[], BrokerAnswer],
        signs: Signs,
        limits: Limits,
        logs: Path,
        say: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._ask = ask
        self._signs = signs
        self._limits = limits
        self._say = say
        self._started_at = now()
        self._logs = logs
        self._known: dict[str, str] = {}
        self._recoveries = {
            "broker": f"Redis at {place} takes messages",
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
        return seconds is not None and seconds < self._limits.ticking_seconds

    def silences(self, flower_port: int | None, web: WebPlace | None) -> dict[str, Callable[[], bool]]:
        """Return, by part, a function that tells whether the part's heartbeat or answer is overdue."""
        silences: dict[str, Callable[[], bool]] = {
            "redis": lambda: self._ask().state is BrokerState.SILENT,
            "beat": lambda: self._silent(self._signs.beat),
            # A worker that cannot reach the broker sends no heartbeat; to restart it would not help.
            "worker": lambda: "broker" not in self._known and self._silent(self._signs.worker),
        }
        if flower_port is not None:
            silences["flower"] = lambda: not flower_answers(flower_port)
        if web is not None:
            silences["web"] = lambda: not web.answers()
        return silences

    def look(self) -> None:
        """Check every part, and report new problems and recoveries."""
        troubles = self._troubles()
        for name, sentence in troubles.items():
            if name not in self._known:
                self._say(f"attention: {sentence}")
        for name in self._known.keys() - troubles.keys():
            self._say(f"recovered: {self._recoveries[name]} again")
        self._known = troubles

    def _troubles(self) -> dict[str, str]:
        """Return a sentence for each part that has a problem now."""
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
            remedy = f"{self._restarted} (log: {self._logs / 'beat.log'})"
            troubles["beat"] = f"{Code.STACK_NOT_RUNNING}: beat has not ticked for {limit:g} s. {remedy}"
        if worker > limit:
            remedy = "It continues when Redis takes messages again." if "broker" in troubles else self._restarted
            troubles["worker"] = (
                f"{Code.NO_WORKER}: the worker has not been seen for {limit:g} s. {remedy} (log: {self._logs / 'worker.log'})"
            )
        return troubles

    @property
    def _restarted(self) -> str:
        """Return the sentence that says when a silent part is restarted."""
        return f"After {self._limits.worker_restart_seconds:g} s it is restarted."

    def _silent(self, sign: Callable[[], float | None]) -> bool:
        """Return whether a heartbeat is overdue; False if the catalog does not answer, because then none can be stored."""
        try:
            return self._since(sign()) > self._limits.worker_seen_seconds
        except EntrakeepError:
            return False

    def _since(self, seconds: float | None) -> float:
        """Return the seconds since the last heartbeat, or since this watch started if the last one was before that."""
        watched = self._now() - self._started_at
        return watched if seconds is None else min(seconds, watched)
