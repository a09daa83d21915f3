"""What changed since the parent snapshot, as a document and in words."""

import msgspec

from console.documents.words import counted
from shared.domain.model import Snapshot
from shared.domain.restore.id_map import ID_MAP


class ChangesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup found changed in a resource since the parent snapshot."""

    added: int
    """Number of records that the parent does not have."""
    removed: int
    """Number of records that only the parent has."""
    changed: int
    """Number of records whose properties differ, volatile ones aside."""


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
