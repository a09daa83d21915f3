"""Touched keys: the keys in a stream's newest runs, and the chunks of older runs that contain their previous lines.

With them, counting a snapshot's records reads only the changes and not all records.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from operator import itemgetter
from typing import NamedTuple, Protocol

import msgspec

from shared.domain.records import Line, is_prefix, split_order
from shared.vault.format import ChunkRef, Run
from shared.vault.merge import Lists, after_prefix, merge, squeeze

ReadRun = Callable[[Run], Lists]
"""Returns a run's lines, sorted, in lists."""

_MOST = 100_000
"""The largest number of lines in newer runs whose orders are kept in memory. With more lines, all runs are counted."""
_WORTH = 0.5
"""The part of all chunks above which counting all is faster than reading touched chunks."""
_ORDER = itemgetter(0)
_SLASH = ord("/")


class Chosen(Protocol):
    """A choice of records, by their keys or values."""

    def among(self, lines: list[Line], /) -> list[Line]:
        """Return those of sorted lines that are chosen."""
        ...

    def within(self, chunk: ChunkRef, /) -> bool:
        """Return True if the chunk may contain a chosen record, or a prefix tombstone that hides a chosen record."""
        ...

    def owners(self, resource: str, /) -> "Chosen | None":
        """Return a choice with at least the objects that own chosen records; None for all objects."""
        ...


class Following:
    """All keys that sort after a given one."""

    def __init__(self, order: bytes) -> None:
        """Choose the orders greater than this one."""
        self._order = order
        self._covering = _cuts(order)

    def among(self, lines: list[Line]) -> list[Line]:
        """Return those of sorted lines whose keys are later."""
        return lines[bisect_right(lines, self._order, key=_ORDER) :]

    def within(self, chunk: ChunkRef) -> bool:
        """Return True if the chunk may contain a later key, or a prefix tombstone that hides a later key."""
        first = chunk.first.encode()
        return chunk.last.encode() > self._order or any(first <= cut <= chunk.last.encode() for cut in self._covering)

    def owners(self, resource: str) -> None:
        """Return None: nearly all objects may own later keys."""


class Touched:
    """A set of orders: keys, and prefixes that stand for every key below them."""

    def __init__(self, orders: Sequence[bytes]) -> None:
        """Create the set from sorted orders."""
        self._orders = orders
        self._prefixes = {order for order in orders if is_prefix(order)}
        # A prefix tombstone of an older run may hide a touched key, and may be in another chunk than the key.
        self._points = sorted(set(orders).union(*(map(_cuts, orders))))

    def among(self, lines: list[Line]) -> list[Line]:
        """Return those of sorted lines whose keys are touched."""
        first, last = lines[0][0], lines[-1][0]
        within = self._orders[bisect_left(self._orders, first) : bisect_right(self._orders, last)]
        indexes: set[int] = set()
        for order in (*self._covering(first), *within):
            start = bisect_left(lines, order, key=_ORDER)
            if is_prefix(order):
                indexes.update(range(start, bisect_left(lines, after_prefix(order), start, key=_ORDER)))
            elif lines[start][0] == order:
                indexes.add(start)
        return [lines[index] for index in sorted(indexes)]

    def relevant(self, lines: list[Line]) -> list[Line]:
        """Return those of sorted lines whose keys are touched, and the prefixes that hide touched keys in older runs."""
        kept = dict(self.among(lines))
        first, last = lines[0][0], lines[-1][0]
        for point in self._points[bisect_left(self._points, first) : bisect_right(self._points, last)]:
            index = bisect_left(lines, point, key=_ORDER)
            if lines[index][0] == point:
                kept[point] = lines[index][1]
        return sorted(kept.items())

    def within(self, chunk: ChunkRef) -> bool:
        """Return True if the chunk may contain a touched key, or a prefix tombstone that hides a touched key."""
        first, last = chunk.first.encode(), chunk.last.encode()
        start = bisect_left(self._points, first)
        return (start < len(self._points) and self._points[start] <= last) or bool(self._covering(first))

    def narrowed(self, run: Run) -> Run:
        """Return the run with only the chunks that matter for touched keys."""
        return msgspec.structs.replace(run, chunks=[chunk for chunk in run.chunks if self.within(chunk)])

    def owners(self, resource: str) -> "Touched":
        """Return the keys of the objects that own the records with touched keys.

        A key begins with the key of its owner. So the result has every beginning of a touched key, and the touched
        prefixes.
        """
        orders = set[bytes]()
        for order in self._orders:
            _, key = split_order(order)
            lead = resource.encode() + b"\0"
            orders.update(lead + key[:end] for end, byte in enumerate(key) if byte == _SLASH)
            if is_prefix(order):
                orders.add(lead + key)
        return Touched(sorted(orders))

    def _covering(self, order: bytes) -> list[bytes]:
        """Return the touched prefixes that hide this order."""
        return [cut for cut in _cuts(order) if cut in self._prefixes]


