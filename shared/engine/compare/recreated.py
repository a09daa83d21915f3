"""Objects that a restore has created under a new id: in a comparison and in a history they are one object."""

from collections.abc import Iterator, Sequence

from shared.domain.compare import ChangedRecord
from shared.domain.restore.id_map import ID_MAP, IdMap, MapEntry, entry_in
from shared.domain.restore.pairing import paired
from shared.domain.restore.world import RecordDifference
from shared.vault.snapshot_reader import SnapshotReader


def map_in(reader: SnapshotReader) -> IdMap:
    """Return the id map that a snapshot has. Raise what reading raises."""
    return IdMap(entry_in(*record) for record in reader.stored_records(ID_MAP))


def joined(resource: str, changed: Iterator[ChangedRecord], before: IdMap, after: IdMap) -> Iterator[ChangedRecord]:
    """Yield the records that differ, with the records of recreated objects joined under their current ids, sorted by key.

    ``before`` and ``after`` are the id maps of both snapshots. A map only grows, so the larger one is that of the later
    snapshot, and the other snapshot's ids are rewritten by it.
    """
    if not len(before) and not len(after):
        yield from changed
        return
    reverse = len(before) > len(after)
    ordered = map(_reversed, changed) if reverse else changed
    differences = map(_record, paired(resource, ordered, before if reverse else after))
    yield from sorted(map(_reversed, differences) if reverse else differences, key=lambda each: each.key)


def ids_of_object(object_id: str, entries: Sequence[MapEntry]) -> list[str]:
    """Return every id that an object has had, the current one last. It may be given by any of them."""
    ids = IdMap(entries)
    current = ids.current(object_id)
    earlier = [old for old, now in ids.earlier().items() if now.lower() == current.lower() and old != now.lower()]
    return [*sorted(earlier, key=lambda each: len(ids.path(each)), reverse=True), current]


def _reversed(record: ChangedRecord) -> ChangedRecord:
    return ChangedRecord(record.key, record.after, record.before)


def _record(difference: RecordDifference) -> ChangedRecord:
    return ChangedRecord(difference.key.encode(), difference.wanted, difference.live)
