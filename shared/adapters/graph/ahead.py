"""The link to the next page, told while the rest of its page is still on the way.

Graph writes it before the objects, so the next page can be asked for a page's transfer and decompression earlier. Where it
does not come first, nothing is told, and the page is asked for once this one is whole. (Graph: "Paging Microsoft Graph data";
httpx: event hooks.)
"""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx
import msgspec

_MOST = 1 << 14
"""Bytes of a page's text that are searched."""
_TURNS = 40
"""Turns of the event loop, about as many as it takes to ask over a connection that is open."""
_FIRST = re.compile(
    rb'\s*\{\s*(?:"@odata\.context"\s*:\s*"[^"\\]*"\s*,\s*)?"@odata\.nextLink"\s*:\s*("(?:[^"\\]|\\.)*")'
)

_Tell = Callable[[str], None]
_tell: ContextVar[_Tell | None] = ContextVar("tell", default=None)


@contextmanager
def telling(tell: _Tell) -> Iterator[None]:
    """Requests made within have the next link of their answer told, once for each answer that leads with one."""
    before = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(before)


async def look_ahead(response: httpx.Response) -> None:
    """For the event hook "response" of an ``httpx.AsyncClient``: called before the body is read."""
    tell = _tell.get()
    encoding = response.headers.get("content-encoding", "identity")
    if tell is None or response.status_code != 200 or encoding not in ("gzip", "identity"):
        return
    assert isinstance(response.stream, httpx.AsyncByteStream)
    response.stream = _Watched(response.stream, tell, zipped=encoding == "gzip")


async def _let_others() -> None:
    """Lets the next page be asked for before the rest of this one is read, which may be there already."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class _Watched(httpx.AsyncByteStream):
    """A body on its way. It is handed on in one piece: decompressing each by itself would ask for the interpreter each time,
    in vain while another thread computes."""

    def __init__(self, stream: httpx.AsyncByteStream, tell: _Tell, *, zipped: bool) -> None:
        self._stream = stream
        self._tell: _Tell | None = tell
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if zipped else None
        self._text = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = []
        async for part in self._stream:
            parts.append(part)
            if self._tell is not None and self._look(part, self._tell):
                await _let_others()
        yield b"".join(parts)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _look(self, part: bytes, tell: _Tell) -> bool:
        """Whether the link was told, now that this part is there."""
        found = None
        try:
            self._text += part if self._inflate is None else self._inflate.decompress(part, _MOST)
            found = _FIRST.match(self._text)
            if found is None and len(self._text) < _MOST:
                return False
            if found is not None:
                tell(msgspec.json.decode(found[1], type=str))
        except (zlib.error, ValueError):
            pass  # whoever reads the body says what is wrong with it
        self._tell = None
        return found is not None
