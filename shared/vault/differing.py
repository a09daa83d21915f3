"""The records that differ between two snapshots, found by touched keys.

Keys in runs that only one snapshot has are touched. All others have their newest lines in runs that both snapshots share,
so they are equal: chunks without a touched key are not opened, and equal lists of runs need no read.
"""

from collections.abc import Iterator

from shared.domain.compare import ChangedRecord, Record, changed_records
from shared.domain.errors import Answer
from shared.domain.records import is_prefix, split_order
from shared.vault.format import Run
from shared.vault.snapshot_reader import SnapshotReader, narrowed
from shared.vault.touched import ReadRun, Touched


def differing(
    before: SnapshotReader, after: SnapshotReader, resource: str, lists: ReadRun, most: int
) -> Iterator[ChangedRecord]:
    """Yield the records of a resource that differ between two snapshots, sorted by key.

    Records of objects that do not exist are omitted only if both snapshots tell which objects exist. ``lists`` returns the
    lines of a run. If more than ``most`` lines are in runs of one snapshot alone, both are read whole. So memory is bounded:
    the orders of these lines, and a part of a chunk of each run. Raise what reading raises.
    """
    orders = _touched(before, after, resource, lists, most)
    if orders is not None and not orders:
        return
    touched = None if orders is None else Touched(sorted(orders))
    owned = _owner(before, after, resource) is not None
    yield from changed_records(*(_records(side, resource, touched, owned=owned) for side in (before, after)))


def lines_apart(before: SnapshotReader, after: SnapshotReader, resource: str) -> int:
    """Count the lines that must be read to compare a resource: those of runs that only one snapshot has. Read none."""
    lines = sum(chunk.lines for run in _own_runs(before, after, resource) for chunk in run.chunks)
    owner = _owner(before, after, resource)
    return lines if owner is None else lines + lines_apart(before, after, owner)


def _records(side: SnapshotReader, resource: str, touched: Touched | None, *, owned: bool) -> Iterator[Record]:
    """Return one side's records; with ``owned``, without those of objects that do not exist."""
    if not owned:
        return side.stored_records(resource, touched)
    return side.records((resource,)) if touched is None else side.chosen_records(resource, touched)


def _touched(
    before: SnapshotReader, after: SnapshotReader, resource: str, lists: ReadRun, most: int
) -> set[bytes] | None:
    """Return the touched orders of a resource, or None if there are too many.

    If another stream has the objects that the records belong to, all records of a touched object are touched.
    """
    orders = _own_touched(before, after, resource, lists, most)
    owner = _owner(before, after, resource)
    if owner is None or orders is None:
        return orders
    above = _touched(before, after, owner, lists, most)
    return None if above is None else orders | {_below(order, resource) for order in above}


def _own_touched(
    before: SnapshotReader, after: SnapshotReader, resource: str, lists: ReadRun, most: int
) -> set[bytes] | None:
    """Return the orders of a resource in runs that only one side has, or None if there are too many."""
    own = _own_runs(before, after, resource)
    if sum(chunk.lines for run in own for chunk in run.chunks) > most:
        return None
    name = resource.encode()
    return {order for run in own for lines in lists(run) for order, _ in lines if split_order(order)[0] == name}


def _own_runs(before: SnapshotReader, after: SnapshotReader, resource: str) -> list[Run]:
    """Return the runs that only one side has, with only the chunks that may have a record of the resource."""
    states = [side.stream_of(resource) for side in (before, after)]
    runs = [{run.run_id: run for run in (state.runs if state is not None else [])} for state in states]
    return [narrowed((runs[0] | runs[1])[run_id], resource) for run_id in runs[0].keys() ^ runs[1].keys()]


def _owner(before: SnapshotReader, after: SnapshotReader, resource: str) -> str | None:
    """Return the resource whose objects own the records, if it is of another stream, and read whole on both sides."""
    owner = before.foreign_owner(resource)
    if owner is None or after.foreign_owner(resource) != owner:
        return None
    states = (side.stream_of(owner) for side in (before, after))
    return owner if all(state is not None and state.answer is Answer.WHOLE for state in states) else None


def _below(order: bytes, resource: str) -> bytes:
    """Return the prefix of the keys of records that belong to an object, or to all objects below a prefix.

    ``order`` is that of the object or the prefix.
    """
    key = split_order(order)[1]
    return resource.encode() + b"\0" + (key if is_prefix(order) else key + b"/")
