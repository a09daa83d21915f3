"""Prefetching: extract ``@odata.nextLink`` while the page body is still downloading.

Graph writes the link before the objects. So the next page can be requested earlier, by the time that transfer and
decompression of this page take. If the link does not come first, nothing is reported, and the next page is requested when
this one is complete. (Graph: "Paging Microsoft Graph data"; httpx: event hooks.)
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
"""Largest number of bytes of a page's text that are searched."""
_TURNS = 40
"""Turns of the event loop, about as many as a request over an open connection takes to be sent."""
_LEADING_LINK = re.compile(
    rb'\s*\{\s*(?:"@odata\.context"\s*:\s*"[^"\\]*"\s*,\s*)?"@odata\.nextLink"\s*:\s*("(?:[^"\\]|\\.)*")'
)

_Report = Callable[[str], None]
_report: ContextVar[_Report | None] = ContextVar("report", default=None)


@contextmanager
def reporting_next_links(report: _Report) -> Iterator[None]:
    """Call ``report`` with the next link of each answer to requests made in this context, if the link comes first."""
    previous = _report.set(report)
    try:
        yield
    finally:
        _report.reset(previous)


async def look_ahead(response: httpx.Response) -> None:
    """Watch the response's body for its next link, if ``reporting_next_links`` surrounds the request.

    This is for the event hook "response" of an ``httpx.AsyncClient``, which is called before the body is read.
    """
    report = _report.get()
    encoding = response.headers.get("content-encoding", "identity")
    if report is None or response.status_code != 200 or encoding not in ("gzip", "identity"):
        return
    assert isinstance(response.stream, httpx.AsyncByteStream)
    response.stream = _WatchedBody(response.stream, report, zipped=encoding == "gzip")


async def _yield_to_next_request() -> None:
    """Let the next page's request be sent before the rest of this page is read, which may have arrived already."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class _WatchedBody(httpx.AsyncByteStream):
    """A response body that is searched for the next link while it arrives.

    The body is passed on in one piece. Decompressing each part by itself would take the interpreter lock each time, and
    wait for it while another thread computes.
    """

    def __init__(self, stream: httpx.AsyncByteStream, report: _Report, *, zipped: bool) -> None:
        """Watch ``stream``, which is compressed with gzip if ``zipped``."""
        self._stream = stream
        self._report: _Report | None = report
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if zipped else None
        self._text = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the whole body once, after searching each part for the link."""
        parts = []
        async for part in self._stream:
            parts.append(part)
            if self._report is not None and self._search(part, self._report):
                await _yield_to_next_request()
        yield b"".join(parts)

    async def aclose(self) -> None:
        """Close the underlying stream."""
        await self._stream.aclose()

    def _search(self, part: bytes, report: _Report) -> bool:
        """Search the text including this part. Return True if it starts with a link, which is then reported."""
        match = None
        try:
            self._text += part if self._inflate is None else self._inflate.decompress(part, _MOST)
            match = _LEADING_LINK.match(self._text)
            if match is None and len(self._text) < _MOST:
                return False
            if match is not None:
                report(msgspec.json.decode(match[1], type=str))
        except (zlib.error, ValueError):
            pass  # the reader of the body reports the defect
        self._report = None
        return match is not None
