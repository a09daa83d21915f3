"""Sending one write, again only if Graph certainly did not carry it out.

A throttled write was not carried out. A write whose answer was lost may have been: it is never sent again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import msgspec
from kiota_abstractions.method import Method

from shared.adapters.graph.connection import AnswerLost, Connection, Request, Response
from shared.adapters.graph.transport import RetryPolicy
from shared.adapters.graph.writing.outcomes import meaning
from shared.ports.budget import Budget, WriteBudget
from shared.ports.directory import Outcome, WriteAnswer, WriteRequest

PRIORITY = {"x-ms-throttle-priority": "high"}
LOST = WriteAnswer(outcome=Outcome.LOST)
THROTTLED = WriteAnswer(outcome=Outcome.NOT_YET, status=429)


class ThrottleWaits:
    """The waits of one request that Graph throttles."""

    def __init__(self, policy: RetryPolicy, budget: WriteBudget, bucket: str) -> None:
        self._policy = policy
        self._budget = budget
        self._bucket = bucket
        self._tries = 0
        self._waited = 0.0

    async def wait(self, after: float | None) -> bool:
        """Wait as long as Graph demands, or as the policy says. Return False instead if the policy allows no more waits."""
        self._tries += 1
        seconds = self._policy.backoff.wait(self._tries - 1) if after is None else after
        await self._budget.throttled(self._bucket, seconds)
        self._waited += seconds
        if self._tries == self._policy.tries or self._waited > self._policy.wait_seconds:
            return False
        await asyncio.sleep(seconds)
        return True


class Sender:
    """Writes to one Graph, for one application in one directory."""

    def __init__(
        self, connection: Connection, budget: Budget, write_budget: WriteBudget, retry_policy: RetryPolicy
    ) -> None:
        """Send through ``connection``, within both budgets."""
        self._connection = connection
        self._budget = budget
        self._write_budget = write_budget
        self._retry_policy = retry_policy
        self._seconds = retry_policy.write_seconds

    @property
    def shares_token(self) -> bool:
        """Return True if the token came from the cache: a refusal may be due to its age."""
        return self._connection.shares_token

    async def permissions(self) -> frozenset[str] | None:
        """Return the permissions that the application's token names, or None if it names none."""
        return await self._connection.permissions()

    async def send(self, write: WriteRequest) -> WriteAnswer:
        """Send one write.

        Return what its answer means, ``THROTTLED`` if Graph throttles it longer than the policy allows. Raises
        GraphTrouble if the request was certainly not sent.
        """
        url = f"{self._connection.root(write.api)}{write.path}"
        headers = {**PRIORITY, **write.headers}
        request = Request(
            Method(write.method), url, self._admission(write.bucket, 1), write.body, headers, self._seconds
        )
        waits = self.throttle_waits(write.bucket)
        while True:
            try:
                response = await self._connection.answer(request)
            except AnswerLost:
                return LOST
            if not is_throttled(response.status, response.retry_after):
                return answer_of(write, response.status, response.body, response.request_id)
            if not await waits.wait(response.retry_after):
                return THROTTLED

    async def post_batch(self, api: str, bucket: str, writes: int, body: bytes) -> Response:
        """Send a batch of this many writes once.

        Raises GraphTrouble if it was certainly not sent, otherwise AnswerLost.
        """
        url = f"{self._connection.root(api)}/$batch"
        request = Request(Method.POST, url, self._admission(bucket, writes), body, PRIORITY, self._seconds)
        return await self._connection.answer(request)

    def throttle_waits(self, bucket: str) -> ThrottleWaits:
        """Return the waits of a new request."""
        return ThrottleWaits(self._retry_policy, self._write_budget, bucket)

    def _admission(self, bucket: str, writes: int) -> Callable[[], AbstractAsyncContextManager[None]]:
        """Return the wait before a request with this many writes: for the bucket first, then for a place."""

        @contextlib.asynccontextmanager
        async def admit() -> AsyncIterator[None]:
            await self._write_budget.admit(bucket, writes)
            async with self._budget.request(writes):
                yield

        return admit


def is_throttled(status: int, retry_after: float | None) -> bool:
    """Return True if Graph did not carry out the request because it throttles, so that it may be sent again."""
    return status == 429 or (status == 503 and retry_after is not None)


def answer_of(write: WriteRequest, status: int, body: bytes, request_id: str | None) -> WriteAnswer:
    """Return what Graph's answer to the write means. A success whose body is cut counts as lost."""
    means = meaning(status, body, write.path)
    done = means.outcome is Outcome.DONE
    if done and body and not _is_json(body):
        return LOST
    return WriteAnswer(
        outcome=means.outcome,
        status=status,
        code=means.code,
        message=means.message,
        property=means.property,
        body=body if done else b"",
        request_id=request_id,
    )


def _is_json(body: bytes) -> bool:
    """Return True if the body is whole JSON."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except ValueError:
        return False
    return True
