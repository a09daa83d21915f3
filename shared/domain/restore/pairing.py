"""Pair the records of a snapshot with those of the directory: an object that was restored under a new id is one object.

The records of both sides come compared by their keys as they were stored. The snapshot's ids are rewritten by the id map.
A record whose key changes by that is removed under its old key and added under the new one: both are one record. Rows that
Graph gives an id of its own, such as assignments, are one record if the properties that identify them are equal.
"""

from collections.abc import Iterable, Iterator

from shared.domain.compare import ChangedRecord
from shared.domain.json_text import canonical, members
from shared.domain.records import decode_id, encode_id, is_guid
from shared.domain.resources import RESOURCES, ReferenceKind
from shared.domain.resources.restoring import RestoreKind
from shared.domain.restore.id_map import IdMap, ids_of
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.world import RecordDifference


def rewritten_key(key: bytes, ids: IdMap) -> bytes:
    """Return a record's key with every earlier id replaced by the current one."""
    if not len(ids):
        return key
    return b"/".join(
        encode_id(ids.current(part.decode())) if n % 2 and is_guid(part.decode()) else part
        for n, part in enumerate(key.split(b"/"))
    )


def paired(resource: str, changed: Iterable[ChangedRecord], ids: IdMap) -> Iterator[RecordDifference]:
    """Yield the differences of a resource between the snapshot (``before``) and the directory (``after``).

    Values that are equal after rewriting are left out. Only records that may have a partner under another key are kept in
    memory until the end: those that the id map touches, and rows.
    """
    current = frozenset(each.lower() for each in ids.earlier().values())
    natural = identified_by(resource)
    waiting: dict[str, RecordDifference] = {}
    for record in changed:
        difference = _rewritten(resource, record, ids)
        moved = difference.key.encode() != record.key or not current.isdisjoint(ids_of(record.key))
        if not moved and (not natural or (record.before is not None and record.after is not None)):
            if difference.wanted != difference.live:
                yield difference
            continue
        yield from _apart(record, difference, waiting)
    yield from (each for each in waiting.values() if each.wanted != each.live)


def joined_again(resource: str, differences: Iterable[RecordDifference], ids: IdMap) -> Iterator[RecordDifference]:
    """Yield differences with the snapshot's ids rewritten once more, by further entries of an id map."""
    joined: list[RecordDifference] = []

    def records() -> Iterator[ChangedRecord]:
        for each in differences:
            if each.live_key:
                joined.append(each)
            else:
                yield ChangedRecord(each.key.encode(), each.wanted, each.live)

    yield from paired(resource, records(), ids)
    yield from joined


def record_ids(key: str) -> set[str]:
    """Return the ids in a record's key, in lower case."""
    return {decode_id(each).lower() for each in key.split("/")[1::2]}


def identified_by(resource: str) -> tuple[str, ...]:
    """Return the properties that identify a row of this resource, or none if its key identifies it.

    Graph derives the ids of rows, and of objects that connect others, such as consents.
    """
    row = RESOURCES.get(resource)
    if row is None or row.restoring is None:
        return ()
    names = row.restoring.identified_by
    connects = any(each.kind is ReferenceKind.OBJECT and each.path in names for each in row.references)
    return names if connects or row.restoring.kind is RestoreKind.ROW else ()


def row_identity(resource: str, key: str, value: bytes) -> str:
    """Return a text that identifies a record: the identifying values of a row, or the key of any other record.

    A value without any of the identifying ones, such as that of a patch, is identified by its key.
    """
    names = identified_by(resource)
    inner = (members(value) or {}) if names else {}
    if inner.keys().isdisjoint(names):
        return key
    return "\n".join(canonical(inner.get(name)).lower() for name in names)


def row_key(resource: str, key: str, value: bytes) -> str:
    """Return a text that is the same for records which one write may replace by each other, otherwise the key.

    Such records are a row and its recreation, whose id Graph chooses, and the links of a relation to a single object.
    """
    restoring = RESOURCES[resource].restoring if resource in RESOURCES else None
    if restoring is not None and restoring.link is not None and restoring.link.method == "PUT":
        return f"{resource}\n{key.rpartition('/')[0]}"
    identity = row_identity(resource, key, value)
    return key if identity == key else f"{resource}\n{identity}"


def written_keys(operation: Operation, ids: IdMap) -> Iterator[str]:
    """Yield the keys under which the record that an operation writes may be found, and its ``row_key``."""
    key = rewritten_key(operation.key.encode(), ids).decode()
    yield operation.key
    yield key
    if operation.action in (Action.LINK, Action.UNLINK):
        value = operation.body if operation.body is not None else operation.before
        yield row_key(operation.resource, key, ids.rewritten(value or b""))


def _rewritten(resource: str, record: ChangedRecord, ids: IdMap) -> RecordDifference:
    """Return the difference that a changed record makes, with the snapshot's ids rewritten."""
    wanted = ids.rewritten(record.before) if record.before is not None else None
    key = rewritten_key(record.key, ids) if record.before is not None else record.key
    return RecordDifference(resource, key.decode(), wanted, record.after)


def _apart(
    record: ChangedRecord, difference: RecordDifference, waiting: dict[str, RecordDifference]
) -> Iterator[RecordDifference]:
    """Put the sides of a record into ``waiting``, each by its identity, and join two sides that are one record.

    Yield a side that another record of the same side replaces.
    """
    resource = difference.resource
    sides = []
    if difference.wanted is not None:
        sides.append((RecordDifference(resource, difference.key, difference.wanted, None), difference.wanted))
    if record.after is not None:
        sides.append((RecordDifference(resource, record.key.decode(), None, record.after), record.after))
    for side, value in sides:
        identity = row_identity(resource, side.key, value)
        other = waiting.get(identity)
        joined = _joined(other, side) if other is not None else side
        if other is not None and joined is None:
            yield other
        waiting[identity] = joined or side


def _joined(one: RecordDifference, other: RecordDifference) -> RecordDifference | None:
    """Return the difference of the snapshot's side and the directory's, or None if both are of the same side."""
    for wanted, live in ((one, other), (other, one)):
        if wanted.live is None and live.wanted is None:
            live_key = live.key if live.key != wanted.key else ""
            return RecordDifference(wanted.resource, wanted.key, wanted.wanted, live.live, live_key)
    return None
