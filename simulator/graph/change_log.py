"""The log of changes, which delta rounds read."""

from bisect import bisect_right
from typing import NamedTuple

from simulator.graph.clock import SimulatedClock
from simulator.graph.kinds import Kind


class Touch(NamedTuple):
    """One entry of the log: a change of an object, of some of its properties, or of one of its links."""

    sequence: int
    """The position in the log."""
    id: str
    """The id of the changed object, or of the object where the link starts."""
    names: frozenset[str] | None
    """Names of updated properties; None if the object as a whole changed."""
    relation: str = ""
    """Relation of the changed link; empty for another change."""
    target: str = ""
    """Target of the changed link; empty for another change."""


class ChangeLog:
    """All changes by kind, in the order in which they happened."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.sequence = 0
        self._clock = clock
        self._entries: dict[str, list[Touch]] = {}
        self._times: list[float] = []

    def note(
        self, kind: Kind, id: str, names: frozenset[str] | None = None, relation: str = "", target: str = ""
    ) -> None:
        """Append a change."""
        self.sequence += 1
        self._times.append(self._clock.now())
        self._entries.setdefault(kind.path, []).append(Touch(self.sequence, id, names, relation, target))

    def between(self, kind: Kind, since: int, upto: int) -> list[Touch]:
        """Return the entries of a kind after `since`, up to and including `upto`."""
        log = self._entries.get(kind.path, [])
        start, stop = (bisect_right(log, sequence, key=lambda touch: touch.sequence) for sequence in (since, upto))
        return log[start:stop]

    def sequence_before(self, seconds: float) -> int:
        """Return the position that the log had so many seconds ago."""
        return bisect_right(self._times, self._clock.now() - seconds) if seconds else self.sequence
