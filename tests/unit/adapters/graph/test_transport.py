"""What every read of a backup says of itself: its priority, and the limit that it counts against."""

from typing import Any, cast

from shared.adapters.graph import RetryPolicy, slicer
from shared.adapters.graph.connection import Connection, Request, Response
from shared.adapters.graph.transport import Transport
from tests.contract.graph.reading import Budget


class Recorder:
    """A connection that answers every request with an empty page, within the budget."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def root(self, api: str = "v1.0") -> str:
        return f"https://graph.test/{api}"

    async def answer(self, request: Request) -> Response:
        self.requests.append(request)
        async with request.admit():
            return Response(200, {}, b'{"value":[]}')


async def read(**more: Any) -> tuple[Recorder, Budget]:
    recorder, budget = Recorder(), Budget()
    transport = Transport(cast(Connection, recorder), budget, RetryPolicy())
    await transport.get("https://graph.test/v1.0/users", slicer.collection, **more)
    return recorder, budget


async def test_a_read_gives_way_to_the_requests_of_people() -> None:
    recorder, _ = await read()
    assert [request.headers for request in recorder.requests] == [{"x-ms-throttle-priority": "Low"}]


async def test_a_read_counts_against_the_limit_of_its_service() -> None:
    assert (await read())[1].buckets == {"directory"}
    assert (await read(bucket="reports"))[1].buckets == {"reports"}
