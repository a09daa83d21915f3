"""Keep differences compressed while a plan is made, because there may be as many as a directory has records."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from shared.domain.restore.world import RecordDifference

_LEVEL = 1
_WORTH = 256
"""Bytes above which compressing saves memory."""


class _Packed(NamedTuple):
    """A difference with both values in one stretch of bytes: they are mostly equal."""

    key: str
    data: bytes
    is_compressed: bool
    wanted: int | None
    """The size of the wanted value."""
    live: int | None
    """The size of the live value."""
    live_key: str


class Differences:
    """The differences of one resource, in the order in which they came."""

    def __init__(self, resource: str) -> None:
        self._resource = resource
        self._packed: list[_Packed] = []

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[RecordDifference]:
        return map(self._difference, self._packed)

    def append(self, each: RecordDifference) -> None:
        """Add a difference."""
        data = (each.wanted or b"") + (each.live or b"")
        is_compressed = len(data) > _WORTH
        wanted, live = (None if value is None else len(value) for value in (each.wanted, each.live))
        kept = packed(data) if is_compressed else data
        self._packed.append(_Packed(each.key, kept, is_compressed, wanted, live, each.live_key))

    def consumed(self) -> Iterator[RecordDifference]:
        """Yield the differences sorted by key, and let each go."""
        self._packed.sort(key=lambda each: each.key, reverse=True)
        while self._packed:
            yield self._difference(self._packed.pop())

    def count_wanted(self) -> int:
        """Return the number of differences that the snapshot has a record of."""
        return sum(each.wanted is not None for each in self._packed)

    def _difference(self, each: _Packed) -> RecordDifference:
        data = unpacked(each.data) if each.is_compressed else each.data
        wanted = None if each.wanted is None else data[: each.wanted]
        live = None if each.live is None else data[len(data) - each.live :]
        return RecordDifference(self._resource, each.key, wanted, live, each.live_key)


def packed(data: bytes) -> bytes:
    """Return data compressed, fast rather than small."""
    return zlib.compress(data, _LEVEL)


def unpacked(data: bytes) -> bytes:
    """Return data that was compressed."""
    return zlib.decompress(data)
