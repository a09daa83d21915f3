"""The data keys that one process may use for one tenant: created, looked up and dropped under key leases."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from shared.domain.errors import ClaimLost, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.model import Purpose, Tenant, WrappedKey
from shared.engine.context import Context
from shared.engine.keys.tenant_leases import TenantLeases
from shared.ports.catalog.keys import EpochMoved
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.observer import Point
from shared.vault.keyring import DataKey, create_data_key
from shared.vault.leases import Lease, LeaseRetired
from shared.vault.names import key_object_blob


class ProcessKeys:
    """Data keys of one tenant, with one lease for each KMS key that wraps any of them. Any thread may call any method.

    Use as a context manager: on exit every data key is dropped, and later calls raise KeyTrouble.
    """

    def __init__(self, context: Context, catalog: TenantCatalog, retry_seconds: float | None = None) -> None:
        """Retry KMS for ``retry_seconds`` while it is in trouble, by default and at most for as long as a lease lasts."""
        self._context = context
        self._catalog = catalog
        longest = context.lease_seconds
        self._leases = TenantLeases(context, catalog, longest if retry_seconds is None else min(retry_seconds, longest))

    def __enter__(self) -> "ProcessKeys":
        return self

    def __exit__(self, *_: object) -> None:
        """End all leases, which drops their data keys."""
        self._leases.close()

    def check(self) -> None:
        """Raise what ended a lease: ``KeyRefused``, ``KeyTrouble`` or ``Refuse``."""
        self._leases.check()

    def on_end(self, call: Callable[[], None]) -> None:
        """Call ``call`` once for each lease that ends early, from the lease's thread."""
        self._leases.on_end(call)

    def find(self, data_key_id: str) -> DataKey:
        """Return the data key with this id, from a lease that has it or unwrapped by KMS.

        Raises what ended any lease, what the key service raises, and Alarm if SQL does not know the data key.
        """
        cached_key = self._leases.cached(data_key_id)
        return self._leases.open(self._catalog.keys.get(data_key_id)) if cached_key is None else cached_key

    def secrets(self) -> DataKey:
        """Return the tenant's data key for credentials."""
        wrapped = self._catalog.keys.find(Purpose.SECRETS, None)
        if wrapped is None:
            raise LookupError("a tenant always has a data key of purpose secrets")
        return self._leases.open(wrapped)

    def job_key(self, job_id: str) -> DataKey:
        """Return the job's data key. Create it if it does not exist.

        If several steps need it, one creates it, and the others wait for as long as a claim lasts. If the first was only
        slow and another creates one too, SQL keeps one of them, and the other's key object is garbage.
        """
        return self._leases.retry(partial(self._find_or_create, job_id), self.check)

    def _find_or_create(self, job_id: str) -> DataKey:
        """Return the job's data key once a step has created it. Create it if no other step has reserved that."""
        keys = self._catalog.keys
        while (wrapped := keys.find(Purpose.BACKUP, job_id)) is None:
            reserved_until = keys.reserve_data_key(job_id, self._context.limits.claim_seconds)
            if reserved_until is not None:
                return self._create_reserved(job_id, reserved_until)
            self.check()
            time.sleep(self._context.limits.key_creation_look_seconds)
        return self._leases.open(wrapped)

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
                lease = self._leases.lease(tenant.key_arn, self._secrets_key_under(tenant.key_arn))
                key, wrapped = self._generate(lease, tenant, job_id)
            except LeaseRetired:
                continue
            except KeyRefused:
                if self._catalog.tenant().key_arn != tenant.key_arn:
                    continue
                raise
            context.observer.reach(Point.KEY_OBJECT_STORED)
            try:
                existing = self._catalog.keys.add(wrapped)
            except EpochMoved:
                self._discard_key(key, wrapped)
                continue
            except (ClaimLost, Refuse) as error:
                if error.code in (Code.INTERRUPTED, Code.NO_SUCH_TENANT):
                    self._discard_key(key, wrapped)
                raise
            context.observer.reach(Point.KEY_ROW_STORED)
            if existing.data_key_id != wrapped.data_key_id:
                key.drop()
                return self._leases.open(existing)
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

        A renewal decides: if the KMS key is refused for decryption too, that ends the lease. If it decrypts, existing
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
            self._leases.record_refusal(refusal)

    def _secrets_key_under(self, arn: str) -> WrappedKey | None:
        """Return the data key for credentials, to start a lease with, if ``arn`` wraps it; otherwise None."""
        secrets = self._catalog.keys.find(Purpose.SECRETS, None)
        return secrets if secrets is not None and secrets.arn == arn else None
