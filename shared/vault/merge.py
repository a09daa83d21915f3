"""Merging sorted lines: the newest line for a key wins, a prefix tombstone hides what is older than itself."""

import heapq
from collections.abc import Iterable, Iterator, Sequence

from shared.domain.records import Line, is_prefix

Aged = tuple[bytes, int, bytes | None]
"""``(order, -age, value)``: sorted, the newest line for an order comes first."""


def sweep(lines: Iterable[Aged]) -> Iterator[Line]:
    """The lines that count, tombstones included, from sorted aged lines.

    A prefix sorts before its keys, so the prefixes that cover the present line are a stack. One that is hidden itself adds
    nothing to it, so the newest is on top, and the top alone decides.
    """
    cover: list[tuple[bytes, int]] = []
    last: bytes | None = None
    for order, negative_age, value in lines:
        if order == last:
            continue
        while cover and not order.startswith(cover[-1][0]):
            cover.pop()
        if cover and -negative_age < cover[-1][1]:
            continue
        if is_prefix(order):
            cover.append((order, -negative_age))
        last = order
        yield order, value


def merge(runs: Sequence[Iterator[Line]]) -> Iterator[Line]:
    """The records of a sorted map, from its runs, oldest first. Each run is sorted and read once.

    A prefix tombstone hides lines of older runs only: within one run it stands before the keys written after it.
    """
    return (line for line in squeeze(runs) if line[1] is not None)


def squeeze(runs: Sequence[Iterator[Line]]) -> Iterator[Line]:
    """As ``merge``, with the tombstones that count: what these runs say together of any that are older."""
    if len(runs) == 1:
        return runs[0]
    return sweep(heapq.merge(*(_aged(run, age) for age, run in enumerate(runs))))


def differences(old: Iterator[Line], new: Iterator[Line]) -> Iterator[Line]:
    """The lines that turn the records ``old`` into the records ``new``: changed and new ones, and tombstones. All sorted."""
    theirs, ours = next(old, None), next(new, None)
    while theirs is not None or ours is not None:
        if ours is None or (theirs is not None and theirs[0] < ours[0]):
            assert theirs is not None
            yield theirs[0], None
            theirs = next(old, None)
            continue
        if theirs is None or ours[0] < theirs[0]:
            yield ours
        else:
            if theirs[1] != ours[1]:
                yield ours
            theirs = next(old, None)
        ours = next(new, None)


def _aged(run: Iterator[Line], age: int) -> Iterator[Aged]:
    for order, value in run:
        yield order, -age, value
