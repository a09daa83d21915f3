"""Reads from Graph, each retried until it succeeds or cannot succeed.

This module waits itself, because it sees the budget, the lease and a cancelled task. (Graph: "Best practices for working
with Microsoft Graph", throttling guidance.)
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
import msgspec
from kiota_abstractions.method import Method

from shared.adapters.graph.connection import Connection, Request
from shared.adapters.graph.errors import BY_PROXY, Throttled, code_of, meaning, seconds_of
from shared.domain.backoff import Backoff
from shared.domain.errors import Answer, GraphTrouble, Skip
from shared.domain.limits import LIMITS
from shared.ports.budget import DIRECTORY, Budget

_T = TypeVar("_T")
_LOW = {"x-ms-throttle-priority": "Low"}
"""Asks Graph to throttle these requests before others of the application. (Graph: throttling, "Set the priority".)"""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long one request is tried. Tests wire shorter times; the product uses the defaults."""

    tries: int = 5
    """The most tries, the first one included."""
    backoff: Backoff = Backoff(first=1.0, longest=60.0, factor=3.0)
    """The waits, unless Graph says how long to wait."""
    wait_seconds: float = 60.0
    """The longest sum of all waits of one request."""
    answer_seconds: float = 60.0
    """The longest silence in an answer."""
    write_seconds: float = LIMITS.write_seconds
    """The longest time of one write, after which its answer counts as lost."""


class Transport:
    """Reads from one Graph, for one application in one directory."""

    def __init__(self, connection: Connection, budget: Budget, retry_policy: RetryPolicy) -> None:
        """Read through ``connection``, which ``close`` closes."""
        self._connection = connection
        self._origin = httpx.URL(connection.root())
        self._budget = budget
        self._retry_policy = retry_policy

    def root(self, api: str = "v1.0") -> str:
        """Return the root URL of a version of Graph."""
        return self._connection.root(api)

    async def get(
        self,
        url: str,
        read: Callable[[bytes], Awaitable[_T]],
        *,
        resuming: bool = False,
        units: int = 1,
        tries: int | None = None,
        bucket: str = DIRECTORY,
    ) -> _T:
        """Request the URL and return the answer's body as parsed by ``read``.

        - ``read``: raises ValueError for an unexpected body, which is retried like a lost answer.
        - ``resuming``: the URL is a link from Graph.
        - ``units``: the cost in resource units.
        - ``tries``: the highest number of tries, if it differs from the policy's.
        - ``bucket``: the limit of Graph that it counts against.

        Raises the errors of ``errors.meaning`` and ``check``, and Skip for a URL of another host.
        """
        return (await self.identified(url, read, resuming=resuming, units=units, tries=tries, bucket=bucket))[0]

    async def identified(
        self,
        url: str,
        read: Callable[[bytes], Awaitable[_T]],
        *,
        resuming: bool = False,
        units: int = 1,
        tries: int | None = None,
        bucket: str = DIRECTORY,
    ) -> tuple[_T, str | None]:
        """Return the result of ``get``, and Graph's request id if it looks like one. Raises as ``get`` does."""
        self._refuse_other_hosts(url)
        request = self._request(Method.GET, url, units, bucket=bucket)
        return await self.retry(lambda: self._answer(request, read, resuming), tries, bucket)

    async def post(self, url: str, body: bytes, read: Callable[[bytes], Awaitable[_T]], *, units: int) -> _T:
        """Send JSON to a URL of this Graph, without retries, and return the answer's body as parsed by ``read``.

        Raises as ``get`` does.
        """
        return (await self._answer(self._request(Method.POST, url, units, body), read, resuming=False))[0]

    async def retry(
        self, request: Callable[[], Awaitable[_T]], tries: int | None = None, bucket: str = DIRECTORY
    ) -> _T:
        """Return the result of ``request``. After trouble, wait and call it again, within the limits of the patience.

        Raises the error of the last try.
        """
        waited, doubted, most = 0.0, False, tries or self._retry_policy.tries
        for number in range(1, most + 1):
            try:
                return await request()
            except Skip as skip:
                # Graph sometimes answers that a licensed directory has no licence, so this answer is retried once.
                if skip.answer is not Answer.UNLICENSED or doubted or number == most:
                    raise
                doubted = True
            except GraphTrouble as trouble:
                wait = self._retry_policy.backoff.wait(number - 1) if trouble.after is None else trouble.after
                if isinstance(trouble, Throttled):
                    await self._budget.throttled(wait, bucket)
                waited += wait
                if number == most or waited > self._retry_policy.wait_seconds:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def report_usage(self, share: str) -> None:
        """Report to the budget how much of Graph's limit is used, if the header's value ``share`` is a number above 0."""
        usage = seconds_of(share)
        if usage:
            await self._budget.report_usage(usage)

    async def renew(self, www_authenticate: str) -> None:
        """Request a newer token after a refusal inside a batch's answer, with the claims that the header requires."""
        await self._connection.renew(www_authenticate)

    async def permissions(self) -> frozenset[str] | None:
        """Return the permissions that the application's token names, or None if it cannot be read."""
        return await self._connection.permissions()

    async def close(self) -> None:
        """Close the connections. Forget the token if the reading was ended early. Idempotent."""
        await self._connection.close()

    def _request(
        self, method: Method, url: str, units: int, body: bytes | None = None, bucket: str = DIRECTORY
    ) -> Request:
        """Return a request that costs ``units`` resource units, and gives way to requests of people."""
        return Request(method, url, lambda: self._budget.request(units, bucket), body, _LOW)

    async def _answer(
        self, request: Request, read: Callable[[bytes], Awaitable[_T]], resuming: bool
    ) -> tuple[_T, str | None]:
        """Send the request once. Return the parsed body and Graph's request id. Raises as ``get`` does."""
        response = await self._connection.answer(request)
        request_id = response.request_id
        await self.report_usage(response.headers.get("x-ms-throttle-limit-percentage", ""))
        if response.status != 200:
            code, after = code_of(response.body), response.retry_after
            raise meaning(response.status, code, resuming=resuming, after=after, request_id=request_id)
        try:
            return await read(response.body), request_id
        except ValueError:
            if "html" in response.headers.get("content-type", ""):
                raise GraphTrouble(f"{BY_PROXY} (status 200, HTML).", None, request_id) from None
            raise GraphTrouble("Graph's answer is cut or is no JSON.", None, request_id) from None

    def _refuse_other_hosts(self, url: str) -> None:
        """Raise Skip for a link to another host, because the token is for Graph alone."""
        try:
            link = httpx.URL(url)
        except httpx.InvalidURL:
            link = httpx.URL("")
        ours = (self._origin.scheme, self._origin.host, self._origin.port, b"")
        if (link.scheme, link.host, link.port, link.userinfo) != ours:
            raise Skip(Answer.FAILED, "Graph's answer holds a link to another host, which is not followed.")
