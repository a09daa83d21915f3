"""The limit of a directory's objects (Graph: "Directory service limits"). Objects in the recycle bin count too."""

from simulator.graph.answers import Refused
from simulator.graph.directory import Directory
from simulator.graph.kinds import DIRECTORY_OBJECTS, Kind
from simulator.graph.stored import State


def check_room(directory: Directory, kind: Kind) -> None:
    """Raise Refused (403) if a directory with a limit has no room for another object."""
    if directory.object_limit is None or kind not in DIRECTORY_OBJECTS:
        return
    if sum(_count(directory, each) for each in DIRECTORY_OBJECTS) >= directory.object_limit:
        message = (
            "The directory object quota limit for the Tenant has been exceeded. Please ask your administrator to increase "
            "the quota limit or delete objects to reduce the used quota."
        )
        raise Refused(403, "Directory_QuotaExceeded", message)


def _count(directory: Directory, kind: Kind) -> int:
    deleted = sum(directory.state(kind, key) is State.DELETED for key in directory.binned(kind))
    return directory.count(kind) + deleted
