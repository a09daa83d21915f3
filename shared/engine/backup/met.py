"""What a reading that began afresh has met: which objects stand in more than one of its runs.

All else is told once, so a full backup need not read its runs again to count what they hold together.
"""

from collections.abc import Iterable

from shared.domain.records import Line, is_prefix, split_order

MOST = 1 << 20
"""Objects that are kept in mind, by a hash: some 90 MB. Of a reading of more it is not known what came again."""
_MOST_AGAIN = 1 << 7
"""Objects of a run that are named. A run has some sixty chunks: with more, it is sooner counted by reading it."""


class Met:
    """The objects of one reading, told run by run. Two ids of the same hash are taken for one, which hides nothing."""

    def __init__(self, most: int = MOST, *, afresh: bool = True) -> None:
        """Of a reading that does not begin ``afresh`` nothing is known."""
        self._most = most
        self._known = afresh
        self._runs = 0
        self._before: dict[int, int] = {}
        """Objects of earlier runs, with the number of the run that told of each first."""
        self._now: set[int] = set()
        self._again: dict[bytes, int] = {}
        """The same of this run's objects, by their keys."""

    def sift(self, entries: Iterable[list[Line]]) -> list[Line]:
        """The lines of these entries, each of one object; without the prefixes of an object that was not met before, for they
        hide nothing."""
        kept: list[Line] = []
        for lines in entries:
            kept += self._sifted(lines) if self._known and lines else lines
        if len(self._before) + len(self._now) > self._most:
            self._forget()
        return kept

    def run_ends(self) -> dict[str, int] | None:
        """Keys of the objects of this run that earlier ones tell of, too, each with the number (from 0) of the first one that
        does; None if that is not known. The next run begins."""
        if len(self._again) > _MOST_AGAIN:
            self._forget()
        again = {key.decode(): run for key, run in self._again.items()} if self._known else None
        self._before |= dict.fromkeys(self._now, self._runs)
        self._now, self._again = set(), {}
        self._runs += 1
        return again

    def _forget(self) -> None:
        self._known = False
        self._before, self._now, self._again = {}, set(), {}

    def _sifted(self, lines: list[Line]) -> list[Line]:
        order = lines[0][0]
        met = hash(order.partition(b"/")[2].partition(b"/")[0])
        if met in self._before:
            if len(self._again) <= _MOST_AGAIN:
                self._again[b"/".join(split_order(order)[1].split(b"/")[:2])] = self._before[met]
        elif met not in self._now:
            self._now.add(met)
            if not order.endswith(b"\0"):  # a whole resource's: what older readings hold is no more
                return [line for line in lines if line[1] is not None or not is_prefix(line[0])]
        return lines
