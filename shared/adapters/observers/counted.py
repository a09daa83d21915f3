"""Report the calls to KMS and Graph to an observer, beside the calls."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from shared.domain.errors import KeyRefused, KeyTrouble
from shared.domain.kms_key import KeyDescription
from shared.domain.secret import Secret
from shared.ports.budget import DIRECTORY, Budget, Budgets, WriteBudget
from shared.ports.keys import Caller, FreshKey, KeyService, Wrapping
from shared.ports.observer import Observer, Usage

_T = TypeVar("_T")


class CountedKeys:
    """Count the calls about a tenant's data keys, and pass them to ``keys``."""

    def __init__(self, keys: KeyService, observer: Observer) -> None:
        self._keys = keys
        self._observer = observer

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
        """Return what ``call`` returns. Count it, and its refusal or trouble, unless it is about the installation's key."""
        tenant_id = context.get("tenant")
        if tenant_id is None:
            return call()
        self._observer.count(Usage.KMS_CALLS, tenant_id)
        try:
            return call()
        except KeyRefused:
            self._observer.count(Usage.KMS_REFUSALS, tenant_id)
            raise
        except KeyTrouble:
            self._observer.count(Usage.KMS_TROUBLES, tenant_id)
            raise


class CountedBudgets:
    """Count the requests to Graph that ``budgets`` allows, their resource units, and each throttling by Graph."""

    def __init__(self, budgets: Budgets, observer: Observer) -> None:
        self._budgets = budgets
        self._observer = observer

    def scope(self, directory_id: str, client_id: str) -> Budget:
        """Return the counted budget of a directory and application."""
        return _CountedBudget(self._budgets.scope(directory_id, client_id), directory_id, self._observer)

    def writes(self, directory_id: str, client_id: str) -> WriteBudget:
        """Return the budget of writes, whose throttlings are counted. A write is counted as a request."""
        return _CountedWrites(self._budgets.writes(directory_id, client_id), directory_id, self._observer)


class _CountedBudget:
    """Count one scope's requests, and pass them to ``budget``."""

    def __init__(self, budget: Budget, directory_id: str, observer: Observer) -> None:
        self._budget = budget
        self._directory_id = directory_id
        self._observer = observer

    def request(self, units: int, bucket: str = DIRECTORY) -> AbstractAsyncContextManager[None]:
        """Count a request with its units, and pass it on."""
        self._observer.count(Usage.GRAPH_REQUESTS, self._directory_id)
        self._observer.count(Usage.GRAPH_UNITS, self._directory_id, units)
        return self._budget.request(units, bucket)

    async def throttled(self, seconds: float, bucket: str = DIRECTORY) -> None:
        """Count a throttling, and pass it on."""
        self._observer.count(Usage.GRAPH_THROTTLES, self._directory_id)
        await self._budget.throttled(seconds, bucket)

    async def report_usage(self, share: float) -> None:
        """Pass on the share of the quota that Graph reports as used."""
        await self._budget.report_usage(share)


class _CountedWrites:
    """Count the throttlings of one scope's writes, and pass its calls to ``budget``."""

    def __init__(self, budget: WriteBudget, directory_id: str, observer: Observer) -> None:
        self._budget = budget
        self._directory_id = directory_id
        self._observer = observer

    async def admit(self, bucket: str, writes: int) -> None:
        """Pass on without counting: the request that carries the writes is counted."""
        await self._budget.admit(bucket, writes)

    async def throttled(self, bucket: str, seconds: float) -> None:
        """Count a throttling, and pass it on."""
        self._observer.count(Usage.GRAPH_THROTTLES, self._directory_id)
        await self._budget.throttled(bucket, seconds)
