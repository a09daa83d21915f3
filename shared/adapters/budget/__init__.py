"""Share the budgets through Redis. Redis helps but is not required."""

import hashlib
import threading

from shared.adapters.budget.requests import RedisBudget
from shared.adapters.budget.shared_redis import SharedRedis
from shared.adapters.budget.writes import RedisWriteBudget
from shared.domain.limits import Limits
from shared.ports.budget import Budget, WriteBudget

__all__ = ["RedisBudgets"]


class RedisBudgets:
    """Budgets in the Redis at ``url``. All workers share ``limits.requests_in_flight`` places per scope.

    Without a ``url`` each process limits itself to so many: the command line never uses Redis. A process whose Redis does not
    answer has one place, because many workers may be in that state.
    """

    def __init__(self, url: str | None, limits: Limits) -> None:
        self._shared = SharedRedis(url, limits)
        self._limits = limits
        self._has_redis = bool(url)
        self._alone = 1 if url else limits.requests_in_flight
        self._scopes: dict[str, RedisBudget] = {}
        self._writes: dict[str, RedisWriteBudget] = {}
        self._lock = threading.Lock()

    def scope(self, directory_id: str, client_id: str) -> Budget:
        """Return the budget of an application in a directory, the same one for each call."""
        name = _name(directory_id, client_id)
        services = self.writes(directory_id, client_id)
        with self._lock:
            if name not in self._scopes:
                self._scopes[name] = RedisBudget(self._shared, name, self._limits, services, self._alone)
            return self._scopes[name]

    def writes(self, directory_id: str, client_id: str) -> WriteBudget:
        """Return the budget of an application's writes to a directory, the same one for each call."""
        name = _name(directory_id, client_id)
        with self._lock:
            if name not in self._writes:
                self._writes[name] = RedisWriteBudget(
                    self._shared, _name(directory_id), name, self._limits, redis=self._has_redis
                )
            return self._writes[name]

    def close(self) -> None:
        """Close the connections to Redis."""
        self._shared.close()


def _name(*ids: str) -> str:
    """Return a name for keys in Redis that does not reveal the ids."""
    return hashlib.sha256("|".join(ids).encode()).hexdigest()[:32]
