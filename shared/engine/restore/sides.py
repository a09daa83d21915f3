"""The two states of a directory that a plan is made from, read from snapshots."""

from collections.abc import Collection, Iterator

from shared.domain.compare import Record
from shared.domain.errors import Answer
from shared.domain.records import encode_id, object_order, prefix_tombstone
from shared.domain.resources import STREAMS
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.pairing import rewritten_key
from shared.domain.restore.world import Coverage
from shared.engine.compare.unknowns import SWITCHED_OFF, why_unread
from shared.vault.format import StreamState
from shared.vault.snapshot_reader import SnapshotReader
from shared.vault.touched import Touched

_ABSENT = frozenset({Answer.UNLICENSED, Answer.UNAVAILABLE})
"""Answers that prove that the directory does not have the resource."""


class SnapshotSide:
    """``domain.restore.world.Side`` of a snapshot. The ids are rewritten by an id map."""

    def __init__(self, reader: SnapshotReader, ids: IdMap) -> None:
        """Prepare to read. For the directory's present state, ``ids`` has no entries."""
        self._reader = reader
        self._ids = ids
        self._earlier: dict[str, list[str]] = {}
        for old, current in ids.earlier().items():
            self._earlier.setdefault(current.lower(), []).append(old)
        self._owners = {each.resource: each.owner for state in reader.streams for each in state.listed}

    @property
    def objects(self) -> list[str]:
        """Return the resources whose records belong to no other object, sorted."""
        return [name for name in self._reader.resources if self._owners[name] is None]

    @property
    def resources(self) -> list[str]:
        """Return all resources that the snapshot has records of, also links."""
        return list(self._reader.resources)

    def records(self, resource: str, ids: Collection[str] | None = None) -> Iterator[Record]:
        """Yield a resource's records by key: all, or those whose first id is one of these."""
        if resource not in self._owners:
            return
        if ids is None:
            records = self._reader.records((resource,))
        else:
            orders = sorted(self._order(resource, each) for one in ids for each in (one, *self._earlier.get(one, ())))
            if not orders:
                return
            records = self._reader.chosen_records(resource, Touched(orders))
        for key, value in records:
            yield rewritten_key(key, self._ids), self._ids.rewritten(value)

    def coverage(self, resource: str) -> Coverage:
        """Return what the snapshot has of a resource."""
        state = self._reader.stream_of(resource)
        if state is not None and state.answer in _ABSENT and not state.stale:
            return Coverage(whole=True, records=0)
        reason = why_unread(state)
        if state is None or reason is not None:
            return Coverage(whole=False, reason=reason or "", left_out=reason == SWITCHED_OFF)
        return Coverage(
            whole=True,
            records=state.records.get(resource),
            refused=frozenset(self._ids.current(each.id).lower() for each in state.refused),
            selected=_selected(state, resource),
        )

    def _order(self, resource: str, object_id: str) -> bytes:
        """Return the order of an object, or the prefix of what belongs to it."""
        root = self._root(resource)
        if root == resource:
            return object_order(resource, object_id)
        return prefix_tombstone(resource.encode(), root.encode() + b"/" + encode_id(object_id) + b"/")[0]

    def _root(self, resource: str) -> str:
        """Return the resource of the objects that own a resource's records, directly or through others.

        Return the resource itself if its records have no owner.
        """
        owner = self._owners.get(resource)
        return resource if owner is None else self._root(owner)


def _selected(state: StreamState, resource: str) -> frozenset[str]:
    """Return the properties that a stream requested of its objects, if this version knows the selection."""
    stream = STREAMS.get(state.stream)
    if stream is None or stream.resource != resource or stream.selection != state.selection:
        return frozenset()
    return frozenset(stream.select)
