"""What reads find of a directory whose replicas lag behind its writes."""

from simulator.graph.directory import Directory
from simulator.graph.kinds import DIRECTORY_OBJECTS, Kind
from simulator.graph.stored import State, Stored


def readable(directory: Directory, kind: Kind, id: str) -> Stored | None:
    """Return the object with this id as a read by id finds it, for some time also after its deletion, or None."""
    if directory.lag.unchanged(kind.path, id, directory.lag.seconds.get):
        return directory.live(kind, id)
    return directory.lag.previous(kind.path, id)


def any_readable(directory: Directory, id: str) -> tuple[Kind, Stored] | None:
    """Return kind and object of the directory object with this id as a read by id finds it, or None."""
    for kind in DIRECTORY_OBJECTS:
        stored = readable(directory, kind, id)
        if stored is not None:
            return kind, stored
    return None


def listed(directory: Directory, kind: Kind, id: str, stored: Stored | None) -> Stored | None:
    """Return an object as listings show it, for some time also after its deletion, or None."""
    if directory.lag.unchanged(kind.path, id, directory.lag.seconds.list):
        return stored if stored and stored.state is State.LIVE else None
    return directory.lag.previous(kind.path, id)


def binned(directory: Directory, kind: Kind, id: str) -> Stored | None:
    """Return the object with this id if the recycle bin shows it, otherwise None."""
    stored = directory.find(kind, id)
    if stored is None or stored.state is not State.DELETED:
        return None
    return stored if directory.lag.unchanged(kind.path, id, directory.lag.seconds.list) else None


def any_binned(directory: Directory, id: str) -> tuple[Kind, Stored] | None:
    """Return kind and object of the directory object with this id if the recycle bin shows it, otherwise None."""
    for kind in DIRECTORY_OBJECTS:
        stored = binned(directory, kind, id)
        if stored is not None:
            return kind, stored
    return None
