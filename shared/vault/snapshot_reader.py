"""Reading a snapshot: its records by resource and key, all or chosen ones.

The reader goes by what the manifest lists and not by the table of resources. So it also reads resources that this
version does not know.
"""

import heapq
from collections.abc import Collection, Iterator, Sequence

import msgspec

from shared.domain.compare import Record
from shared.domain.errors import Answer
from shared.domain.records import resource_of, split_order, tombstone
from shared.domain.restore.id_map import ID_MAP
from shared.vault.format import ChunkRef, Holds, Run, StoredResource, StreamState
from shared.vault.merge import merge
from shared.vault.reader import RunReader
from shared.vault.touched import Chosen, Following


class SnapshotReader:
    """Reads one snapshot. Each chunk is opened when it is needed, after a check of the lease.

    If another stream than their own has the objects that records belong to, and was read whole, records of objects that
    it does not have are omitted: the two streams were not read at the same time. All methods that return records raise
    Alarm with blob and resource if a blob is missing or damaged, and what the check raises.
    """

    def __init__(self, blobs: RunReader, streams: Sequence[StreamState]) -> None:
        """Prepare to read the streams of a manifest."""
        self.streams = streams
        self._blobs = blobs
        self._listed: dict[str, tuple[StreamState, StoredResource]] = {
            listed.resource: (state, listed) for state in streams for listed in state.listed
        }

    @property
    def resources(self) -> list[str]:
        """Return the names of the snapshot's resources, sorted, without the id map, which is none of the directory's."""
        return sorted(self._listed.keys() - {ID_MAP})

    def stream_of(self, resource: str) -> StreamState | None:
        """Return the stream that feeds the resource, or None if the snapshot does not have the resource."""
        state, _ = self._listed.get(resource, (None, None))
        return state

    def owner_of(self, resource: str) -> str | None:
        """Return the resource with the objects that the resource's records belong to, or None if they belong to none."""
        _, listed = self._listed.get(resource, (None, None))
        return listed.owner if listed is not None else None

    def holds_links(self, resource: str) -> bool:
        """Return True if the resource's records are links. A resource that the snapshot does not have holds none."""
        _, listed = self._listed.get(resource, (None, None))
        return listed is not None and listed.holds is Holds.LINKS

    def records(self, resources: Collection[str] = (), after: bytes | None = None) -> Iterator[Record]:
        """Yield the records of these resources (all if empty), sorted by resource, then by key.

        ``after`` is the key of a record: records up to it are left out. Chunks without records to yield are not opened.
        At any time only the runs of one stream are open, and those of the stream that has the owners of its records.
        """
        last = resource_of(after).decode() if after is not None else ""
        for resource in sorted(set(resources) or self._listed):
            if resource == last and after is not None:
                yield from self._present(resource, Following(tombstone(resource.encode(), after)[0]))
            elif resource > last:
                yield from self._present(resource)

    def chosen_records(self, resource: str, chosen: Chosen) -> Iterator[Record]:
        """Return one resource's chosen records, sorted by key. Chunks without any are not opened."""
        return self._present(resource, chosen)

    def stored_records(self, resource: str, chosen: Chosen | None = None) -> Iterator[Record]:
        """Yield one resource's records (all, or the chosen ones), with those that ``records`` omits."""
        name, state = resource.encode(), self.stream_of(resource)
        runs = [narrowed(run, resource, chosen) for run in state.runs] if state is not None else []
        for lines in merge([self._blobs.lists(run) for run in runs if run.chunks]):
            for order, value in lines if chosen is None else chosen.among(lines):
                own, key = split_order(order)
                if own == name and value is not None:
                    yield key, value

    def count(self, resource: str) -> int:
        """Return the number of the resource's records. Read them all."""
        return sum(1 for _ in self._present(resource))

    def foreign_owner(self, resource: str) -> str | None:
        """Return the resource that owns this resource's records if another stream feeds that one, otherwise None."""
        owner = self.owner_of(resource)
        owner_state = self.stream_of(owner) if owner is not None else None
        return owner if owner_state is not None and owner_state is not self.stream_of(resource) else None

    def _present(self, resource: str, chosen: Chosen | None = None) -> Iterator[Record]:
        """Return the records that ``stored_records`` yields, without those of objects that are not in the snapshot."""
        records = self.stored_records(resource, chosen)
        owner = self.foreign_owner(resource)
        state = self.stream_of(owner) if owner is not None else None
        if owner is None or state is None or state.answer is not Answer.WHOLE:
            return records
        owners = self._present(owner, chosen.owners(owner) if chosen is not None else None)
        return _owned(records, _folders(key for key, _ in owners))


def narrowed(run: Run, resource: str, chosen: Chosen | None = None) -> Run:
    """Return the run with only the chunks that may have a chosen record of the resource."""
    chunks = [chunk for chunk in run.chunks if _holds(chunk, resource) and (chosen is None or chosen.within(chunk))]
    return msgspec.structs.replace(run, chunks=chunks)


def _holds(chunk: ChunkRef, resource: str) -> bool:
    """Return True if the chunk's range overlaps the resource, whose lines range from ``name \\0`` to ``name \\1``."""
    return chunk.first < f"{resource}\1" and chunk.last >= f"{resource}\0"


def _owned(children: Iterator[Record], folders: Iterator[bytes]) -> Iterator[Record]:
    """Yield the children whose key begins with one of the folders. Both are sorted."""
    folder = next(folders, None)
    for key, value in children:
        while folder is not None and folder < key and not key.startswith(folder):
            folder = next(folders, None)
        if folder is None:
            return
        if key.startswith(folder):
            yield key, value


def _folders(keys: Iterator[bytes]) -> Iterator[bytes]:
    """Yield each key with a slash appended, sorted with the slash.

    The keys come sorted without it. The order may differ where one key is the beginning of another.
    """
    waiting: list[bytes] = []
    for key in keys:
        while waiting and not key.startswith(waiting[0][:-1]):
            yield heapq.heappop(waiting)
        heapq.heappush(waiting, key + b"/")
    while waiting:
        yield heapq.heappop(waiting)
