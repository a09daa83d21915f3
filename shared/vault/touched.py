"""Touched keys: what the newest runs of a stream say anything about, and which chunks of the older ones tell what was before.

So the records of a snapshot are counted by reading what has changed, and not all that there is.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from shared.domain.records import Line, is_prefix, split_order
from shared.vault.format import ChunkRef, Run
from shared.vault.merge import merge, squeeze

ReadRun = Callable[[Run], Iterator[Line]]
"""From a run to its lines, sorted."""


class Touched:
    """A set of orders: keys, and prefixes that stand for every key below them."""

    def __init__(self, orders: Sequence[bytes]) -> None:
        self._keys = set(orders)
        self._prefixes = {order for order in orders if is_prefix(order)}
        # A prefix tombstone of an older run may hide a touched key; its chunk need not be the key's.
        self._points = sorted(self._keys.union(*(map(_cuts, orders))))

    def hides(self, order: bytes) -> bool:
        """Whether the key of this order is touched."""
        return order in self._keys or not self._prefixes.isdisjoint(_cuts(order))

    def within(self, chunk: ChunkRef) -> bool:
        """Whether the chunk may hold a touched key, or what hides one in runs that are older still."""
        first, last = chunk.first.encode(), chunk.last.encode()
        at = bisect_left(self._points, first)
        return (at < len(self._points) and self._points[at] <= last) or self.hides(first)


def count(runs: Sequence[Run], read: ReadRun) -> Counter[str]:
    """The records of these runs (oldest first) together, by resource. Reads them all, unless it is one that has counted."""
    if len(runs) == 1 and runs[0].resources:
        return Counter({name: counted.records for name, counted in runs[0].resources.items()})
    return Counter(_resource(order) for order, _ in merge([read(run) for run in runs]))


def recount(before: Mapping[str, int], older: Sequence[Run], newer: Sequence[Run], read: ReadRun) -> Counter[str]:
    """The records of all runs together, where ``older`` alone have those of ``before``.

    Reads the newer runs, and of the older ones the chunks that they touch. Memory: an order for each line of the newer runs.
    """
    counts = Counter(before)
    orders: list[bytes] = []
    for order, value in squeeze([read(run) for run in newer]):
        orders.append(order)
        if value is not None:
            counts[_resource(order)] += 1
    touched = Touched(orders)
    for order, _ in merge([read(_narrowed(run, touched)) for run in older]):
        if touched.hides(order):
            counts[_resource(order)] -= 1
    return counts


def _narrowed(run: Run, touched: Touched) -> Run:
    return msgspec.structs.replace(run, chunks=[chunk for chunk in run.chunks if touched.within(chunk)])


def _resource(order: bytes) -> str:
    return split_order(order)[0].decode()


def _cuts(order: bytes) -> list[bytes]:
    """Every prefix that hides this order: cut behind the resource's zero byte, and behind each slash."""
    at = order.index(b"\0")
    found = [order[: at + 1]]
    while (at := order.find(b"/", at + 1)) >= 0:
        found.append(order[: at + 1])
    return found
