"""Replication lag: for some time, a created object is not found, and a deleted one still is (Graph: eventual consistency)."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

from simulator.graph.clock import SimulatedClock
from simulator.graph.stored import Stored


@dataclass
class Seconds:
    """How long a change through Graph stays invisible."""

    get: float = 0
    """To requests that name the object: reads by id, updates, and references to it."""
    list: float = 0
    """To listings, filters, delta and the recycle bin."""


def seconds(current: Seconds, changes: dict[str, object]) -> Seconds:
    """Return the lag with changes applied. Raises ValueError with a sentence if one is invalid."""
    for name, value in changes.items():
        if name not in ("get", "list") or isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError("a lag has get and list, numbers of seconds that are not negative")
    return Seconds(**{**asdict(current), **changes})


class _Event(NamedTuple):
    at: float
    previous: Stored | None
    """The object before its deletion; None for a creation or a restore."""


class Lag:
    """The recent creations, restores and deletions through Graph."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.seconds = Seconds()
        self._clock = clock
        self._events: dict[tuple[str, str], _Event] = {}

    def note(self, path: str, id: str, previous: Stored | None) -> None:
        """Note a creation or a restore, or the deletion of the `previous` object."""
        if self.seconds.get or self.seconds.list:
            self._events[path, id] = _Event(self._clock.now(), previous)

    def unchanged(self, path: str, id: str, seconds: float) -> bool:
        """Return whether the object's last creation, restore or deletion is at least so many seconds ago."""
        event = self._events.get((path, id))
        return event is None or self._clock.now() - event.at >= seconds

    def previous(self, path: str, id: str) -> Stored | None:
        """Return the object as it was before its last deletion, or None if it was created or restored since."""
        event = self._events.get((path, id))
        return event.previous if event else None
