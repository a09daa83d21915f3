"""Stored objects, which differ from the generated ones, and an index of some of their properties."""

import json
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
    deleted_seconds: float = 0
    """Time of deletion in seconds since 1970."""

    def properties(self) -> dict[str, object]:
        """Return the parsed properties."""
        return dict(json.loads(self.value))


class Names:
    """An index of the values that a kind's `indexed` properties ever had. Case is ignored."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str, str], dict[str, None]] = {}

    def note(self, kind: Kind, id: str, value: bytes) -> None:
        """Add the current values of an object to the index."""
        if not kind.indexed:
            return
        members = raw_json.values(value)
        for name in kind.indexed:
            for text in texts(members.get(name)):
                self._ids.setdefault((kind.path, name, text.lower()), {})[id] = None

    def ids(self, kind: Kind, name: str, value: str) -> list[str]:
        """Return the ids of objects that ever had this value, in the order in which they first did."""
        return list(self._ids.get((kind.path, name, value.lower()), ()))


def texts(value: bytes | None) -> list[str]:
    """Return the text of a JSON value, or all texts of a list. Return an empty list for another value."""
    parsed = json.loads(value) if value else None
    return [text for text in (parsed if isinstance(parsed, list) else [parsed]) if isinstance(text, str) and text]
