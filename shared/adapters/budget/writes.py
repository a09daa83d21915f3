"""The budget of writes: how many writes each bucket had in the window that ends now.

Graph counts writes of a sliding window, refused ones included. A bucket counts likewise, in slots of a sixtieth of the
window. Without Redis a process spreads its writes evenly, and a worker whose Redis does not answer keeps to a quarter of each
limit.
"""

import asyncio
import random
import threading
import time
from typing import NamedTuple

from shared.adapters.budget.shared_redis import SharedRedis
from shared.domain.errors import GraphTrouble
from shared.domain.limits import Limits


class _Window(NamedTuple):
    """One limit of a bucket."""

    limit: int
    """The most writes in a window."""
    seconds: float
    """The length of the window."""
    whole_directory: bool
    """True if all applications of the directory share the limit."""


_WINDOWS = {
    "directory": (_Window(2_950, 150.0, whole_directory=False), _Window(9_000, 300.0, whole_directory=True)),
    "conditional-access": (_Window(1, 1.2, whole_directory=True),),
    "reports": (_Window(5, 10.5, whole_directory=False),),
}
"""The limits of each bucket. (Microsoft Graph: "Service-specific throttling limits".)

Graph allows 3,000 writes in 150 s to an application, of which a few stay for requests that Graph counts and we do not. It
allows 18,000 in 300 s to all applications of a directory, of which restores take half at most. It allows one request a
second to Conditional Access and identity protection, reads included, and five in 10 s to reports and logs; the rest covers
requests that take unequal times to arrive.
"""
_SLOTS = 60
_ALONE = 0.25
"""The share of each limit for a process whose Redis does not answer. One that has none, such as a command, is alone."""

_TAKE = """
local rest = redis.call('PTTL', KEYS[1])
if rest > 0 then return rest end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
local writes = tonumber(ARGV[1])
for n = 2, #KEYS do
  local limit, window = tonumber(ARGV[n * 2 - 2]), tonumber(ARGV[n * 2 - 1])
  local length = window / tonumber(ARGV[#ARGV])
  local first = math.floor((now - window) / length)
  local slots = redis.call('HGETALL', KEYS[n])
  local used, ends = 0, {}
  for i = 1, #slots, 2 do
    local slot = tonumber(slots[i])
    if slot < first then
      redis.call('HDEL', KEYS[n], slots[i])
    else
      used = used + tonumber(slots[i + 1])
      ends[#ends + 1] = {slot, tonumber(slots[i + 1])}
    end
  end
  if used > 0 and used + writes > limit then
    table.sort(ends, function(a, b) return a[1] < b[1] end)
    local still = used
    for _, each in ipairs(ends) do
      still = still - each[2]
      local after = math.ceil((each[1] + 1) * length + window - now)
      if still == 0 or still + writes <= limit then
        wait = math.max(wait, after, 1)
        break
      end
    end
  end
end
if wait > 0 then return wait end
for n = 2, #KEYS do
  local window = tonumber(ARGV[n * 2 - 1])
  local length = window / tonumber(ARGV[#ARGV])
  redis.call('HINCRBY', KEYS[n], string.format('%d', math.floor(now / length)), writes)
  redis.call('PEXPIRE', KEYS[n], math.ceil(window * 2))
end
return 0
"""
_PAUSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
end
return 0
"""


class RedisWriteBudget:
    """The budget of one application's writes to one directory, for all threads and event loops of this process."""

    def __init__(self, shared: SharedRedis, directory: str, scope: str, limits: Limits, *, redis: bool) -> None:
        """Share the windows of the directory and of the scope, by their names in Redis; without ``redis`` there is none."""
        self._shared = shared
        self._directory = directory
        self._scope = scope
        self._limits = limits
        self._share = _ALONE if redis else 1.0
        self._lock = threading.Lock()
        self._paused_until: dict[str, float] = {}
        """The monotonic time, by bucket, before which this process sends no write after a 429."""
        self._next: dict[str, float] = {}
        """The monotonic time, by bucket, of the next write without Redis."""

    async def admit(self, bucket: str, writes: int) -> None:
        """Wait until the bucket allows ``writes`` more writes. Raises GraphTrouble if the wait is too long."""
        waited = 0.0
        while (wait := await asyncio.to_thread(self._take, bucket, writes)) > 0:
            waited += wait
            if waited > self._limits.write_wait_most_seconds:
                raise GraphTrouble("Other jobs use up the writes that Graph allows this application.", wait)
            await asyncio.sleep(wait)

    async def throttled(self, bucket: str, seconds: float) -> None:
        """Stop the bucket's writes for ``seconds`` after a 429."""
        with self._lock:
            until = time.monotonic() + seconds
            self._paused_until[bucket] = max(until, self._paused_until.get(bucket, 0.0))
        if seconds > 0:
            await asyncio.to_thread(self._shared.ask, _PAUSE, [self._pause_key(bucket)], [int(seconds * 1000) or 1])

    def _take(self, bucket: str, writes: int) -> float:
        """Count the writes if the bucket allows them. Return the seconds until the next attempt, or 0."""
        with self._lock:
            paused = self._paused_until.get(bucket, 0.0) - time.monotonic()
        if paused > 0:
            return paused
        windows = _WINDOWS[bucket]
        keys = [self._pause_key(bucket), *(self._window_key(bucket, window) for window in windows)]
        numbers = [number for window in windows for number in (window.limit, int(window.seconds * 1000))]
        answer = self._shared.ask(_TAKE, keys, [writes, *numbers, _SLOTS])
        if answer is None:
            return self._take_alone(bucket, writes)
        # A part at random keeps processes that wait for the same slot apart.
        return answer / 1000 + random.uniform(0.0, self._limits.place_look_seconds) if answer else 0.0

    def _take_alone(self, bucket: str, writes: int) -> float:
        """Reserve the next time for writes without Redis. Return the seconds until that time if it has not come, else 0."""
        rate = min(window.limit / window.seconds for window in _WINDOWS[bucket]) * self._share
        with self._lock:
            now = time.monotonic()
            wait = self._next.get(bucket, 0.0) - now
            if wait > 0:
                return wait
            self._next[bucket] = now + writes / rate
        return 0.0

    def _pause_key(self, bucket: str) -> str:
        """Return the key whose expiry ends a pause of this scope's bucket."""
        return f"entrakeep:writes:{self._scope}:{bucket}:until"

    def _window_key(self, bucket: str, window: _Window) -> str:
        """Return the key of the counts of a window."""
        owner = self._directory if window.whole_directory else self._scope
        return f"entrakeep:writes:{owner}:{bucket}:{window.seconds:g}"
