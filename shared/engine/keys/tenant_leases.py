"""The key leases of one process for one tenant: one for each KMS key that wraps a data key in use."""

import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from shared.domain.deadline import seconds_since
from shared.domain.errors import KeyRefused, KeyTrouble, Refuse
from shared.domain.model import WrappedKey
from shared.engine.context import Context
from shared.engine.keys.retrying import retry_kms
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.keyring import DataKey
from shared.vault.leases import Lease, LeaseOwner, LeaseRetired

_T = TypeVar("_T")


class TenantLeases(LeaseOwner):
    """The leases of a tenant's data keys. Any thread may call any method.

    A refusal ends, in one transaction, all queued and running jobs of the tenant that need a data key under that ARN. While
    the tenant's KMS key is changed, each lease reads the wrappings of its data keys again at every renewal. The lease on the
    new KMS key then adopts them. A refusal counts only if SQL, read again, still names that KMS key.

    The lock guards the set of leases. It is held while a lease starts, which calls KMS, so that two threads do not start
    two leases on one KMS key. ``check`` and ``cached`` do not take it.
    """

    def __init__(self, context: Context, catalog: TenantCatalog, retry_seconds: float) -> None:
        """Retry KMS for ``retry_seconds`` while it is in trouble."""
        self._context = context
        self._catalog = catalog
        self._retry_seconds = retry_seconds
        self._by_arn: dict[str, Lease] = {}
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.RLock()
        self._closed = False

    def close(self) -> None:
        """End all leases, which drops their data keys. No lease starts after that."""
        with self._lock:
            leases, self._by_arn, self._closed = list(self._by_arn.values()), {}, True
        for lease in leases:
            lease.close()

    def check(self) -> None:
        """Raise what ended a lease: ``KeyRefused``, ``KeyTrouble`` or ``Refuse``."""
        self._check_open()
        for lease in list(self._by_arn.values()):
            lease.check()

    def on_end(self, call: Callable[[], None]) -> None:
        """Call ``call`` once for each lease that ends early, from the lease's thread."""
        with self._lock:
            self._listeners.append(call)
            leases = list(self._by_arn.values())
        for lease in leases:
            lease.on_end(call)

    def cached(self, data_key_id: str) -> DataKey | None:
        """Return the data key if a lease has it, otherwise None. Raise as ``check``."""
        self._check_open()
        for lease in list(self._by_arn.values()):
            if (cached_key := lease.cached(data_key_id)) is not None:
                self.check()
                return cached_key
        return None

    def open(self, wrapped: WrappedKey) -> DataKey:
        """Return the data key under a lease on its KMS key. Read its row again if that lease is retired."""
        while True:
            try:
                lease = self.lease(wrapped.arn, wrapped)
                return self.retry(partial(lease.data_key, wrapped), lease.check)
            except LeaseRetired:
                wrapped = self._catalog.keys.get(wrapped.data_key_id)

    def lease(self, arn: str, probe: WrappedKey | None) -> Lease:
        """Return the lease on this KMS key. If there is none, start one by opening ``probe``, which it then has."""
        with self._lock:
            self._check_open()
            return self._by_arn.get(arn) or self.retry(partial(self._start, arn, probe))

    def retry(self, call: Callable[[], _T], check: Callable[[], None] = lambda: None) -> _T:
        """Return the result of ``call``, retried while KMS is in trouble, for as long as the patience lasts."""
        return retry_kms(call, self._context.deadline(self._retry_seconds), check)

    def record_refusal(self, refusal: KeyRefused) -> None:
        """Record the refusal in SQL, which ends the jobs that need the KMS key."""
        ago = seconds_since(refusal.started_at, self._context.clock.monotonic)
        self._catalog.keys.refuse(refusal.arn, refusal.message, ago=ago)

    def move_keys(self, lease: Lease) -> None:
        """Let other leases adopt the data keys that another KMS key wraps by now. Retire the lease if those are all.

        Raises what ended the lease on that other key.
        """
        data_key_ids = lease.data_key_ids()
        moved = self._catalog.keys.wrapped_by_other_keys(lease.arn, data_key_ids)
        for wrapped in moved:
            self.lease(wrapped.arn, wrapped).adopt(wrapped, lease)
        if len(moved) == len(data_key_ids) > 0:
            self._retire(lease)

    def confirm_refusal(self, lease: Lease, wrapped: WrappedKey) -> bool:
        """Return whether a refusal of the lease's KMS key counts. Retire the lease if it does not.

        It counts if SQL still names that KMS key for the data key ``wrapped``, or for any data key of the lease.
        """
        self.move_keys(lease)
        if not lease.empty or not self._catalog.keys.wrapped_by_other_keys(lease.arn, [wrapped.data_key_id]):
            return True
        self._retire(lease)
        return False

    def _check_open(self) -> None:
        """Raise KeyTrouble after ``close``."""
        if self._closed:
            raise KeyTrouble("The key leases were closed.")

    def _start(self, arn: str, probe: WrappedKey | None) -> Lease:
        """Start a lease, and remove stored refusals of its KMS key if it opens ``probe``."""
        context = self._context
        lease = Lease(context.keys, arn, probe, self, seconds=context.lease_seconds, now=context.clock.monotonic)
        try:
            lease.start()
        except Refuse:
            self._add(lease)  # so that ``check`` ends the whole step, and KMS is not called again
            raise
        self._add(lease)
        if probe is not None:
            self._catalog.keys.allow(arn)
        return lease

    def _add(self, lease: Lease) -> None:
        """Add the lease, and register the calls of ``on_end`` with it."""
        self._by_arn[lease.arn] = lease
        for call in self._listeners:
            lease.on_end(call)

    def _retire(self, lease: Lease) -> None:
        """Retire the lease and remove it, unless it has got a data key meanwhile."""
        with self._lock:
            if lease.retire() and self._by_arn.get(lease.arn) is lease:
                del self._by_arn[lease.arn]