def count(runs: Sequence[Run], read: ReadRun) -> Counter[str]:
    """Return the number of records in these runs (oldest first) together, by resource.

    Reads all runs, unless there is only one with counts.
    """
    if len(runs) == 1 and runs[0].resources:
        return Counter({name: counted.records for name, counted in runs[0].resources.items()})
    counts = Counter[str]()
    for lines in merge([read(run) for run in runs]):
        counts.update(_counted(lines))
    return counts


def total(counted_runs: Sequence[tuple[Run, Set[bytes]]], read: ReadRun) -> Counter[str]:
    """Return the number of records in these runs (oldest first) together, by resource.

    Each run has counts, and comes with the orders that other runs touch too. Reads the touched chunks, or all if they
    are most of the chunks.
    """
    runs = [run for run, _ in counted_runs]
    narrowed = [Touched(sorted(orders)).narrowed(run) for run, orders in counted_runs]
    if sum(len(run.chunks) for run in narrowed) > _WORTH * sum(len(run.chunks) for run in runs):
        return count(runs, read)
    touched = Touched(sorted(set[bytes]().union(*(orders for _, orders in counted_runs))))
    counts = Counter[str]()
    for run in runs:
        counts.update({name: counted.records for name, counted in run.resources.items()})

    def read_touched(run: Run) -> Lists:
        """Yield the lines of the run's chunks, after subtracting the touched records among them from the counts."""
        for lines in read(run):
            counts.subtract(_counted([line for line in touched.among(lines) if line[1] is not None]))
            yield lines

    for lines in merge([read_touched(run) for run in narrowed]):
        counts.update(_counted(touched.among(lines)))
    return counts


class Changes(NamedTuple):
    """The numbers of a resource's records that differ between two states."""

    added: int = 0
    removed: int = 0
    changed: int = 0


class Recounted(NamedTuple):
    """The numbers of records in older and newer runs together."""

    records: Counter[str]
    """Numbers of records by resource."""
    changes: dict[str, Changes] | None
    """What the newer runs changed, by resource; resources without a change may be missing. None if that is unknown."""


def recount(
    before: Mapping[str, int],
    older: Sequence[Run],
    newer: Sequence[Run],
    read: ReadRun,
    meaning: Callable[[str, bytes], bytes],
) -> Recounted:
    """Return the number of records in all runs together. ``before`` are the numbers of ``older`` alone, by resource.

    Two values are equal if ``meaning``, of a resource and a value, returns the same for both. Reads the newer runs, and
    the chunks of older runs that they touch. If the newer runs have many lines, the records of all runs are counted
    without a comparison, to bound memory.
    """
    if sum(run.lines for run in newer) > _MOST:
        return Recounted(count([*older, *newer], read), None)
    orders: list[bytes] = []
    meanings: dict[bytes, bytes] = {}
    for lines in squeeze([read(run) for run in newer]):
        orders += [order for order, _ in lines]
        meanings.update((line[0], meaning(_resource(line), line[1])) for line in lines if line[1] is not None)
    added, removed, changed = Counter(map(_resource_of, meanings)), Counter[str](), Counter[str]()
    touched = Touched(orders)
    for lines in merge([read(touched.narrowed(run)) for run in older]):
        for order, value in touched.among(lines):
            resource, present = _resource_of(order), meanings.get(order)
            if present is None:
                removed[resource] += 1
                continue
            added[resource] -= 1
            changed[resource] += value is not None and meaning(resource, value) != present
    records = Counter(before)
    records.update(added)
    records.subtract(removed)
    changes = {name: Changes(added[name], removed[name], changed[name]) for name in {*added, *removed}}
    return Recounted(records, changes)


def _counted(lines: list[Line]) -> Counter[str]:
    """Return the number of sorted lines by resource."""
    if not lines:
        return Counter()
    if (resource := _resource(lines[0])) == _resource(lines[-1]):  # the usual case
        return Counter({resource: len(lines)})
    return Counter(map(_resource, lines))


def _resource(line: Line) -> str:
    return _resource_of(line[0])


def _resource_of(order: bytes) -> str:
    return split_order(order)[0].decode()


def _cuts(order: bytes) -> list[bytes]:
    """Return every prefix that hides this order: cut after the resource's zero byte, and after each slash."""
    end = order.index(b"\0")
    prefixes = [order[: end + 1]]
    while (end := order.find(b"/", end + 1)) >= 0:
        prefixes.append(order[: end + 1])
    return prefixes
