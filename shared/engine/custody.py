"""The data keys that one process may use for one tenant: found, born and dropped under key leases."""

import threading
from collections.abc import Callable
from functools import partial

from shared.domain.errors import KeyRefused
from shared.domain.model import Purpose, Tenant, WrappedKey
from shared.engine.context import Context
from shared.engine.patience import patiently
from shared.ports.catalog import EpochMoved, TenantCatalog
from shared.vault.keyring import DataKey, birth
from shared.vault.leases import Lease


class Custody:
    """Data keys of one tenant, one lease for each KMS key that wraps any of them.

    A refusal ends, in one transaction, all queued and running jobs of the tenant that need a data key under that ARN.
    Use as a context manager; on leaving it every data key is dropped.
    """

    def __init__(self, context: Context, catalog: TenantCatalog, patience: float | None = None) -> None:
        """``patience``: seconds for which KMS is asked again while it is in trouble; as a rule, as long as a lease lasts."""
        self._context = context
        self._catalog = catalog
        self._patience = context.lease_seconds if patience is None else min(patience, context.lease_seconds)
        self._leases: dict[str, Lease] = {}
        self._on_end: list[Callable[[], None]] = []
        self._lock = threading.RLock()

    def __enter__(self) -> "Custody":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            leases, self._leases = list(self._leases.values()), {}
        for lease in leases:
            lease.close()

    def check(self) -> None:
        """Raises what ended a lease: ``KeyRefused``, ``KeyTrouble`` or ``Refuse``."""
        for lease in list(self._leases.values()):
            lease.check()

    def on_end(self, call: Callable[[], None]) -> None:
        """``call`` is made once for each lease that ends before its time, from the lease's thread."""
        with self._lock:
            self._on_end.append(call)
            leases = list(self._leases.values())
        for lease in leases:
            lease.on_end(call)

    def find(self, data_key_id: str) -> DataKey:
        """The data key with this id. Raises what the key service raises, and Alarm if SQL does not know it."""
        return self._open(self._catalog.keys.get(data_key_id))

    def secrets(self) -> DataKey:
        """The tenant's data key for credentials."""
        wrapped = self._catalog.keys.find(Purpose.SECRETS, None)
        if wrapped is None:
            raise LookupError("a tenant always has a data key of purpose secrets")
        return self._open(wrapped)

    def of_job(self, job_id: str) -> DataKey:
        """The job's data key: unwrapped if it stands, born if not.

        Two steps of one job may both give birth; SQL keeps one, and the other's key object is garbage.
        """
        wrapped = self._catalog.keys.find(Purpose.BACKUP, job_id)
        return self._open(wrapped) if wrapped else self._born(job_id)

    def _born(self, job_id: str) -> DataKey:
        context = self._context
        while True:
            tenant = self._catalog.tenant()
            lease = self.lease(tenant)
            try:
                key, wrapped = patiently(partial(self._birth, tenant, job_id), self._patience)
            except KeyRefused as refusal:
                self._refused(refusal)
                raise
            context.at("key-object-stored")
            try:
                standing = self._catalog.keys.add(wrapped)
            except EpochMoved:
                key.drop()
                continue
            context.at("key-row-stored")
            if standing.data_key_id != wrapped.data_key_id:
                key.drop()
                return self._open(standing)
            lease.add(key, wrapped)
            return key

    def _birth(self, tenant: Tenant, job_id: str) -> tuple[DataKey, WrappedKey]:
        context = self._context
        return birth(
            context.keys,
            context.store,
            tenant.tenant_id,
            tenant.key_arn,
            Purpose.BACKUP,
            tenant.key_epoch,
            context.clock.now(),
            job_id,
        )

    def lease(self, tenant: Tenant) -> Lease:
        """The lease on the tenant's present KMS key, asked for afresh if there is none."""
        return self._lease(tenant.key_arn)

    def _open(self, wrapped: WrappedKey) -> DataKey:
        lease = self._lease(wrapped.arn)
        return patiently(lambda: lease.data_key(wrapped), self._patience, lease.check)

    def _lease(self, arn: str) -> Lease:
        with self._lock:
            lease = self._leases.get(arn)
            if lease is None:
                probe = self._catalog.keys.find(Purpose.SECRETS, None)
                probe = probe if probe is not None and probe.arn == arn else None
                lease = patiently(partial(self._begin, arn, probe), self._patience)
                self._leases[arn] = lease
                for call in self._on_end:
                    lease.on_end(call)
                self._catalog.keys.allow(arn)
            return lease

    def _begin(self, arn: str, probe: WrappedKey | None) -> Lease:
        context = self._context
        lease = Lease(context.keys, self._catalog.tenant_id, arn, probe, context.lease_seconds, self._refused)
        lease.start()
        return lease

    def _refused(self, refusal: KeyRefused) -> None:
        self._catalog.keys.refuse(refusal.arn, refusal.message)
