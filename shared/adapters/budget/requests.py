"""The budget of requests: places for requests in flight, resource units per second, and a time to wait for.

Without Redis a process keeps to a quarter of Graph's smallest quota per scope, and to the 429s that it received itself. A
worker whose Redis does not answer has one request in flight. A place expires after some seconds and is renewed while its
request lasts, so the places of a killed worker are free again soon.
"""

import asyncio
import contextlib
import random
import threading
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from shared.adapters.budget.shared_redis import SharedRedis
from shared.domain.errors import GraphTrouble
from shared.domain.limits import Limits
from shared.ports.budget import DIRECTORY, WriteBudget

_FIRST_RATE, _LEAST_RATE, _MOST_RATE = 280.0, 20.0, 640.0
"""Resource units per second. First and most are 0.8 of Graph's smallest quota (3,500 in 10 s) and of its largest (8,000).

Graph does not say which quota a directory has. The rate falls when Graph reports that a limit is near, otherwise it rises.
"""
_BURST = 5.0
"""Seconds' worth of units that may be spent at once."""
_ALONE_RATE = 3500 / 10 / 4
"""Resource units per second of one process without Redis."""

_TAKE = """
local rest = redis.call('PTTL', KEYS[1])
if rest > 0 then return rest end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[2]) then return -1 end
local rate = tonumber(redis.call('HGET', KEYS[3], 'rate') or ARGV[5])
local changed = tonumber(redis.call('HGET', KEYS[3], 'changed') or now)
if now - changed > 10000 then
  rate = math.min(rate * 1.25, tonumber(ARGV[6]))
  changed = now
end
local most = rate * tonumber(ARGV[7])
local left = tonumber(redis.call('HGET', KEYS[3], 'left') or most)
left = math.min(most, left + (now - tonumber(redis.call('HGET', KEYS[3], 'at') or now)) * rate / 1000)
local units = math.min(tonumber(ARGV[4]), most)
local wait = 0
if left < units then
  wait = math.ceil((units - left) / rate * 1000)
else
  left = left - units
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), ARGV[1])
  redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[3]))
end
redis.call('HSET', KEYS[3], 'rate', rate, 'changed', changed, 'left', left, 'at', now)
redis.call('PEXPIRE', KEYS[3], 60000)
return wait
"""
_KEEP = """
local time = redis.call('TIME')
local until_ = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], 'XX', until_, ARGV[1])
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[2]))
return 0
"""
_END = "return redis.call('ZREM', KEYS[1], ARGV[1])"
_SLOWER = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rate = tonumber(redis.call('HGET', KEYS[2], 'rate') or ARGV[3])
rate = math.max(rate * tonumber(ARGV[2]), tonumber(ARGV[4]))
redis.call('HSET', KEYS[2], 'rate', rate, 'changed', now, 'left', 0, 'at', now)
redis.call('PEXPIRE', KEYS[2], 60000)
if tonumber(ARGV[1]) > 0 and redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
end
return 0
"""


class RedisBudget:
    """The budget of one scope in this process, for all its threads and event loops."""

    def __init__(self, shared: SharedRedis, name: str, limits: Limits, services: WriteBudget, alone: int) -> None:
        """Share the budget ``name``. Without Redis the process has ``alone`` places.

        ``services`` counts the requests of buckets with limits of their own.
        """
        self.shared = shared
        self._services = services
        self.until_key = f"entrakeep:budget:{name}:until"
        self.in_flight_key = f"entrakeep:budget:{name}:held"
        self.rate_key = f"entrakeep:budget:{name}:rate"
        self.limits = limits
        self.until = 0.0
        """The monotonic time before which this process sends no request, with or without Redis."""
        self.alone = threading.BoundedSemaphore(alone)
        """The places of this process without Redis."""

    def request(self, units: int, bucket: str = DIRECTORY) -> AbstractAsyncContextManager[None]:
        """Wait for a place and hold it until the block ends. Raises GraphTrouble if the wait is too long."""
        return self._request(units, bucket)

    async def throttled(self, seconds: float, bucket: str = DIRECTORY) -> None:
        """Pause the scope for ``seconds`` after a 429, and halve its rate; or pause another bucket alone."""
        if bucket != DIRECTORY:
            await self._services.throttled(bucket, seconds)
            return
        self.until = max(self.until, time.monotonic() + seconds)
        await self._slow_down(seconds, 0.5)

    async def report_usage(self, share: float) -> None:
        """Lower the scope's rate, because Graph reports this share of its limit as used (0.8 to 1.8)."""
        await self._slow_down(0.0, 0.8 / max(share, 1.0))

    async def _slow_down(self, seconds: float, factor: float) -> None:
        """Multiply the scope's rate by ``factor``, and pause it for ``seconds``."""
        arguments: list[str | float] = [int(seconds * 1000), factor, _FIRST_RATE, _LEAST_RATE]
        await asyncio.to_thread(self.shared.ask, _SLOWER, [self.until_key, self.rate_key], arguments)

    @contextlib.asynccontextmanager
    async def _request(self, units: int, bucket: str) -> AsyncIterator[None]:
        """Take a place, renew it during the block, and release it. A scarce bucket is waited for before."""
        if bucket != DIRECTORY:
            await self._services.admit(bucket, 1)
        place = _Place(self, units)
        waited = 0.0
        try:
            while (wait := await self._take(place)) > 0:  # other processes hold the places
                waited += wait
                if waited > self.limits.request_wait_most_seconds:
                    after = max(wait, self.limits.redis_rest_seconds)
                    raise GraphTrouble("Other jobs use up the requests that Graph allows this application.", after)
                await asyncio.sleep(wait)
            async with _renewed(place):
                yield
        finally:
            # Not awaited, because that would delay the next request. Even a cancelled request releases its place.
            asyncio.get_running_loop().run_in_executor(None, place.end)

    async def _take(self, place: "_Place") -> float:
        """Try to take the place. Return the seconds to wait, or 0.

        While Redis answers, the call runs in the event loop, because waking a thread takes longer. Connecting may
        block, so a thread connects.
        """
        return place.take() if self.shared.answers else await asyncio.to_thread(place.take)


