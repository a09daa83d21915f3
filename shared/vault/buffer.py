"""The sort buffer: gathers lines in the order in which they arrive and gives them back sorted."""

from shared.domain.records import Line
from shared.vault.merge import sweep

OVERHEAD = 250
"""Bytes counted for a line beside its key and value: what CPython spends on it."""


class SortBuffer:
    """Lines of one stream, bounded by ``limit`` bytes (length + 250 each).

    The newest line for a key wins. A prefix tombstone hides what arrived before it in this buffer and stays itself, for
    older runs.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines: dict[bytes, tuple[int, bytes | None]] = {}
        self._arrived = 0
        self.size = 0

    @property
    def full(self) -> bool:
        return self.size >= self._limit

    @property
    def empty(self) -> bool:
        return not self._lines

    def add(self, line: Line) -> None:
        """Takes one line."""
        order, value = line
        self._arrived += 1
        self._lines[order] = (-self._arrived, value)
        self.size += len(order) + (len(value) if value else 0) + OVERHEAD

    def drain(self) -> list[Line]:
        """All lines that count, sorted by order; the buffer is empty afterwards."""
        lines, self._lines, self.size = self._lines, {}, 0
        return list(sweep((order, *lines[order]) for order in sorted(lines)))
