"""What one object's records were, snapshot by snapshot, and what happened to them between two snapshots."""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from shared.domain.compare import ChangedRecord, changed_records, property_changes
from shared.domain.model import Snapshot
from shared.domain.records import encode_id
from shared.domain.resources import volatile_of
from shared.engine.compare.differences import Difference, difference_of
from shared.engine.compare.unknowns import SWITCHED_OFF, why_unread
from shared.vault.object_reader import ObjectReader
from shared.vault.snapshot_reader import SnapshotReader


class Happened(StrEnum):
    """The kind of change of an object, or of a record that belongs to it, between two snapshots."""

    EXISTING = "existing"
    """The object is in the first snapshot that tells, so nobody knows since when it exists."""
    CREATED = "created"
    DELETED = "deleted"
    RESTORED = "restored"
    """The object exists again, after it was deleted."""
    CHANGED = "changed"
    ADDED = "added"
    """A record that belongs to the object, such as a link, was added."""
    REMOVED = "removed"
    """A record that belongs to the object, such as a link, was removed."""
    UNKNOWN = "unknown"
    """The snapshot does not tell the resource's records of its time."""


class HistoryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an object that one snapshot shows in comparison with an earlier one."""

    snapshot: Snapshot
    """The first snapshot that shows it."""
    previous: str | None
    """The id of the last earlier snapshot in which the resource's records are known, or None if there is none."""
    resource: str
    happened: Happened
    difference: Difference | None = None
    """The record with its changes. None for what is unknown."""
    reason: str | None = None
    """Why it is unknown, as part of a sentence."""


class Track:
    """The state of one object in one resource, as the snapshots read so far show it."""

    def __init__(self, resource: str, objects: ObjectReader, root: "Track | None") -> None:
        """Start the track.

        ``root`` is the track of the object itself, if this resource only has records that belong to it.
        """
        self._resource = resource
        self._root = root
        self._touched = objects.touched(resource)
        self._id = objects.id
        self._records: dict[bytes, bytes] = {}
        self._known: str | None = None
        """The last snapshot that tells the resource's records."""
        self._read: tuple[bool, list[list[str]]] | None = None
        """Whether the object existed, and the chunks that were read, at that snapshot."""
        self._existed = False

    def advance(self, row: Snapshot, reader: SnapshotReader) -> Iterator[HistoryEvent]:
        """Yield what the next snapshot shows. Chunks that are the same as the previous ones are not read again."""
        reason = self._why_unread(reader)
        if reason is not None:
            if reason == SWITCHED_OFF and self._known is None:
                return  # the owner has never wanted it
            yield self._event(row, Happened.UNKNOWN, reason=reason)
            return
        state = reader.stream_of(self._resource)
        chunks = [[chunk.name for chunk in run.chunks] for run in state.runs] if state is not None else []
        present = self._root is None or bool(self._root._records)  # records of a deleted object are not shown
        if (present, chunks) != self._read:
            records = dict(reader.stored_records(self._resource, self._touched)) if present else {}
            for record in changed_records(iter(self._records.items()), iter(records.items())):
                yield from self._changed(row, record, link=reader.holds_links(self._resource))
            self._records, self._read = records, (present, chunks)
        self._known = row.snapshot_id

    def _why_unread(self, reader: SnapshotReader) -> str | None:
        """Return why the snapshot does not show the resource's records of the object, or None if it does."""
        state = reader.stream_of(self._resource)
        reason = why_unread(state) or (self._root._why_unread(reader) if self._root is not None else None)
        if reason is None and state is not None and self._id in {encode_id(each.id) for each in state.refused}:
            return "Graph refused the object"
        return reason

    def _changed(self, row: Snapshot, record: ChangedRecord, *, link: bool) -> Iterator[HistoryEvent]:
        """Yield the event of a record whose meaning differs from that in the last snapshot that shows it."""
        own, first = self._root is None, self._known is None
        changes = []
        if record.before is None:
            if first and not own:
                return
            happened = Happened.RESTORED if self._existed else Happened.EXISTING if first else Happened.CREATED
            happened = happened if own else Happened.ADDED
        elif record.after is None:
            happened = Happened.DELETED if own else Happened.REMOVED
        else:
            happened = Happened.CHANGED
            changes = property_changes(record.before, record.after, volatile_of(self._resource))
            if not changes:
                return
        self._existed = True
        yield self._event(row, happened, difference_of(self._resource, record, changes, link=link))

    def _event(
        self, row: Snapshot, happened: Happened, difference: Difference | None = None, reason: str | None = None
    ) -> HistoryEvent:
        return HistoryEvent(
            snapshot=row,
            previous=self._known,
            resource=self._resource,
            happened=happened,
            difference=difference,
            reason=reason,
        )
