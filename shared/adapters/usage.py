"""Count this process's use of KMS and Graph beside the calls, until the counts are added to the totals in SQL."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from shared.domain.errors import EntrakeepError, KeyRefused, KeyTrouble
from shared.domain.secret import Secret
from shared.ports.budget import Budget, Budgets
from shared.ports.catalog.overview import Overview
from shared.ports.keys import Caller, FreshKey, KeyDescription, KeyService, Wrapping

_T = TypeVar("_T")


class Counts:
    """Counters by tenant, or by directory where only that is known. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tenants: dict[str, Counter[str]] = {}
        self._directories: dict[str, Counter[str]] = {}

    def tenant(self, tenant_id: str, name: str, count: int = 1) -> None:
        """Add to a tenant's counter."""
        with self._lock:
            self._tenants.setdefault(tenant_id, Counter())[name] += count

    def directory(self, directory_id: str, name: str, count: int = 1) -> None:
        """Add to the counter of a directory's tenant."""
        with self._lock:
            self._directories.setdefault(directory_id, Counter())[name] += count

    def flush(self, overview: Overview) -> None:
        """Add all counts to the totals. Keep those that the catalog does not take for the next flush."""
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
                    for owner_id, counts in counted.items():
                        kept.setdefault(owner_id, Counter()).update(counts)


class CountedKeys:
    """Count the calls about a tenant's data keys, and pass them to ``keys``."""

    def __init__(self, keys: KeyService, counts: Counts) -> None:
        self._keys = keys
        self._counts = counts

    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        """Count and pass on."""
        return self._counted(context, lambda: self._keys.generate(arn, context))

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        """Count and pass on."""
        return self._counted(context, lambda: self._keys.decrypt(arn, wrapped, context, data_key_id))

    def reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str, data_key_id: str) -> Wrapping:
        """Count and pass on."""
        return self._counted(context, lambda: self._keys.reencrypt(arn, wrapped, context, to_arn, data_key_id))

    def describe(self, arn: str) -> KeyDescription:
        """Pass on without counting: the call is not about a tenant's data key."""
        return self._keys.describe(arn)

    def probe(self, arn: str, context: dict[str, str]) -> None:
        """Count and pass on."""
        self._counted(context, lambda: self._keys.probe(arn, context))

    def probe_reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> None:
        """Count and pass on."""
        self._counted(context, lambda: self._keys.probe_reencrypt(arn, wrapped, context, data_key_id))

    def caller(self) -> Caller:
        """Pass on without counting: the call is not about a tenant's data key."""
        return self._keys.caller()

    def _counted(self, context: dict[str, str], call: Callable[[], _T]) -> _T:
        """Return what ``call`` returns. Count it, and its refusal or trouble."""
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
    """Count the requests to Graph that ``budgets`` allows, their resource units, and each throttling by Graph."""

    def __init__(self, budgets: Budgets, counts: Counts) -> None:
        self._budgets = budgets
        self._counts = counts

    def scope(self, directory_id: str, client_id: str) -> Budget:
        """Return the counted budget of a directory and application."""
        return _CountedBudget(self._budgets.scope(directory_id, client_id), directory_id, self._counts)


class _CountedBudget:
    """Count one scope's requests, and pass them to ``budget``."""

    def __init__(self, budget: Budget, directory_id: str, counts: Counts) -> None:
        self._budget = budget
        self._directory_id = directory_id
        self._counts = counts

    def request(self, units: int) -> AbstractAsyncContextManager[None]:
        """Count a request with its units, and pass it on."""
        self._counts.directory(self._directory_id, "graph_requests")
        self._counts.directory(self._directory_id, "graph_units", units)
        return self._budget.request(units)

    async def throttled(self, seconds: float) -> None:
        """Count a throttling, and pass it on."""
        self._counts.directory(self._directory_id, "graph_throttles")
        await self._budget.throttled(seconds)

    async def report_usage(self, share: float) -> None:
        """Pass on the share of the quota that Graph reports as used."""
        await self._budget.report_usage(share)
