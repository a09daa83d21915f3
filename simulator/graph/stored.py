"""Stored objects, which differ from the generated ones, and an index of some of their properties."""

from dataclasses import dataclass
from enum import Enum

from simulator.graph import raw_json
from simulator.graph.kinds import Kind


class State(Enum):
    """The state of an object."""

    LIVE = "live"
    """Neither deleted nor purged."""
    DELETED = "deleted"
    """In the recycle bin."""
    GONE = "gone"
    """Purged."""


@dataclass(slots=True)
class Stored:
    """An object that is stored, because it was changed or created after the directory was generated."""

    value: bytes
    """The object as JSON."""
    to_the_letter: bool
    """Whether the object is served unchanged, whatever is selected."""
    state: State = State.LIVE
    deleted_at: str = ""
    """Time of deletion; empty unless the object is in the recycle bin."""


class Names:
    """An index of the values that a kind's `indexed` properties ever had. Case is ignored."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str, str], dict[str, None]] = {}

    def note(self, kind: Kind, id: str, value: bytes) -> None:
        """Add the current values of an object to the index."""
        for name in kind.indexed:
            text = raw_json.text(value, name)
            if text:
                self._ids.setdefault((kind.path, name, text.lower()), {})[id] = None

    def ids(self, kind: Kind, name: str, value: str) -> list[str]:
        """Return the ids of objects that ever had this value, in the order in which they first did."""
        return list(self._ids.get((kind.path, name, value.lower()), ()))
