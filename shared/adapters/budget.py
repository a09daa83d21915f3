"""Redis as the shared budget: places for requests in flight, and a time before which nobody of a scope asks.

Redis is a help and no condition. Where it does not answer, a process keeps to one request in flight a scope and to the
429s that it met itself. Places are given for a limited time, so those of a killed worker come back by themselves.
"""

import asyncio
import contextlib
import hashlib
import logging
import random
import threading
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.ports.budget import Budget

log = logging.getLogger(__name__)

_TIMEOUT = 0.5
"""Seconds that one call to Redis may take."""
_REST = 5.0
"""Seconds for which Redis is left alone after it did not answer."""
_HELD = 120.0
"""Seconds after which a place is taken for abandoned; longer than any request lasts."""
_LOOK = 0.05
"""Seconds between two looks for a free place, plus or minus half."""

_TAKE = """
local rest = redis.call('PTTL', KEYS[1])
if rest > 0 then return rest end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[2]) then return -1 end
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), ARGV[1])
redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[3]))
return 0
"""
_END = "return redis.call('ZREM', KEYS[1], ARGV[1])"
_THROTTLE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '', 'PX', ARGV[1]) end
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
        self.places = places
        self.until = 0.0
        """The time before which this process does not ask, by the monotonic clock: counts even without Redis."""
        self.alone = threading.Lock()
        """The one place there is while Redis does not answer."""

    def request(self) -> AbstractAsyncContextManager[None]:
        return self._request()

    async def throttled(self, seconds: float) -> None:
        if seconds <= 0:
            return
        self.until = max(self.until, time.monotonic() + seconds)
        await asyncio.to_thread(self.shared.ask, _THROTTLE, [self.until_key], [int(seconds * 1000) + 1])

    @contextlib.asynccontextmanager
    async def _request(self) -> AsyncIterator[None]:
        place = _Place(self)
        try:
            while (wait := await asyncio.to_thread(place.take)) > 0:  # noqa: ASYNC110 - other processes hold the places
                await asyncio.sleep(wait)
            yield
        finally:
            await asyncio.shield(asyncio.to_thread(place.end))


class _Place:
    """One request's place. Locked, as a cancelled request may end its place while a thread still takes it."""

    def __init__(self, budget: RedisBudget) -> None:
        self._budget = budget
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
            keys = [budget.until_key, budget.held_key]
            answer = budget.shared.ask(_TAKE, keys, [self._token, budget.places, int(_HELD * 1000)])
            if answer is None:
                self._alone = budget.alone.acquire(blocking=False)
                return 0.0 if self._alone else _look()
            self._in_redis = answer == 0
            return answer / 1000 if answer >= 0 else _look()

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

    def ask(self, script: str, keys: list[str], arguments: list[str | int]) -> int | None:
        """What the script answers, or None if Redis does not."""
        if not self._redis or time.monotonic() < self._rest_until:
            return None
        try:
            answer = self._redis.eval(script, len(keys), *keys, *arguments)
        except (redis.RedisError, OSError) as error:
            self._rest_until = time.monotonic() + _REST
            log.warning("no shared budget, Redis does not answer (%s): one request at a time", type(error).__name__)
            return None
        return int(answer)

    def close(self) -> None:
        if self._redis:
            self._redis.close()


def _look() -> float:
    return _LOOK * random.uniform(0.5, 1.5)
