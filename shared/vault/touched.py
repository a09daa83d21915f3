"""Touched keys: what the newest runs of a stream say anything about, and which chunks of the older ones tell what was before.

So the records of a snapshot are counted by reading what has changed, and not all that there is.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from operator import itemgetter

import msgspec

from shared.domain.records import Line, is_prefix, split_order
from shared.vault.format import ChunkRef, Run
from shared.vault.merge import Lists, behind, merge, squeeze

ReadRun = Callable[[Run], Lists]
"""From a run to its lines, sorted, in lists."""

_MOST = 100_000
"""Lines of the newer runs whose orders are held in memory; where there are more, all is counted."""
_WORTH = 0.5
"""The part of all chunks above which it takes longer to look at what is touched than to count all."""
_ORDER = itemgetter(0)


class Touched:
    """A set of orders: keys, and prefixes that stand for every key below them."""

    def __init__(self, orders: Sequence[bytes]) -> None:
        """The orders are sorted."""
        self._orders = orders
        self._prefixes = {order for order in orders if is_prefix(order)}
        # A prefix tombstone of an older run may hide a touched key; its chunk need not be the key's.
        self._points = sorted(set(orders).union(*(map(_cuts, orders))))

    def among(self, lines: list[Line]) -> list[Line]:
        """Those of sorted lines whose keys are touched."""
        first, last = lines[0][0], lines[-1][0]
        within = self._orders[bisect_left(self._orders, first) : bisect_right(self._orders, last)]
        found: set[int] = set()
        for order in (*self._covering(first), *within):
            at = bisect_left(lines, order, key=_ORDER)
            if is_prefix(order):
                found.update(range(at, bisect_left(lines, behind(order), at, key=_ORDER)))
            elif lines[at][0] == order:
                found.add(at)
        return [lines[at] for at in sorted(found)]

    def within(self, chunk: ChunkRef) -> bool:
        """Whether the chunk may hold a touched key, or what hides one in runs that are older still."""
        first, last = chunk.first.encode(), chunk.last.encode()
        at = bisect_left(self._points, first)
        return (at < len(self._points) and self._points[at] <= last) or bool(self._covering(first))

    def _covering(self, order: bytes) -> list[bytes]:
        """The touched prefixes that hide this order."""
        return [cut for cut in _cuts(order) if cut in self._prefixes]


def count(runs: Sequence[Run], read: ReadRun) -> Counter[str]:
    """The records of these runs (oldest first) together, by resource. Reads them all, unless it is one that has counted."""
    if len(runs) == 1 and runs[0].resources:
        return Counter({name: counted.records for name, counted in runs[0].resources.items()})
    counts = Counter[str]()
    for lines in merge([read(run) for run in runs]):
        counts.update(_counted(lines))
    return counts


def total(told: Sequence[tuple[Run, Set[bytes]]], read: ReadRun) -> Counter[str]:
    """The records of these runs (oldest first) together.

    Each has counted its lines, and comes with the orders that touch what another of them speaks of, too. Reads the chunks
    that are touched, or all if that is most of them.
    """
    runs = [run for run, _ in told]
    narrowed = [_narrowed(run, Touched(sorted(orders))) for run, orders in told]
    if sum(len(run.chunks) for run in narrowed) > _WORTH * sum(len(run.chunks) for run in runs):
        return count(runs, read)
    touched = Touched(sorted(set[bytes]().union(*(orders for _, orders in told))))
    counts = Counter[str]()
    for run in runs:
        counts.update({name: counted.records for name, counted in run.resources.items()})

    def doubtful(run: Run) -> Lists:
        """What stands in these chunks, of which what is touched no longer counts as it was told."""
        for lines in read(run):
            counts.subtract(_counted([line for line in touched.among(lines) if line[1] is not None]))
            yield lines

    for lines in merge([doubtful(run) for run in narrowed]):
        counts.update(_counted(touched.among(lines)))
    return counts


def recount(before: Mapping[str, int], older: Sequence[Run], newer: Sequence[Run], read: ReadRun) -> Counter[str]:
    """The records of all runs together, where ``older`` alone have those of ``before``.

    Reads the newer runs, and of the older ones the chunks that they touch; all of both if the newer ones hold many lines, so
    that memory is bounded.
    """
    if sum(run.lines for run in newer) > _MOST:
        return count([*older, *newer], read)
    counts = Counter(before)
    orders: list[bytes] = []
    for lines in squeeze([read(run) for run in newer]):
        orders += [order for order, _ in lines]
        counts.update(_counted([line for line in lines if line[1] is not None]))
    touched = Touched(orders)
    for lines in merge([read(_narrowed(run, touched)) for run in older]):
        counts.subtract(_counted(touched.among(lines)))
    return counts


def _narrowed(run: Run, touched: Touched) -> Run:
    return msgspec.structs.replace(run, chunks=[chunk for chunk in run.chunks if touched.within(chunk)])


def _counted(lines: list[Line]) -> Counter[str]:
    """Sorted lines by resource."""
    if not lines:
        return Counter()
    if (resource := _resource(lines[0])) == _resource(lines[-1]):  # as nearly always
        return Counter({resource: len(lines)})
    return Counter(map(_resource, lines))


def _resource(line: Line) -> str:
    return split_order(line[0])[0].decode()


def _cuts(order: bytes) -> list[bytes]:
    """Every prefix that hides this order: cut behind the resource's zero byte, and behind each slash."""
    at = order.index(b"\0")
    found = [order[: at + 1]]
    while (at := order.find(b"/", at + 1)) >= 0:
        found.append(order[: at + 1])
    return found
