"""The sort buffer: collects lines in order of arrival and returns them sorted."""

from collections.abc import Iterable
from operator import itemgetter

from shared.domain.records import Line
from shared.vault.merge import uncovered

_ORDER = itemgetter(0)
OVERHEAD = 250
"""Bytes counted for each line beside its key and value: CPython's own overhead."""


class SortBuffer:
    """Lines of one stream, bounded by ``limit`` bytes (length + 250 each).

    The newest line for a key wins. A prefix tombstone hides lines that arrived in this buffer before it. It is kept
    itself, to hide lines of older runs.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines: dict[bytes, bytes | None] = {}
        """In the order in which the newest line for each key arrived."""
        self.size = 0

    @property
    def full(self) -> bool:
        """Return True if the buffer has reached its limit."""
        return self.size >= self._limit

    @property
    def empty(self) -> bool:
        """Return True if the buffer contains no line."""
        return not self._lines

    def add(self, lines: Iterable[Line]) -> None:
        """Add lines, in this order."""
        by_order, size = self._lines, self.size
        for order, value in lines:
            if order in by_order:
                del by_order[order]  # to move it to the end
            by_order[order] = value
            size += len(order) + OVERHEAD + (len(value) if value else 0)
        self.size = size

    def drain(self) -> list[Line]:
        """Empty the buffer. Return its lines that no later prefix tombstone hides, sorted by resource and key."""
        lines, self._lines, self.size = self._lines, {}, 0
        ordered = sorted(lines.items(), key=_ORDER)
        # A prefix at the start of a full read hides no line here, so the age of the first other line counts.
        oldest = next((arrived for arrived, order in enumerate(lines) if not _whole(order)), 0)
        return uncovered(ordered, oldest, lambda: {order: arrived for arrived, order in enumerate(lines)}, [])


def _whole(order: bytes) -> bool:
    """Return True if a line is the prefix of a whole resource."""
    return order.endswith(b"\0")
