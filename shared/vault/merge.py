"""Merging sorted lines: the newest line for a key wins, and a prefix tombstone hides older lines.

Lines are processed in lists, one chunk at a time. The stretches that all runs have up to the end of the shortest list
are concatenated and sorted at once. That is much faster than a comparison line by line.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import eq, itemgetter

from shared.domain.records import Line, is_prefix

Lists = Iterator[list[Line]]
"""A run's lines, sorted, in lists of any length."""

Cover = list[tuple[bytes, int]]
"""Prefixes with their ages (the greater, the newer) that may hide later lines."""

_Stretch = list[tuple[int, list[Line]]]
"""The lines of runs between two orders: age and lines of each run that has any, the oldest first."""

_ORDER = itemgetter(0)


def merge(runs: Sequence[Lists]) -> Lists:
    """Yield the records of a sorted map from its runs, oldest first. Each run is sorted and read once.

    No list is empty. A prefix tombstone hides lines of older runs only: within one run it comes before the keys written
    after it.
    """
    for lines in squeeze(runs):
        records = [line for line in lines if line[1] is not None]
        if records:
            yield records


def squeeze(runs: Sequence[Lists]) -> Lists:
    """Yield lines as ``merge`` does, with the tombstones that still hide lines of runs older than these."""
    if len(runs) == 1:
        yield from runs[0]
        return
    cover: Cover = []
    for stretch in _stretches(runs):
        oldest, _ = stretch[0]
        lines = uncovered(_newest(stretch), oldest, lambda stretch=stretch: _ages(stretch), cover)  # type: ignore[misc]
        if lines:
            yield lines


def uncovered(lines: list[Line], oldest: int, ages: Callable[[], Mapping[bytes, int]], cover: Cover) -> list[Line]:
    """Return sorted lines, one for each key, without those below a newer prefix. The prefixes stay.

    No line is older than ``oldest``. ``ages`` returns the age of each order, and is called only if a prefix may hide a
    line. ``cover`` contains the prefixes of previous lines that extend into these. On return it contains those that
    extend beyond these.
    """
    prefixes = [(index, order) for index, (order, value) in enumerate(lines) if value is None and is_prefix(order)]
    if not prefixes and all(age <= oldest for _, age in cover):
        return lines
    known = ages()
    covering = [(0, prefix, age) for prefix, age in cover]
    covering += [(index + 1, order, known[order]) for index, order in prefixes]
    hidden: set[bytes] = set()
    for start, prefix, age in covering:
        if age > oldest:
            hidden.update(_older(lines, start, prefix, age, known))
    last = lines[-1][0]
    cover[:] = [(prefix, age) for _, prefix, age in covering if last.startswith(prefix)]
    return [line for line in lines if line[0] not in hidden] if hidden else lines


def _older(lines: list[Line], start: int, prefix: bytes, age: int, ages: Mapping[bytes, int]) -> Iterator[bytes]:
    """Yield the orders from ``start`` on that a prefix of this age hides."""
    for index in range(start, len(lines)):
        order = lines[index][0]
        if not order.startswith(prefix):
            return
        if ages[order] < age:
            yield order


def _stretches(runs: Sequence[Lists]) -> Iterator[_Stretch]:
    """Yield all lines of the runs, stretch by stretch. Each ends where the first loaded list ends."""
    nonempty = [filter(None, run) for run in runs]
    loaded = {age: (lines, 0) for age, run in enumerate(nonempty) if (lines := next(run, None)) is not None}
    while loaded:
        last = min(lines[-1][0] for lines, _ in loaded.values())
        stretch: _Stretch = []
        for age, (lines, start) in list(loaded.items()):
            stop = bisect_right(lines, last, start, key=_ORDER)
            if stop > start:
                stretch.append((age, lines[start:stop]))
            if stop < len(lines):
                loaded[age] = (lines, stop)
            elif (following := next(nonempty[age], None)) is not None:
                loaded[age] = (following, 0)
            else:
                del loaded[age]
        yield stretch


def _newest(stretch: _Stretch) -> list[Line]:
    """Return the newest line for each key, sorted, ignoring prefixes."""
    if len(stretch) == 1:
        return stretch[0][1]
    merged = [line for _, lines in stretch for line in lines]
    merged.sort(key=_ORDER)  # stable: of equal orders the newest line comes last and wins in the dictionary
    orders = list(map(_ORDER, merged))
    return list(dict(merged).items()) if any(map(eq, orders, orders[1:])) else merged


def _ages(stretch: _Stretch) -> dict[bytes, int]:
    """Return for each key the index of the newest run that has a line for it. A higher index is newer."""
    ages: dict[bytes, int] = {}
    for age, lines in stretch:
        ages.update(dict.fromkeys(map(_ORDER, lines), age))
    return ages


def after_prefix(prefix: bytes) -> bytes:
    """Return a value that sorts after every order with this prefix, and before all later orders."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))


def differences(old: Iterator[Line], new: Iterator[Line]) -> Iterator[Line]:
    """Yield the lines that turn the records ``old`` into the records ``new``: changes, additions and tombstones.

    All are sorted.
    """
    old_line, new_line = next(old, None), next(new, None)
    while old_line is not None or new_line is not None:
        if new_line is None or (old_line is not None and old_line[0] < new_line[0]):
            assert old_line is not None
            yield old_line[0], None
            old_line = next(old, None)
            continue
        if old_line is None or new_line[0] < old_line[0]:
            yield new_line
        else:
            if old_line[1] != new_line[1]:
                yield new_line
            old_line = next(old, None)
        new_line = next(new, None)
