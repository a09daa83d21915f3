"""The history of one object: when each of its properties and links changed, through all snapshots up to one."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import msgspec

from shared.domain.audit import Plain
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind
from shared.domain.model import Snapshot, Tenant
from shared.domain.records import encode_id
from shared.domain.restore.id_map import ID_MAP
from shared.engine.compare.differences import needed_names
from shared.engine.compare.naming import Names, read_names
from shared.engine.compare.recreated import ids_of_object
from shared.engine.compare.timeline import Happened, HistoryEvent, Track
from shared.engine.context import Context
from shared.engine.snapshots.foreground import Shown, run_foreground_job
from shared.engine.steps.work import Work
from shared.vault.format import Manifest, StreamState
from shared.vault.object_reader import ObjectReader
from shared.vault.snapshot_reader import SnapshotReader


class History:
    """The events of one object, newest first, and the names that they need."""

    def __init__(self, work: Work, events: Sequence[HistoryEvent], names: Names, shown: Shown) -> None:
        self.names = names
        self._work = work
        self._events = events
        self._shown = shown

    def events(self) -> Iterator[HistoryEvent]:
        """Yield the events, each only while the key may be used."""
        for event in self._events:
            self._work.check()
            self._shown.records += 1
            difference = event.difference.named(self.names) if event.difference is not None else None
            yield msgspec.structs.replace(event, difference=difference)


@contextmanager
def history(
    context: Context, tenant: Tenant, snapshot: str, object_id: str, resources: Collection[str] = ()
) -> Iterator[History]:
    """Read the history of an object up to a snapshot (id or ``latest``) in a job of this process. Yield it.

    ``resources`` are those to show, all if empty. Raise Refuse ``NO_SUCH_OBJECT`` if no snapshot has the object,
    ``WRONG_USE`` if none has one of the resources, ``NO_SUCH_SNAPSHOT``, and what reading raises.
    """
    snapshots = context.catalog.tenant(tenant.tenant_id).snapshots
    last = snapshots.get(snapshot)
    newest_first = snapshots.all()
    ids = [row.snapshot_id for row in newest_first]
    rows = newest_first[ids.index(last.snapshot_id) :]
    shown = Shown()
    detail: dict[str, Plain] = {"object": object_id, "snapshots": len(rows)}
    with run_foreground_job(context, tenant, JobKind.BROWSE, rows, shown, resources, detail) as work:
        readings = [
            _Reading(work, rows[::-1], encode_id(each))
            for each in ids_of_object(object_id, work.catalog.restores.map_entries())
        ]
        histories = [events for reading in readings if (events := reading.events()) is not None]
        if not histories:
            raise Refuse(Code.NO_SUCH_OBJECT, _absent(object_id, rows))
        events = _merged(histories, rows)
        chosen = [event for event in events if not resources or event.resource in resources]
        by_id = {row.snapshot_id: row for row in rows}
        yield History(work, chosen, _names(work, by_id, readings[-1].newest, chosen), shown)


def _merged(histories: Sequence[list[HistoryEvent]], rows: Sequence[Snapshot]) -> list[HistoryEvent]:
    """Return the events of an object under all its ids, newest first. Under a later id it was restored, not created."""
    first, *later = histories
    restored = [
        msgspec.structs.replace(each, happened=Happened.RESTORED) if each.happened is Happened.CREATED else each
        for events in reversed(later)
        for each in events
    ]
    order = {row.snapshot_id: number for number, row in enumerate(rows)}
    return sorted([*restored, *first], key=lambda each: order[each.snapshot.snapshot_id])


class _Reading:
    """Reads what the snapshots, oldest first, have of one object."""

    def __init__(self, work: Work, rows: Sequence[Snapshot], object_id: bytes) -> None:
        self._work = work
        self._rows = rows
        self.newest = work.blobs.manifest(rows[-1])
        """The manifest of the last snapshot, which lists the resources of all earlier ones."""
        listed = (each for state in self.newest.streams for each in state.listed)
        self._listed = {each.resource: each for each in listed if each.resource != ID_MAP}
        self._object = ObjectReader(work.blobs, object_id, self._listed.values())
        with ThreadPoolExecutor(work.context.limits.manifest_threads, "manifests") as threads:
            self._points = list(threads.map(self._streams, rows))

    def events(self) -> list[HistoryEvent] | None:
        """Return the events, newest first, or None if no snapshot has the object."""
        roots = self._roots()
        if not roots:
            return None
        tracks = [track for root in sorted(roots) for track in self._tracks(root)]
        events: list[list[HistoryEvent]] = []
        for row, streams in zip(self._rows, self._points, strict=True):
            self._work.check()
            reader = self._object.snapshot(streams)
            events.append([event for track in tracks for event in track.advance(row, reader)])
        return [event for shown in reversed(events) for event in shown]

    def _streams(self, row: Snapshot) -> list[StreamState]:
        """Return what a manifest lists of the object."""
        self._work.check()
        return self._object.narrowed(self._work.blobs.manifest(row).streams)

    def _roots(self) -> set[str]:
        """Return the resources that may hold the object: those that have it in a snapshot, and deleted objects."""
        names = [name for name, listed in self._listed.items() if listed.owner is None]
        for streams in reversed(self._points):
            self._work.check()
            reader = self._object.snapshot(streams)
            for name in names:
                if any(reader.stored_records(name, self._object.touched(name))):
                    family = name.partition(".")[0]
                    return {each for each in names if each.partition(".")[0] == family}
        return set()

    def _tracks(self, root: str) -> Iterator[Track]:
        """Yield a track of the object's own resource, and one of each resource whose records belong to the object."""
        own = Track(root, self._object, None)
        yield own
        for name in self._below(root):
            yield Track(name, self._object, own)

    def _below(self, root: str) -> list[str]:
        """Return the resources whose records belong to objects of this one, sorted."""
        owned = sorted(name for name, listed in self._listed.items() if listed.owner == root)
        return [each for name in owned for each in (name, *self._below(name))]


def _names(work: Work, rows: Mapping[str, Snapshot], newest: Manifest, events: Sequence[HistoryEvent]) -> Names:
    """Return the names that the events need: from the newest snapshot, otherwise from the snapshots of the events."""
    ids, app_ids = needed_names(event.difference for event in events if event.difference is not None)
    names = read_names([SnapshotReader(work.blobs, newest.streams)], ids, app_ids)
    points: dict[str, None] = {}
    missing = {each for each in ids if names.find(each) is None}
    for event in events:
        needed = needed_names([event.difference] if event.difference is not None else [])[0] & missing
        if needed:
            points |= dict.fromkeys(each for each in (event.snapshot.snapshot_id, event.previous) if each is not None)
            missing -= needed
    if not points:
        return names
    manifests = [newest, *(work.blobs.manifest(rows[each]) for each in points)]
    return read_names([SnapshotReader(work.blobs, manifest.streams) for manifest in manifests], ids, app_ids)


def _absent(object_id: str, rows: Sequence[Snapshot]) -> str:
    """Return the sentence for an id that no snapshot has."""
    return f"No object of these {len(rows)} snapshots has the id {object_id}."
