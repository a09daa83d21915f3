"""The data keys that one process may use for one tenant: looked up, created and dropped under key leases."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from shared.domain.deadline import seconds_since
from shared.domain.errors import ClaimLost, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.model import Purpose, Tenant, WrappedKey
from shared.engine.context import Context
from shared.engine.keys.retrying import retry_kms
from shared.ports.catalog.keys import EpochMoved
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.keyring import DataKey, create_data_key
from shared.vault.leases import Lease, LeaseRetired
from shared.vault.names import key_object_blob

_T = TypeVar("_T")
_CREATION_LOOK = 0.1
"""Seconds between two looks for a data key that another step is creating."""


class ProcessKeys:
    """Data keys of one tenant, with one lease for each KMS key that wraps any of them.

    A refusal ends, in one transaction, all queued and running jobs of the tenant that need a data key under that ARN. While
    the tenant's KMS key is changed, each lease reads the wrappings of its data keys again at every renewal. It hands over
    the data keys that another KMS key wraps by then. A refusal counts only if SQL, read again, still names that KMS key.
    Use as a context manager: on exit every data key is dropped.
    """

    def __init__(self, context: Context, catalog: TenantCatalog, patience: float | None = None) -> None:
        """Retry KMS for ``patience`` seconds while it is in trouble, by default for as long as a lease lasts."""
        self._context = context
        self._catalog = catalog
        self._patience = context.lease_seconds if patience is None else min(patience, context.lease_seconds)
        self._leases: dict[str, Lease] = {}
        self._on_end: list[Callable[[], None]] = []
        self._lock = threading.RLock()
        self._closed = False

    def __enter__(self) -> "ProcessKeys":
        return self

    def __exit__(self, *_: object) -> None:
        """End all leases, which drops their data keys."""
        with self._lock:
            leases, self._leases, self._closed = list(self._leases.values()), {}, True
        for lease in leases:
            lease.close()

    def check(self) -> None:
        """Raise what ended a lease: ``KeyRefused``, ``KeyTrouble`` or ``Refuse``."""
        self._check_open()
        for lease in list(self._leases.values()):
            lease.check()

    def _check_open(self) -> None:
        """Raise KeyTrouble if the context manager has ended."""
        if self._closed:
            raise KeyTrouble("The key leases were closed.")

    def on_end(self, call: Callable[[], None]) -> None:
        """Call ``call`` once for each lease that ends early, from the lease's thread."""
        with self._lock:
            self._on_end.append(call)
            leases = list(self._leases.values())
        for lease in leases:
            lease.on_end(call)

    def find(self, data_key_id: str) -> DataKey:
        """Return the data key with this id, from a lease that has it or unwrapped by KMS.

        Raises what ended any lease, what the key service raises, and Alarm if SQL does not know the data key.
        """
        self._check_open()
        for lease in list(self._leases.values()):
            if (cached_key := lease.cached(data_key_id)) is not None:
                self.check()
                return cached_key
        return self._open(self._catalog.keys.get(data_key_id))

    def secrets(self) -> DataKey:
        """Return the tenant's data key for credentials."""
        wrapped = self._catalog.keys.find(Purpose.SECRETS, None)
        if wrapped is None:
            raise LookupError("a tenant always has a data key of purpose secrets")
        return self._open(wrapped)

    def job_key(self, job_id: str) -> DataKey:
        """Return the job's data key. Create it if it does not exist.

        If several steps need it, one creates it, and the others wait for as long as a claim lasts. If the first was only
        slow and another creates one too, SQL keeps one of them, and the other's key object is garbage.
        """
        return self._retry(partial(self._find_or_create, job_id), self.check)

    def _find_or_create(self, job_id: str) -> DataKey:
        """Return the job's data key once a step has created it. Create it if no other step has reserved that."""
        keys = self._catalog.keys
        while (wrapped := keys.find(Purpose.BACKUP, job_id)) is None:
            reserved_until = keys.reserve_data_key(job_id, self._context.limits.claim_seconds)
            if reserved_until is not None:
                return self._create_reserved(job_id, reserved_until)
            self.check()
            time.sleep(_CREATION_LOOK)
        return self._open(wrapped)

    def _create_reserved(self, job_id: str, reserved_until: datetime) -> DataKey:
        """Create the job's data key. Release the reservation if that fails."""
        try:
            return self._create(job_id)
        except Exception:
            with suppress(EntrakeepError):  # otherwise the others wait until the reservation expires
                self._catalog.keys.release_data_key_reservation(job_id, reserved_until)
            raise

    def _create(self, job_id: str) -> DataKey:
        """Create the job's data key under the tenant's present KMS key, and add it to a lease.

        Retry if the KMS key is changed meanwhile. If SQL has another data key of the job by then, return that one.
        """
        context = self._context
        while True:
            tenant = self._catalog.tenant()
            try:
                lease = self._lease(tenant.key_arn, self._secrets_key_under(tenant.key_arn))
                key, wrapped = self._generate(lease, tenant, job_id)
            except LeaseRetired:
                continue
            except KeyRefused:
                if self._catalog.tenant().key_arn != tenant.key_arn:
                    continue
                raise
            context.at("key-object-stored")
            try:
                existing = self._catalog.keys.add(wrapped)
            except EpochMoved:
                self._discard_key(key, wrapped)
                continue
            except (ClaimLost, Refuse) as error:
                if error.code in (Code.INTERRUPTED, Code.NO_SUCH_TENANT):
                    self._discard_key(key, wrapped)
                raise
            context.at("key-row-stored")
            if existing.data_key_id != wrapped.data_key_id:
                key.drop()
                return self._open(existing)
            try:
                lease.add(key, wrapped)
            except LeaseRetired:
                return self.find(key.id)
            return key

    def _discard_key(self, key: DataKey, wrapped: WrappedKey) -> None:
        """Drop the data key and erase its key object. SQL has refused its row.

        The tenant's KMS key was changed meanwhile, or the job or the tenant does not exist any more.
        """
        key.drop()
        with suppress(EntrakeepError):  # otherwise the sweep removes it, a day later
            self._context.store.erase(key_object_blob(self._catalog.tenant_id, wrapped.data_key_id, wrapped.generation))

    def _generate(self, lease: Lease, tenant: Tenant, job_id: str) -> tuple[DataKey, WrappedKey]:
        """Generate a data key in KMS and store its key object. Act on a refusal unless the KMS key was changed."""
        context = self._context
        try:
            return create_data_key(
                context.keys,
                context.store,
                tenant.tenant_id,
                tenant.key_arn,
                Purpose.BACKUP,
                tenant.key_epoch,
                context.clock.now(),
                job_id,
            )
        except KeyRefused as refusal:
            if self._catalog.tenant().key_arn == tenant.key_arn:
                self._handle_refusal(lease, refusal)
            raise

    def _handle_refusal(self, lease: Lease, refusal: KeyRefused) -> None:
        """Act on the refusal to generate a data key, by whether the KMS key still decrypts.

        A renewal tells: if the KMS key is refused for decryption too, that ends the lease. If it decrypts, existing
        snapshots stay readable. Then only this job fails, and scheduled backups wait for the key's next probe. If the lease
        has no data key to try, the refusal counts.
        """
        try:
            still_usable = lease.renew()
        except KeyTrouble:
            still_usable = True  # unknown now: each lease notices at its next renewal
        if still_usable:
            self._catalog.health.look_again()
        else:
            self._record_refusal(refusal)

    def _secrets_key_under(self, arn: str) -> WrappedKey | None:
        """Return the data key for credentials, to start a lease with, if ``arn`` wraps it; otherwise None."""
        secrets = self._catalog.keys.find(Purpose.SECRETS, None)
        return secrets if secrets is not None and secrets.arn == arn else None

    def _open(self, wrapped: WrappedKey) -> DataKey:
        """Return the data key under a lease on its KMS key. Read its row again if that lease is retired."""
        while True:
            try:
                lease = self._lease(wrapped.arn, wrapped)
                return self._retry(partial(lease.data_key, wrapped), lease.check)
            except LeaseRetired:
                wrapped = self._catalog.keys.get(wrapped.data_key_id)

    def _lease(self, arn: str, first: WrappedKey | None) -> Lease:
        """Return the lease on this KMS key. If there is none, start one by opening ``first``, which it then has."""
        with self._lock:
            self._check_open()
            return self._leases.get(arn) or self._retry(partial(self._start_lease, arn, first))

    def _retry(self, call: Callable[[], _T], check: Callable[[], None] = lambda: None) -> _T:
        """Return the result of ``call``, retried while KMS is in trouble, for as long as the patience lasts."""
        return retry_kms(call, self._context.deadline(self._patience), check)

    def _start_lease(self, arn: str, first: WrappedKey | None) -> Lease:
        """Start a lease, and remove stored refusals of its KMS key if it opens ``first``."""
        context = self._context
        lease = Lease(
            context.keys,
            self._catalog.tenant_id,
            arn,
            first,
            context.lease_seconds,
            self._record_refusal,
            self._hand_over_moved,
            self._refusal_counts,
        )
        try:
            lease.start()
        except Refuse:
            self._add_lease(lease)  # so that ``check`` ends the whole step, and KMS is not called again
            raise
        self._add_lease(lease)
        if first is not None:
            self._catalog.keys.allow(arn)
        return lease

    def _add_lease(self, lease: Lease) -> None:
        """Add the lease, and register the calls of ``on_end`` with it."""
        self._leases[lease.arn] = lease
        for call in self._on_end:
            lease.on_end(call)

    def _hand_over_moved(self, lease: Lease) -> None:
        """Hand over the data keys of the lease that another KMS key wraps by now. Retire the lease if that is all of them.

        Raises what ended the lease on that other key.
        """
        named = lease.named()
        moved = self._catalog.keys.wrapped_by_other_keys(lease.arn, named)
        for wrapped in moved:
            lease.hand_over(wrapped, self._lease(wrapped.arn, wrapped))
        with self._lock:
            if len(moved) == len(named) > 0 and lease.retire() and self._leases.get(lease.arn) is lease:
                del self._leases[lease.arn]

    def _refusal_counts(self, lease: Lease, wrapped: WrappedKey) -> bool:
        """Return whether a refusal of the lease's KMS key counts.

        It counts if SQL still names that KMS key for the data key ``wrapped``, or for any data key of the lease.
        """
        self._hand_over_moved(lease)
        if not lease.empty or not self._catalog.keys.wrapped_by_other_keys(lease.arn, [wrapped.data_key_id]):
            return True
        with self._lock:
            if lease.retire() and self._leases.get(lease.arn) is lease:
                del self._leases[lease.arn]
        return False

    def _record_refusal(self, refusal: KeyRefused) -> None:
        """Record the refusal in SQL, which ends the jobs that need the KMS key."""
        self._catalog.keys.refuse(
            refusal.arn, refusal.message, ago=seconds_since(refusal.started_at, self._context.clock.monotonic)
        )
