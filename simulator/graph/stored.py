"""Objects that are no longer the generator's, and by which of their properties they are found."""

from dataclasses import dataclass
from enum import Enum

from simulator.graph import letter
from simulator.graph.kinds import Kind


class State(Enum):
    LIVE = "live"
    DELETED = "deleted"
    """In the recycle bin."""
    GONE = "gone"


@dataclass(slots=True)
class Stored:
    """One object that is no longer, or never was, the generator's. `to_the_letter`: served whole, whatever is selected."""

    value: bytes
    to_the_letter: bool
    state: State = State.LIVE
    deleted_at: str = ""


class Names:
    """Which objects ever had which value of a property among their kind's `named`. Case makes no difference here."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str, str], dict[str, None]] = {}

    def note(self, kind: Kind, id: str, value: bytes) -> None:
        """Remembers what an object is named by now."""
        for name in kind.named:
            text = letter.text(value, name)
            if text:
                self._ids.setdefault((kind.path, name, text.lower()), {})[id] = None

    def ids(self, kind: Kind, name: str, value: str) -> list[str]:
        """The objects that had this value once, in the order in which they first did."""
        return list(self._ids.get((kind.path, name, value.lower()), ()))
