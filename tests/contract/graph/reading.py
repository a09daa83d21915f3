"""Helpers of the tests of GraphAccess: a budget that records its calls, and a function that reads a stream to its end."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from itertools import chain

from shared.adapters.graph import RetryPolicy
from shared.adapters.graph.source import GraphSource
from shared.domain.backoff import Backoff
from shared.domain.records import Line
from shared.domain.resources import STREAMS, Stream
from shared.ports.directory import Cursor

USERS, GROUPS = STREAMS["users"], STREAMS["groups"]
POLICIES, ORGANIZATION = STREAMS["conditionalAccessPolicies"], STREAMS["organization"]
DELTA = "/v1.0/users/delta"
TOKEN = "/oauth2/v2.0/token"
RETRY_POLICY = RetryPolicy(backoff=Backoff(first=0.01, longest=0.1))

Connect = Callable[..., GraphSource]


class Budget:
    """Never waits; records what is reported to it."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.shares: list[float] = []
        self.units: list[int] = []
        self.buckets: set[str] = set()
        self.admitted: list[tuple[str, int]] = []
        self.write_waits: list[tuple[str, float]] = []

    def scope(self, directory_id: str, client_id: str) -> "Budget":
        assert directory_id
        assert client_id
        return self

    def writes(self, directory_id: str, client_id: str) -> "WriteBudget":
        return WriteBudget(self)

    @contextlib.asynccontextmanager
    async def request(self, units: int, bucket: str = "directory") -> AsyncIterator[None]:
        self.units.append(units)
        self.buckets.add(bucket)
        yield

    async def throttled(self, seconds: float, bucket: str = "directory") -> None:
        self.waits.append(seconds)
        self.buckets.add(bucket)

    async def report_usage(self, share: float) -> None:
        self.shares.append(share)


class WriteBudget:
    """Never waits; records what is reported to it in the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    async def admit(self, bucket: str, writes: int) -> None:
        self._budget.admitted.append((bucket, writes))

    async def throttled(self, bucket: str, seconds: float) -> None:
        self._budget.write_waits.append((bucket, seconds))


async def read(source: GraphSource, stream: Stream, cursor: Cursor | None = None) -> tuple[list[Line], Cursor | None]:
    lines: list[Line] = []
    async for page in source.pages(stream, cursor):
        lines += chain.from_iterable(page.entries())
        cursor = page.cursor
        assert page.incomplete() == []
    return lines, cursor


def records(lines: list[Line], resource: str) -> dict[str, bytes]:
    """Return the values of a resource by the rest of their keys."""
    start = f"{resource}\0".encode()
    return {
        order.partition(b"/")[2].decode(): value
        for order, value in lines
        if value is not None and order.startswith(start)
    }


def ids(values: list[bytes]) -> set[str]:
    return {json.loads(value)["id"] for value in values}
