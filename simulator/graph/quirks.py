"""Answers of Graph that promise more than happens: updates without effect, and updates that are lost later."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

from simulator.graph import raw_json
from simulator.graph.clock import SimulatedClock


@dataclass
class LostUpdates:
    """Updates that are lost because they follow the creation or an update of a fresh object too closely."""

    within: float = 0
    """Seconds after a creation, or after an update of an object that was fresh then, in which an update is lost."""
    readable: float = 0
    """Seconds for which a lost update can be read."""


class Loss(NamedTuple):
    """An update that will be undone."""

    due: float
    path: str
    id: str
    change: bytes
    """The properties before the update."""


class Quirks:
    """The quirks that a test has switched on, and what they have still to do."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.without_effect: tuple[str, ...] = ()
        """Properties that updates do not change, as `path.property` or `path/id.property`."""
        self.read_only: tuple[str, ...] = ()
        """Further properties that no request may set, as `path.property`."""
        self.lost_updates = LostUpdates()
        self._clock = clock
        self._fresh: dict[tuple[str, str], float] = {}
        self._losses: list[Loss] = []

    def document(self) -> dict[str, object]:
        """Return the switches."""
        return {
            "without_effect": list(self.without_effect),
            "read_only": list(self.read_only),
            "lost_updates": asdict(self.lost_updates),
        }

    def set(self, changes: dict[str, object]) -> None:
        """Change the switches that are named. Raises ValueError with a sentence if one is invalid."""
        if set(changes) - {"without_effect", "read_only", "lost_updates"}:
            raise ValueError("quirks are without_effect, read_only and lost_updates")
        without_effect = _properties(changes.get("without_effect", list(self.without_effect)))
        read_only = _properties(changes.get("read_only", list(self.read_only)))
        losses = changes.get("lost_updates", {})
        if not isinstance(losses, dict) or set(losses) - {"within", "readable"}:
            raise ValueError("lost_updates has within and readable")
        if not all(
            isinstance(each, int | float) and not isinstance(each, bool) and each >= 0 for each in losses.values()
        ):
            raise ValueError("within and readable are numbers of seconds that are not negative")
        self.without_effect, self.read_only = without_effect, read_only
        self.lost_updates = LostUpdates(**{**asdict(self.lost_updates), **losses})

    def created(self, path: str, id: str) -> None:
        """Note the creation of an object."""
        if self.lost_updates.within:
            self._fresh[path, id] = self._clock.now()

    def effective(self, path: str, id: str, change: bytes) -> bytes:
        """Return the part of an update that has an effect."""
        if not self.without_effect:
            return change
        names = [member.name for member in raw_json.members(change)]
        ignored = {name for name in names if {f"{path}.{name}", f"{path}/{id}.{name}"} & set(self.without_effect)}
        return raw_json.picked(change, [name for name in names if name not in ignored])

    def updated(self, path: str, id: str, before: bytes, change: bytes) -> None:
        """Note an update, which is lost later if the object is fresh."""
        now = self._clock.now()
        last = self._fresh.get((path, id))
        if last is None or now - last > self.lost_updates.within:
            self._fresh.pop((path, id), None)
            return
        self._fresh[path, id] = now
        names = [member.name for member in raw_json.members(change)]
        previous = raw_json.picked(before, names, tuple(names))
        self._losses.append(Loss(now + self.lost_updates.readable, path, id, previous))

    def due(self) -> list[Loss]:
        """Return the losses that are due, once each."""
        now = self._clock.now()
        due = [loss for loss in self._losses if loss.due <= now]
        if due:
            self._losses = [loss for loss in self._losses if loss.due > now]
        return due


def _properties(names: object) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) and "." in name for name in names):
        raise ValueError("without_effect and read_only are lists of properties, each as path.property")
    return tuple(names)
