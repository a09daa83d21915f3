"""Which properties of an object an answer shows."""

from simulator.graph import letter
from simulator.graph.generator import property_names
from simulator.graph.kinds import Kind
from simulator.graph.stored import Stored


def shown(kind: Kind, stored: Stored, select: tuple[str, ...] | None) -> bytes:
    """An object as a listing or a get shows it: to the letter, or what is selected with null for what was never set."""
    if stored.to_the_letter:
        return stored.value
    wanted = kind.properties if select is None and kind.default is None else select or kind.default or ()
    nulls = tuple(name for name in kind.properties if name in wanted)
    return letter.picked(stored.value, frozenset(wanted), nulls if kind.open else ())


def shown_in_delta(stored: Stored, wanted: frozenset[str] | None) -> bytes:
    """An object as delta shows it: to the letter, or those of the wanted properties (None: all) that were ever set."""
    if stored.to_the_letter or wanted is None:
        return stored.value
    return letter.picked(stored.value, wanted)


def wanted_in_delta(kind: Kind, select: tuple[str, ...] | None) -> frozenset[str] | None:
    """Which properties a delta round shows; None if it is all that a generated object can have."""
    wanted = kind.default if select is None else frozenset((*select, "id"))
    return None if wanted is None or wanted >= property_names(kind.path) else wanted
