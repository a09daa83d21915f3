"""Tracking of objects that appear in more than one run of a reading from the beginning.

Every other object appears once. So a full backup can count its records without reading its runs again.
"""

from collections.abc import Iterable

from shared.domain.records import Line, is_prefix, split_order

_MOST_REPEATED = 1 << 7
"""Largest number of repeated objects listed for a run. A run has some sixty chunks: with more, reading it is faster."""


class SeenObjects:
    """The objects of one reading, run by run. A hash collision only causes an unnecessary re-read."""

    def __init__(self, most: int, *, afresh: bool = True) -> None:
        """Track up to ``most`` objects. Track none unless the reading starts from the beginning (``afresh``)."""
        self._most = most
        self._known = afresh
        self._runs = 0
        self._before: dict[int, int] = {}
        """Hashes of the objects of earlier runs, with the number of the first run that has each."""
        self._current: set[int] = set()
        """Hashes of the objects that only the current run has."""
        self._repeated: dict[bytes, int] = {}
        """Keys of the current run's objects that earlier runs have, with the number of the first such run."""

    def filter(self, entries: Iterable[list[Line]]) -> list[Line]:
        """Return the lines of these entries (each of one object) without needless prefix tombstones.

        The prefix tombstones of an object that no earlier entry has are dropped, because they hide no line.
        """
        kept: list[Line] = []
        for lines in entries:
            kept += self._filtered(lines) if self._known and lines else lines
        if len(self._before) + len(self._current) > self._most:
            self._forget()
        return kept

    def end_run(self) -> dict[str, int] | None:
        """End the current run, and return the keys of its objects that earlier runs also have, or None if unknown.

        Each key comes with the number (from 0) of the first run that has the object. The next run begins.
        """
        if len(self._repeated) > _MOST_REPEATED:
            self._forget()
        repeated = {key.decode(): run for key, run in self._repeated.items()} if self._known else None
        self._before |= dict.fromkeys(self._current, self._runs)
        self._current, self._repeated = set(), {}
        self._runs += 1
        return repeated

    def _forget(self) -> None:
        """Stop tracking and free the memory."""
        self._known = False
        self._before, self._current, self._repeated = {}, set(), {}

    def _filtered(self, lines: list[Line]) -> list[Line]:
        """Track the object of these lines, and return the lines to keep."""
        order = lines[0][0]
        object_hash = hash(order.partition(b"/")[2].partition(b"/")[0])
        if object_hash in self._before:
            if len(self._repeated) <= _MOST_REPEATED:
                self._repeated[b"/".join(split_order(order)[1].split(b"/")[:2])] = self._before[object_hash]
        elif object_hash not in self._current:
            self._current.add(object_hash)
            # The prefix of a whole resource stays, because it removes the records of older readings.
            if not order.endswith(b"\0"):
                return [line for line in lines if line[1] is not None or not is_prefix(line[0])]
        return lines