@contextlib.asynccontextmanager
async def _renewed(place: "_Place") -> AsyncIterator[None]:
    """Renew the place while the block lasts."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(place.lifetime / 3)
            await asyncio.to_thread(place.keep)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()


class _Place:
    """One request's place. It has a lock, because a cancelled request may end it while a thread still takes it."""

    def __init__(self, budget: RedisBudget, units: int) -> None:
        self._budget = budget
        self._units = units
        self._token = uuid.uuid4().hex
        self._in_redis = False
        self._alone = False
        self._ended = False
        self._lock = threading.Lock()

    def take(self) -> float:
        """Try to take the place. Return the seconds until the next attempt, or 0 if it is taken."""
        budget = self._budget
        with self._lock:
            wait = budget.until - time.monotonic()
            if self._ended or wait > 0:
                return max(wait, 0.0)
            keys = [budget.until_key, budget.in_flight_key, budget.rate_key]
            arguments: list[str | float] = [
                self._token,
                budget.limits.requests_in_flight,
                int(self.lifetime * 1000),
                self._units,
                _FIRST_RATE,
                _MOST_RATE,
                _BURST,
            ]
            answer = budget.shared.ask(_TAKE, keys, arguments)
            if answer is None:
                self._alone = budget.alone.acquire(blocking=False)
                if not self._alone:
                    return self._random_wait()
                budget.until = max(budget.until, time.monotonic() + self._units / _ALONE_RATE)
                return 0.0
            self._in_redis = answer == 0
            return answer / 1000 if answer >= 0 else self._random_wait()

    @property
    def lifetime(self) -> float:
        """Return the seconds after which the place expires unless it is renewed."""
        return self._budget.limits.place_seconds

    def _random_wait(self) -> float:
        """Return the seconds until the next attempt to take a place, at random."""
        return self._budget.limits.place_look_seconds * random.uniform(0.5, 1.5)

    def keep(self) -> None:
        """Renew the place in Redis."""
        with self._lock:
            if self._in_redis and not self._ended:
                self._budget.shared.ask(_KEEP, [self._budget.in_flight_key], [self._token, int(self.lifetime * 1000)])

    def end(self) -> None:
        """Release the place for good."""
        with self._lock:
            self._ended = True
            if self._alone:
                self._budget.alone.release()
            if self._in_redis:
                self._budget.shared.ask(_END, [self._budget.in_flight_key], [self._token])
