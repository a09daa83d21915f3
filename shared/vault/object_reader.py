"""Reading one object from many snapshots: with all that belongs to it, and each chunk opened once."""

from collections.abc import Collection, Iterator, Sequence

import msgspec

from shared.domain.records import Line, prefix_tombstone, tombstone
from shared.vault.format import Run, StoredResource, StreamState
from shared.vault.reader import RunReader
from shared.vault.snapshot_reader import SnapshotReader
from shared.vault.touched import Touched


class ObjectReader:
    """Reads the records of one object id. Of each chunk it keeps only the lines that matter for them.

    The object may be of any resource whose records belong to no other object. ``narrowed`` can be called from several
    threads.
    """

    def __init__(self, runs: RunReader, object_id: bytes, resources: Collection[StoredResource]) -> None:
        """Prepare to read the object with this encoded id from snapshots that list these resources."""
        self._runs = runs
        self.id = object_id
        owners = {listed.resource: listed.owner for listed in resources}
        self._orders = {name: _order(name, _root(name, owners), object_id) for name in owners}
        self._touched = Touched(sorted(self._orders.values()))
        self._narrowed: dict[str, Run] = {}
        self._lines: dict[str, list[Line]] = {}

    def touched(self, resource: str) -> Touched:
        """Return the choice of the resource's records: the object's own one, or those that belong to the object."""
        return Touched([self._orders[resource]])

    def narrowed(self, streams: Sequence[StreamState]) -> list[StreamState]:
        """Return a manifest's streams with only the chunks that may hold the object's records, or hide them."""
        return [msgspec.structs.replace(state, runs=list(map(self._narrow, state.runs))) for state in streams]

    def snapshot(self, streams: Sequence[StreamState]) -> SnapshotReader:
        """Return a reader of narrowed streams. It has no other object's records."""
        return SnapshotReader(self, streams)

    def lists(self, run: Run) -> Iterator[list[Line]]:
        """Yield the run's lines that matter, sorted. Raise what reading raises."""
        for chunk in run.chunks:
            if chunk.name not in self._lines:
                single = msgspec.structs.replace(run, chunks=[chunk])
                self._lines[chunk.name] = [
                    line for lines in self._runs.lists(single) for line in self._touched.relevant(lines)
                ]
            if self._lines[chunk.name]:
                yield self._lines[chunk.name]

    def _narrow(self, run: Run) -> Run:
        if run.run_id not in self._narrowed:
            self._narrowed[run.run_id] = self._touched.narrowed(run)
        return self._narrowed[run.run_id]


def _order(resource: str, root: str, object_id: bytes) -> bytes:
    """Return the order of the object itself, or the prefix of what belongs to it."""
    key = root.encode() + b"/" + object_id
    own = resource == root
    return (tombstone(resource.encode(), key) if own else prefix_tombstone(resource.encode(), key + b"/"))[0]


def _root(resource: str, owners: dict[str, str | None]) -> str:
    """Return the resource of the objects that own a resource's records, directly or through others.

    Return the resource itself if its records have no owner.
    """
    owner = owners.get(resource)
    return resource if owner is None else _root(owner, owners)
