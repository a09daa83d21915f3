"""Redis as the shared budget: places for requests in flight, resource units a second, and a time before which nobody asks.

Redis is a help and no condition. Where it does not answer, a process keeps to one request in flight a scope, to a quarter of
Graph's smallest quota, and to the 429s that it met itself. Places are given for some seconds and renewed while a request
lasts, so those of a killed worker come back soon.
"""

import asyncio
import contextlib
import hashlib
import logging
import random
import threading
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.domain.errors import GraphTrouble
from shared.ports.budget import Budget

log = logging.getLogger(__name__)

_TIMEOUT = 0.5
"""Seconds that one call to Redis may take."""
_REST = 5.0
"""Seconds for which Redis is left alone after it did not answer."""
_HELD = 15.0
"""Seconds after which a place that nobody renews is free."""
_LOOK = 0.05
"""Seconds between two looks for a free place, plus or minus half."""
_MOST_WAIT = 60.0
"""Seconds that a request waits for its turn: a step that waits longer gives its slot to another."""

_FIRST_RATE, _LEAST_RATE, _MOST_RATE = 280.0, 20.0, 640.0
"""Resource units a second: 0.8 of the smallest quota (3,500 in 10 s), and of the largest (8,000). Which one a directory has
is not told, so the rate falls when Graph says that its limit is near, and rises while it says nothing."""
_BURST = 5.0
"""Seconds' worth of units that may be spent at once."""
_ALONE_RATE = 3500 / 10 / 4
"""Resource units a second for one process without Redis."""

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


class RedisBudgets:
    """Budgets kept in the Redis at ``url``; ``places`` requests of a scope may be in flight over all workers.

    Without a ``url`` (the command line, which never talks to Redis) a process keeps to itself.
    """

    def __init__(self, url: str | None, places: int) -> None:
        self._shared = _Shared(url)
        self._places = places
        self._scopes: dict[str, RedisBudget] = {}
        self._lock = threading.Lock()

    def scope(self, directory_id: str, client_id: str) -> Budget:
        name = hashlib.sha256(f"{directory_id}|{client_id}".encode()).hexdigest()[:32]
        with self._lock:
            if name not in self._scopes:
                self._scopes[name] = RedisBudget(self._shared, name, self._places)
            return self._scopes[name]

    def close(self) -> None:
        """Closes the connections to Redis."""
        self._shared.close()


class RedisBudget:
    """The budget of one scope in this process, for all its threads and event loops."""

    def __init__(self, shared: "_Shared", name: str, places: int) -> None:
        self.shared = shared
        self.until_key = f"entrakeep:budget:{name}:until"
        self.held_key = f"entrakeep:budget:{name}:held"
        self.rate_key = f"entrakeep:budget:{name}:rate"
        self.places = places
        self.until = 0.0
        """The time before which this process does not ask, by the monotonic clock: counts even without Redis."""
        self.alone = threading.Lock()
        """The one place there is while Redis does not answer."""

    def request(self, units: int) -> AbstractAsyncContextManager[None]:
        return self._request(units)

    async def throttled(self, seconds: float) -> None:
        self.until = max(self.until, time.monotonic() + seconds)
        await self._slower(seconds, 0.5)

    async def told(self, share: float) -> None:
        await self._slower(0.0, 0.8 / max(share, 1.0))

    async def _slower(self, seconds: float, factor: float) -> None:
        arguments: list[str | float] = [int(seconds * 1000), factor, _FIRST_RATE, _LEAST_RATE]
        await asyncio.to_thread(self.shared.ask, _SLOWER, [self.until_key, self.rate_key], arguments)

    @contextlib.asynccontextmanager
    async def _request(self, units: int) -> AsyncIterator[None]:
        place = _Place(self, units)
        waited = 0.0
        try:
            while (wait := await self._take(place)) > 0:  # other processes hold the places
                waited += wait
                if waited > _MOST_WAIT:
                    raise GraphTrouble("Others use up what Graph allows this application.", max(wait, _REST))
                await asyncio.sleep(wait)
            async with _kept(place):
                yield
        finally:
            # Nobody waits for it: the next request would begin so much later. Even a cancelled request gives its place back.
            asyncio.get_running_loop().run_in_executor(None, place.end)

    async def _take(self, place: "_Place") -> float:
        """In the loop itself while Redis answers: to wake a thread takes longer than that. Who connects may have to wait."""
        return place.take() if self.shared.answers else await asyncio.to_thread(place.take)


@contextlib.asynccontextmanager
async def _kept(place: "_Place") -> AsyncIterator[None]:
    """Renews the place for as long as its request lasts."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(_HELD / 3)
            await asyncio.to_thread(place.keep)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()


class _Place:
    """One request's place. Locked, as a cancelled request may end its place while a thread still takes it."""

    def __init__(self, budget: RedisBudget, units: int) -> None:
        self._budget = budget
        self._units = units
        self._token = uuid.uuid4().hex
        self._in_redis = False
        self._alone = False
        self._ended = False
        self._lock = threading.Lock()

    def take(self) -> float:
        """Seconds to wait before asking again; 0 if the place is taken now."""
        budget = self._budget
        with self._lock:
            wait = budget.until - time.monotonic()
            if self._ended or wait > 0:
                return max(wait, 0.0)
            keys = [budget.until_key, budget.held_key, budget.rate_key]
            held = int(_HELD * 1000)
            arguments: list[str | float] = [
                self._token,
                budget.places,
                held,
                self._units,
                _FIRST_RATE,
                _MOST_RATE,
                _BURST,
            ]
            answer = budget.shared.ask(_TAKE, keys, arguments)
            if answer is None:
                self._alone = budget.alone.acquire(blocking=False)
                if not self._alone:
                    return _look()
                budget.until = time.monotonic() + self._units / _ALONE_RATE
                return 0.0
            self._in_redis = answer == 0
            return answer / 1000 if answer >= 0 else _look()

    def keep(self) -> None:
        """Holds the place for some more seconds."""
        with self._lock:
            if self._in_redis and not self._ended:
                self._budget.shared.ask(_KEEP, [self._budget.held_key], [self._token, int(_HELD * 1000)])

    def end(self) -> None:
        """Gives the place back. It cannot be taken again."""
        with self._lock:
            self._ended = True
            if self._alone:
                self._budget.alone.release()
            if self._in_redis:
                self._budget.shared.ask(_END, [self._budget.held_key], [self._token])


class _Shared:
    """Redis with short time-outs; left alone for a while after it did not answer."""

    def __init__(self, url: str | None) -> None:
        self._redis = url and redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, retry=Retry(NoBackoff(), 0)
        )
        self._rest_until = 0.0
        self.answers = False
        """Whether Redis answered when it was asked last."""

    def ask(self, script: str, keys: list[str], arguments: Sequence[str | float]) -> int | None:
        """What the script answers, or None if Redis does not."""
        if not self._redis or time.monotonic() < self._rest_until:
            return None
        try:
            answer = self._redis.eval(script, len(keys), *keys, *arguments)
            self.answers = True
        except (redis.RedisError, OSError) as error:
            self.answers = False
            self._rest_until = time.monotonic() + _REST
            log.warning("no shared budget, Redis does not answer (%s): one request at a time", type(error).__name__)
            return None
        return int(answer)

    def close(self) -> None:
        if self._redis:
            self._redis.close()


def _look() -> float:
    return _LOOK * random.uniform(0.5, 1.5)
