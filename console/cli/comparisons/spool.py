"""A part of a report that waits in memory, compressed, until the parts before it are complete."""

import zlib
from collections.abc import Iterator

_FAST = 1
_PART = 256 * 1024


class Spool:
    """Bytes that are written once and then read once. They are never stored on disk, because they are plaintext."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(_FAST)
        self._parts: list[bytes] = []
        self.empty = True

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self.empty = False
        packed = self._compressor.compress(data)
        if packed:
            self._parts.append(packed)

    def read(self) -> Iterator[bytes]:
        """Yield all bytes in parts, and free their memory on the way."""
        self._parts.append(self._compressor.flush())
        decompressor = zlib.decompressobj()
        self._parts.reverse()
        while self._parts:
            data = self._parts.pop()
            while data:
                yield decompressor.decompress(data, _PART)
                data = decompressor.unconsumed_tail
        yield decompressor.flush()
