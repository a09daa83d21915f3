"""Redis as all workers share it, with short time-outs. Redis helps but is not required."""

import logging
import time
from collections.abc import Sequence

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.domain.limits import Limits

log = logging.getLogger(__name__)


class SharedRedis:
    """Redis with short time-outs. It is not called for a while after it did not answer."""

    def __init__(self, url: str | None, limits: Limits) -> None:
        timeout = limits.redis_answer_seconds
        self._redis = url and redis.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
        )
        self._rest_seconds = limits.redis_rest_seconds
        self._rest_until = 0.0
        self.answers = False
        """True if Redis answered the last call."""

    def ask(self, script: str, keys: list[str], arguments: Sequence[str | float]) -> int | None:
        """Run a script and return its answer, or None if Redis does not answer."""
        if not self._redis or time.monotonic() < self._rest_until:
            return None
        try:
            answer = self._redis.eval(script, len(keys), *keys, *arguments)
            self.answers = True
        except (redis.RedisError, OSError) as error:
            self.answers = False
            self._rest_until = time.monotonic() + self._rest_seconds
            log.warning(
                "no shared budget, because Redis does not answer (%s): requests are sent one at a time, writes slowly",
                type(error).__name__,
            )
            return None
        return int(answer)

    def close(self) -> None:
        """Close the connections."""
        if self._redis:
            self._redis.close()
