"""Selection of the properties that an answer shows of an object."""

from functools import lru_cache

from simulator.graph import raw_json
from simulator.graph.generator import property_names
from simulator.graph.kinds import Kind
from simulator.graph.stored import Stored


def shown(kind: Kind, stored: Stored, select: tuple[str, ...] | None) -> bytes:
    """Return an object as a listing or a GET shows it: unchanged, or its selected properties, null if never set."""
    if stored.to_the_letter:
        return stored.value
    wanted, nulls = _wanted(kind, select)
    return _picked(stored.value, wanted, nulls)


@lru_cache(maxsize=256)
def _wanted(kind: Kind, select: tuple[str, ...] | None) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the properties that a listing shows, and those of them that appear as null if they were never set."""
    wanted = frozenset(select or kind.default or kind.properties) | ({"@odata.type"} if kind.types else set())
    return wanted, tuple(name for name in kind.properties if name in wanted) if kind.open else ()


def _picked(text: bytes, wanted: frozenset[str], nulls: tuple[str, ...] = ()) -> bytes:
    """Return an object with the wanted members only. The given object must not have duplicate names."""
    values = raw_json.values(text)
    parts = [_quoted(name) + value for name, value in values.items() if name in wanted]
    parts += [_quoted(name) + b"null" for name in nulls if name not in values]
    return b"{" + b",".join(parts) + b"}"


@lru_cache(maxsize=1024)
def _quoted(name: str) -> bytes:
    return raw_json.written(name, b"")


def shown_in_delta(stored: Stored, wanted: frozenset[str] | None) -> bytes:
    """Return an object as delta shows it: unchanged, or the wanted properties (None: all) that were ever set."""
    if stored.to_the_letter or wanted is None:
        return stored.value
    return _picked(stored.value, wanted)


def wanted_in_delta(kind: Kind, select: tuple[str, ...] | None) -> frozenset[str] | None:
    """Return the properties that a delta round shows, or None if these are all that a generated object can have."""
    wanted = kind.default if select is None else frozenset((*select, "id"))
    return None if wanted is None or wanted >= property_names(kind.path) else wanted
