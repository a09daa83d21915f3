"""What this process used of KMS and Graph, counted beside the calls, until it is added to the totals in SQL."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from shared.domain.errors import EntrakeepError, KeyRefused, KeyTrouble
from shared.domain.secret import Secret
from shared.ports.budget import Budget, Budgets
from shared.ports.keys import Caller, FreshKey, KeyDescription, KeyService, Wrapping
from shared.ports.overview import Overview

_T = TypeVar("_T")


class Counts:
    """Counters by tenant, and by directory where only that is known. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tenants: dict[str, Counter[str]] = {}
        self._directories: dict[str, Counter[str]] = {}

    def tenant(self, tenant_id: str, name: str, count: int = 1) -> None:
        """Count for a tenant."""
        with self._lock:
            self._tenants.setdefault(tenant_id, Counter())[name] += count

    def directory(self, directory_id: str, name: str, count: int = 1) -> None:
        """Count for the tenant of a directory."""
        with self._lock:
            self._directories.setdefault(directory_id, Counter())[name] += count

    def flush(self, overview: Overview) -> None:
        """Add all that was counted to the totals. What the catalog does not take is counted on."""
        with self._lock:
            tenants, self._tenants = self._tenants, {}
            directories, self._directories = self._directories, {}
        if not tenants and not directories:
            return
        try:
            overview.add_usage(tenants, directories)
        except EntrakeepError:
            with self._lock:
                for kept, counted in ((self._tenants, tenants), (self._directories, directories)):
                    for who, counts in counted.items():
                        kept.setdefault(who, Counter()).update(counts)


class CountedKeys:
    """Counts the calls about a tenant's data keys on their way to ``keys``."""

    def __init__(self, keys: KeyService, counts: Counts) -> None:
        self._keys = keys
        self._counts = counts

    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        return self._counted(context, lambda: self._keys.generate(arn, context))

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        return self._counted(context, lambda: self._keys.decrypt(arn, wrapped, context, data_key_id))

    def reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str, data_key_id: str) -> Wrapping:
        return self._counted(context, lambda: self._keys.reencrypt(arn, wrapped, context, to_arn, data_key_id))

    def describe(self, arn: str) -> KeyDescription:
        return self._keys.describe(arn)

    def probe(self, arn: str, context: dict[str, str]) -> None:
        self._counted(context, lambda: self._keys.probe(arn, context))

    def probe_reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> None:
        self._counted(context, lambda: self._keys.probe_reencrypt(arn, wrapped, context, data_key_id))

    def caller(self) -> Caller:
        return self._keys.caller()

    def _counted(self, context: dict[str, str], call: Callable[[], _T]) -> _T:
        self._counts.tenant(context["tenant"], "kms_calls")
        try:
            return call()
        except KeyRefused:
            self._counts.tenant(context["tenant"], "kms_refusals")
            raise
        except KeyTrouble:
            self._counts.tenant(context["tenant"], "kms_troubles")
            raise


class CountedBudgets:
    """Counts the requests to Graph that ``budgets`` lets go, their resource units, and each time that Graph throttles."""

    def __init__(self, budgets: Budgets, counts: Counts) -> None:
        self._budgets = budgets
        self._counts = counts

    def scope(self, directory_id: str, client_id: str) -> Budget:
        return _CountedBudget(self._budgets.scope(directory_id, client_id), directory_id, self._counts)


class _CountedBudget:
    def __init__(self, budget: Budget, directory_id: str, counts: Counts) -> None:
        self._budget = budget
        self._directory_id = directory_id
        self._counts = counts

    def request(self, units: int) -> AbstractAsyncContextManager[None]:
        self._counts.directory(self._directory_id, "graph_requests")
        self._counts.directory(self._directory_id, "graph_units", units)
        return self._budget.request(units)

    async def throttled(self, seconds: float) -> None:
        self._counts.directory(self._directory_id, "graph_throttles")
        await self._budget.throttled(seconds)

    async def told(self, share: float) -> None:
        await self._budget.told(share)
