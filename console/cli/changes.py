"""What changed since the parent snapshot, as commands show it."""

from console.cli.output import counted
from console.documents.results import ChangesDocument
from shared.domain.model import Snapshot
from shared.domain.restore.id_map import ID_MAP


def changes_of(changes: ChangesDocument | None, made: Snapshot | None) -> str | None:
    """Return the changes of one resource, or None if the job has made no snapshot, or one without a parent."""
    if made is None or made.parent is None:
        return None
    return "unknown" if changes is None else _words(changes.added, changes.removed, changes.changed)


def total_changes(snapshot: Snapshot) -> str:
    """Return the changes of all resources together, and how many resources with records are not counted.

    The id map is no part of the directory.
    """
    if snapshot.parent is None:
        return "first snapshot"
    reports = [each for each in snapshot.resources if each.resource != ID_MAP]
    known = [each for each in reports if each.changed is not None]
    unknown = sum(each.changed is None and each.records is not None for each in reports)
    if not known:
        return "unknown"
    sums = (sum(getattr(each, name) or 0 for each in known) for name in ("added", "removed", "changed"))
    return _words(*sums) + (f"; {counted(unknown, 'resource')} unknown" if unknown else "")


def _words(added: int, removed: int, changed: int) -> str:
    """Return the numbers that are not zero, in words."""
    numbers = {"added": added, "removed": removed, "changed": changed}
    return ", ".join(f"{number:,} {word}" for word, number in numbers.items() if number) or "none"
