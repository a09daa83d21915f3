"""Pass each event on to several listeners."""

from shared.domain.errors import Code
from shared.domain.jobs import Claim
from shared.ports.observer import Observer, Point, Usage


class Listeners(Observer):
    """Listeners as one observer. They are called in order; an exception of one ends the call."""

    def __init__(self, *listeners: Observer) -> None:
        self._listeners = listeners

    def reach(self, point: Point) -> None:
        """Report the point to each listener."""
        for listener in self._listeners:
            listener.reach(point)

    def count(self, counter: Usage, owner_id: str, amount: int = 1) -> None:
        """Report the count to each listener."""
        for listener in self._listeners:
            listener.count(counter, owner_id, amount)

    def begin_step(self, claim: Claim) -> None:
        """Report to each listener that a step begins."""
        for listener in self._listeners:
            listener.begin_step(claim)

    def end_step(self, claim: Claim, seconds: float, code: Code | None, *, early: bool) -> None:
        """Report to each listener that a step has ended."""
        for listener in self._listeners:
            listener.end_step(claim, seconds, code, early=early)

    def flush(self) -> None:
        """Flush all listeners."""
        for listener in self._listeners:
            listener.flush()
