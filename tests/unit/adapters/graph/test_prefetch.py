"""The link to the next page is available during the download. httpx reads from a server that stops halfway."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from shared.adapters.graph.prefetch import look_ahead, reporting_next_links

CONTEXT = b'"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users"'
LINK = b'"@odata.nextLink":"https://graph.microsoft.com/v1.0/users/delta?$skiptoken=a\\u0026b"'
NEXT_LINK = "https://graph.microsoft.com/v1.0/users/delta?$skiptoken=a&b"
OBJECTS = b'"value":[' + b",".join(b'{"id":"%06d"}' % n for n in range(20_000)) + b"]"

Fetch = Callable[[list[str]], "asyncio.Task[bytes]"]


@asynccontextmanager
async def serve(body: bytes, *, status: int = 200, zipped: bool = False) -> AsyncIterator[tuple[Fetch, asyncio.Event]]:
    """Run a server that sends the first half of ``body`` and then waits for the event."""
    go_on = asyncio.Event()
    sent = gzip.compress(body) if zipped else body

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        encoding = b"Content-Encoding: gzip\r\n" if zipped else b""
        writer.write(b"HTTP/1.1 %d OK\r\n%bContent-Length: %d\r\n\r\n" % (status, encoding, len(sent)))
        writer.write(sent[: len(sent) // 2])
        await writer.drain()
        await go_on.wait()
        writer.write(sent[len(sent) // 2 :])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, httpx.AsyncClient(event_hooks={"response": [look_ahead]}, trust_env=False) as client:

        def fetch(links: list[str]) -> asyncio.Task[bytes]:
            async def get() -> bytes:
                return (await client.get(url)).content

            with reporting_next_links(links.append):
                return asyncio.create_task(get())

        yield fetch, go_on


async def wait_for(links: list[str]) -> None:
    async with asyncio.timeout(20):
        while not links:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    "lead", [b"{" + CONTEXT + b"," + LINK + b",", b"{" + LINK + b",", b" { " + CONTEXT + b" , " + LINK + b" , "]
)
async def test_the_link_is_available_before_the_page_is_complete(lead: bytes, zipped: bool) -> None:
    links: list[str] = []
    async with serve(lead + OBJECTS + b"}", zipped=zipped) as (fetch, go_on):
        fetching = fetch(links)
        await wait_for(links)
        assert not fetching.done()
        go_on.set()
        assert await fetching == lead + OBJECTS + b"}"
    assert links == [NEXT_LINK]


@pytest.mark.parametrize(
    "body",
    [
        b"{" + CONTEXT + b"," + OBJECTS + b"," + LINK + b"}",
        b'{"value":[{' + LINK + b"}]," + LINK + b"}",
        b'{"@odata.nextLink":"\\ud8"' + b" " * 40_000,
        b"",
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
async def test_no_link_is_prefetched_unless_it_comes_first(body: bytes, zipped: bool) -> None:
    links: list[str] = []
    async with serve(body, zipped=zipped) as (fetch, go_on):
        go_on.set()
        assert await fetch(links) == body
    assert not links


class Parts(httpx.AsyncByteStream):
    """A complete body. ``next_page_requested`` says whether the next page was requested before the last part."""

    def __init__(self, parts: list[bytes], asking: asyncio.Event) -> None:
        self._parts = parts
        self._asking = asking
        self.next_page_requested = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            self.next_page_requested = self._asking.is_set()
            yield part


async def test_the_next_page_is_requested_before_the_current_body_ends_and_the_body_is_returned_whole() -> None:
    asking = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def ask() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        asking.set()

    body = Parts([b"{" + LINK + b',"value":[', b'{"id":"1"}', b"]}"], asking)
    response = httpx.Response(200, stream=body)
    with reporting_next_links(lambda _: tasks.append(asyncio.create_task(ask()))):
        await look_ahead(response)
    assert isinstance(response.stream, httpx.AsyncByteStream)
    assert [piece async for piece in response.stream] == [b"".join(body._parts)]
    assert body.next_page_requested
    await asyncio.gather(*tasks)


async def test_no_link_is_prefetched_from_an_answer_that_is_no_page() -> None:
    links: list[str] = []
    async with serve(b"{" + LINK + b"}", status=503) as (fetch, go_on):
        go_on.set()
        await fetch(links)
    assert not links
