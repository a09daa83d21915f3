"""Merging sorted lines: the newest line for a key wins, a prefix tombstone hides what is older than itself.

Lines come and go in lists, a chunk's at a time. What lies side by side in all runs, up to where the first of their lists
ends, is put together and sorted at once, which takes far less time than to look at line after line.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import eq, itemgetter

from shared.domain.records import Line, is_prefix

Lists = Iterator[list[Line]]
"""A run's lines, sorted, in lists of whatever length."""

Cover = list[tuple[bytes, int]]
"""Prefixes with their ages (the greater, the newer) that may hide lines yet to come."""

_Stretch = list[tuple[int, list[Line]]]
"""What runs hold between two orders: age and lines of each run that holds any, the oldest first."""

_ORDER = itemgetter(0)


def merge(runs: Sequence[Lists]) -> Lists:
    """The records of a sorted map, from its runs, oldest first. Each run is sorted and read once; no list is empty.

    A prefix tombstone hides lines of older runs only: within one run it stands before the keys written after it.
    """
    for lines in squeeze(runs):
        records = [line for line in lines if line[1] is not None]
        if records:
            yield records


def squeeze(runs: Sequence[Lists]) -> Lists:
    """As ``merge``, with the tombstones that count: what these runs say together of any that are older."""
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
    """Sorted lines, one for each key, without those below a prefix that is newer; the prefixes stay.

    No line is older than ``oldest``; ``ages`` is asked for the age of each order if a prefix may hide anything. ``cover``
    holds the prefixes among the lines before that go on, and afterwards those that go on behind these.
    """
    prefixes = [(at, order) for at, (order, value) in enumerate(lines) if value is None and is_prefix(order)]
    if not prefixes and all(age <= oldest for _, age in cover):
        return lines
    known = ages()
    covering = [(0, prefix, age) for prefix, age in cover]
    covering += [(at + 1, order, known[order]) for at, order in prefixes]
    hidden: set[bytes] = set()
    for start, prefix, age in covering:
        if age > oldest:
            hidden.update(_older(lines, start, prefix, age, known))
    last = lines[-1][0]
    cover[:] = [(prefix, age) for _, prefix, age in covering if last.startswith(prefix)]
    return [line for line in lines if line[0] not in hidden] if hidden else lines


def _older(lines: list[Line], start: int, prefix: bytes, age: int, ages: Mapping[bytes, int]) -> Iterator[bytes]:
    """The orders from ``start`` on that a prefix of this age hides."""
    for at in range(start, len(lines)):
        order = lines[at][0]
        if not order.startswith(prefix):
            return
        if ages[order] < age:
            yield order


def _stretches(runs: Sequence[Lists]) -> Iterator[_Stretch]:
    """All that the runs hold, stretch after stretch: each goes as far as what is known of every run."""
    full = [filter(None, run) for run in runs]
    ahead = {age: (lines, 0) for age, run in enumerate(full) if (lines := next(run, None)) is not None}
    while ahead:
        last = min(lines[-1][0] for lines, _ in ahead.values())
        stretch: _Stretch = []
        for age, (lines, at) in list(ahead.items()):
            stop = bisect_right(lines, last, at, key=_ORDER)
            if stop > at:
                stretch.append((age, lines[at:stop]))
            if stop < len(lines):
                ahead[age] = (lines, stop)
            elif (further := next(full[age], None)) is not None:
                ahead[age] = (further, 0)
            else:
                del ahead[age]
        yield stretch


def _newest(stretch: _Stretch) -> list[Line]:
    """The newest line for each key, sorted, as if there were no prefixes."""
    if len(stretch) == 1:
        return stretch[0][1]
    found = [line for _, lines in stretch for line in lines]
    found.sort(key=_ORDER)  # stable, so that of equal orders the newest line comes last, as a dictionary keeps it
    orders = list(map(_ORDER, found))
    return list(dict(found).items()) if any(map(eq, orders, orders[1:])) else found


def _ages(stretch: _Stretch) -> dict[bytes, int]:
    """The age of the newest line for each key."""
    found: dict[bytes, int] = {}
    for age, lines in stretch:
        found.update(dict.fromkeys(map(_ORDER, lines), age))
    return found


def behind(prefix: bytes) -> bytes:
    """What sorts behind every order that begins with this prefix, and before all others that come after it."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))


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
