"""The sort buffer: gathers lines in the order in which they arrive and gives them back sorted."""

from collections.abc import Iterable
from operator import itemgetter

from shared.domain.records import Line
from shared.vault.merge import uncovered

_ORDER = itemgetter(0)
OVERHEAD = 250
"""Bytes counted for a line beside its key and value: what CPython spends on it."""


class SortBuffer:
    """Lines of one stream, bounded by ``limit`` bytes (length + 250 each).

    The newest line for a key wins. A prefix tombstone hides what arrived before it in this buffer and stays itself, for
    older runs.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines: dict[bytes, bytes | None] = {}
        """In the order in which the newest line for each key arrived."""
        self.size = 0

    @property
    def full(self) -> bool:
        return self.size >= self._limit

    @property
    def empty(self) -> bool:
        return not self._lines

    def add(self, lines: Iterable[Line]) -> None:
        """Takes lines, in this order."""
        held, size = self._lines, self.size
        for order, value in lines:
            if order in held:
                del held[order]  # so that it moves to the end
            held[order] = value
            size += len(order) + OVERHEAD + (len(value) if value else 0)
        self.size = size

    def drain(self) -> list[Line]:
        """All lines that count, sorted by order; the buffer is empty afterwards."""
        lines, self._lines, self.size = self._lines, {}, 0
        found = sorted(lines.items(), key=_ORDER)
        # What a full read begins with hides nothing here: only the other lines' ages count.
        oldest = next((arrived for arrived, order in enumerate(lines) if not _whole(order)), 0)
        return uncovered(found, oldest, lambda: {order: arrived for arrived, order in enumerate(lines)}, [])


def _whole(order: bytes) -> bool:
    """Whether a line is the prefix that stands for a whole resource."""
    return order.endswith(b"\0")
