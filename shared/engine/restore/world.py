"""The planner's view of a tenant: two snapshots, the id map, earlier results, and the directory itself."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from shared.domain.resources import RESOURCES
from shared.domain.resources.table import REMAPPED
from shared.domain.restore.id_map import IdMap, ids_of
from shared.domain.restore.pairing import paired
from shared.domain.restore.world import InBin, Known, RecordDifference
from shared.engine.restore.directory_facts import DirectoryFacts
from shared.engine.restore.sides import SnapshotSide
from shared.engine.steps.work import Work
from shared.vault.differing import differing
from shared.vault.snapshot_reader import SnapshotReader

_UNCHANGED = IdMap(())


class TenantWorld:
    """``domain.restore.world.World`` of a tenant."""

    def __init__(
        self,
        work: Work,
        readers: tuple[SnapshotReader, SnapshotReader],
        ids: IdMap,
        known: Sequence[Known],
        facts: DirectoryFacts,
        own_ids: frozenset[str],
    ) -> None:
        """Take the readers of the snapshot to restore and of the directory's present state."""
        self._work = work
        self._before, self._after = readers
        self._facts = facts
        self.snapshot = SnapshotSide(self._before, ids)
        self.live = SnapshotSide(self._after, _UNCHANGED)
        self.ids = ids
        self.known = known
        self.own_ids = own_ids

    def differences(self, resource: str) -> Iterator[RecordDifference]:
        """Yield the records of a resource that differ, in any order."""
        most = self._work.context.limits.compared_lines
        changed = differing(self._before, self._after, resource, self._work.blobs.lists, most)
        seen = set[str]()
        by_earlier_id = self._names_objects(resource)
        for difference in paired(resource, changed, self.ids):
            if by_earlier_id:
                seen.add(difference.live_key or difference.key)
            yield difference
        if by_earlier_id:
            yield from self._by_earlier_id(resource, seen)

    def in_bin(self, resource: str, ids: Collection[str] | None) -> Iterator[InBin]:
        """Yield the objects of a resource that are in its recycle bin: all, or those with these ids."""
        return self._facts.in_bin(resource, ids)

    @cached_property
    def own_roles(self) -> frozenset[str] | None:
        """Return template ids of the directory roles of the restoring application; None if they are not known."""
        return self._facts.own_roles()

    @cached_property
    def seats(self) -> Mapping[str, int] | None:
        """Return the free seats by ``skuId`` in lower case; None if they are not known."""
        return self._facts.seats()

    @cached_property
    def free_objects(self) -> int | None:
        """Return how many objects the directory may have beside the present ones; None if that is not known."""
        return self._facts.free_objects()

    def _names_objects(self, resource: str) -> bool:
        """Return True if records of the resource may name objects that were created anew."""
        row = RESOURCES.get(resource)
        return bool(len(self.ids)) and row is not None and any(each.kind in REMAPPED for each in row.references)

    def _by_earlier_id(self, resource: str, seen: Collection[str]) -> Iterator[RecordDifference]:
        """Yield records that are equal on both sides and name an object by an earlier id."""
        earlier = self.ids.earlier().keys()
        stale = {}
        for key, value in self.live.records(resource):
            if key.decode() not in seen and not earlier.isdisjoint(ids_of(value)):
                stale[key.decode()] = value
        if not stale:
            return
        owners = {key.split("/")[1].lower() for key in stale if "/" in key} or None
        for key, value in self.snapshot.records(resource, owners):
            live = stale.get(key.decode())
            if live is not None and live != value:
                yield RecordDifference(resource, key.decode(), value, live)
