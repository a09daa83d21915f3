"""The data keys that one process may use for one tenant: found, born and dropped under key leases."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from shared.domain.errors import ClaimLost, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.model import Purpose, Tenant, WrappedKey
from shared.engine.context import Context
from shared.engine.patience import patiently, seconds_since
from shared.ports.catalog import EpochMoved, TenantCatalog
from shared.vault.keyring import DataKey, birth
from shared.vault.leases import Lease, LeaseRetired
from shared.vault.names import key_object_blob

_BIRTH_LOOK = 0.1
"""Seconds between two looks for a data key that another step gives birth to."""


class Custody:
    """Data keys of one tenant, one lease for each KMS key that wraps any of them.

    A refusal ends, in one transaction, all queued and running jobs of the tenant that need a data key under that ARN. While
    the tenant's KMS key is changed, each lease reads the wrapping of its data keys again whenever it is renewed, and
    hands those over that another KMS key wraps by then; a refusal counts only if SQL, read again, still names that
    key. Use as a context manager; on leaving it every data key is dropped.
    """

    def __init__(self, context: Context, catalog: TenantCatalog, patience: float | None = None) -> None:
        """``patience``: seconds for which KMS is asked again while it is in trouble; as a rule, as long as a lease lasts."""
        self._context = context
        self._catalog = catalog
        self._patience = context.lease_seconds if patience is None else min(patience, context.lease_seconds)
        self._leases: dict[str, Lease] = {}
        self._on_end: list[Callable[[], None]] = []
        self._lock = threading.RLock()
        self._closed = False

    def __enter__(self) -> "Custody":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            leases, self._leases, self._closed = list(self._leases.values()), {}, True
        for lease in leases:
            lease.close()

    def check(self) -> None:
        """Raises what ended a lease: ``KeyRefused``, ``KeyTrouble`` or ``Refuse``."""
        self._check_open()
        for lease in list(self._leases.values()):
            lease.check()

    def _check_open(self) -> None:
        if self._closed:
            raise KeyTrouble("The key leases were closed.")

    def on_end(self, call: Callable[[], None]) -> None:
        """``call`` is made once for each lease that ends before its time, from the lease's thread."""
        with self._lock:
            self._on_end.append(call)
            leases = list(self._leases.values())
        for lease in leases:
            lease.on_end(call)

    def find(self, data_key_id: str) -> DataKey:
        """The data key with this id: as a lease holds it already, unless any lease has ended, or unwrapped. Raises what ended
        that lease, what the key service raises, and Alarm if SQL does not know the key."""
        self._check_open()
        for lease in list(self._leases.values()):
            if (held := lease.held(data_key_id)) is not None:
                self.check()
                return held
        return self._open(self._catalog.keys.get(data_key_id))

    def secrets(self) -> DataKey:
        """The tenant's data key for credentials."""
        wrapped = self._catalog.keys.find(Purpose.SECRETS, None)
        if wrapped is None:
            raise LookupError("a tenant always has a data key of purpose secrets")
        return self._open(wrapped)

    def of_job(self, job_id: str) -> DataKey:
        """The job's data key: unwrapped if it stands, born if not.

        Of several steps that lack it one gives birth, and the others wait for as long as a claim lasts. If it was only slow,
        and another gives birth too, SQL keeps one, and the other's key object is garbage.
        """
        return patiently(partial(self._found_or_born, job_id), self._patience, self.check)

    def _found_or_born(self, job_id: str) -> DataKey:
        keys = self._catalog.keys
        while (wrapped := keys.find(Purpose.BACKUP, job_id)) is None:
            until = keys.begin_birth(job_id, self._context.limits.claim_seconds)
            if until is not None:
                return self._born(job_id, until)
            self.check()
            time.sleep(_BIRTH_LOOK)
        return self._open(wrapped)

    def _born(self, job_id: str, until: datetime) -> DataKey:
        try:
            return self._give_birth(job_id)
        except Exception:
            with suppress(EntrakeepError):  # else the others wait until its time is over
                self._catalog.keys.end_birth(job_id, until)
            raise

    def _give_birth(self, job_id: str) -> DataKey:
        context = self._context
        while True:
            tenant = self._catalog.tenant()
            try:
                lease = self._lease(tenant.key_arn, self._standing(tenant.key_arn))
                key, wrapped = self._birth(lease, tenant, job_id)
            except LeaseRetired:
                continue
            except KeyRefused:
                if self._catalog.tenant().key_arn != tenant.key_arn:
                    continue
                raise
            context.at("key-object-stored")
            try:
                standing = self._catalog.keys.add(wrapped)
            except EpochMoved:
                self._stillborn(key, wrapped)
                continue
            except (ClaimLost, Refuse) as error:
                if error.code in (Code.INTERRUPTED, Code.NO_SUCH_TENANT):
                    self._stillborn(key, wrapped)
                raise
            context.at("key-row-stored")
            if standing.data_key_id != wrapped.data_key_id:
                key.drop()
                return self._open(standing)
            try:
                lease.add(key, wrapped)
            except LeaseRetired:
                return self.find(key.id)
            return key

    def _stillborn(self, key: DataKey, wrapped: WrappedKey) -> None:
        """The tenant's KMS key changed meanwhile, or job or tenant are gone: nothing is to lie in the store of it."""
        key.drop()
        with suppress(EntrakeepError):  # else the sweep takes it, a day later
            self._context.store.erase(key_object_blob(self._catalog.tenant_id, wrapped.data_key_id, wrapped.generation))

    def _birth(self, lease: Lease, tenant: Tenant, job_id: str) -> tuple[DataKey, WrappedKey]:
        context = self._context
        try:
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
        except KeyRefused as refusal:
            if self._catalog.tenant().key_arn == tenant.key_arn:
                self._judge(lease, refusal)
            raise

    def _judge(self, lease: Lease, refusal: KeyRefused) -> None:
        """A birth was refused. Whether the key is refused whole a renewal tells, and ends the lease then.

        A key that opens all the same keeps nobody from reading what stands: only this job fails, and due times wait for
        what the key's next probe finds.
        """
        try:
            asked = lease.renew()
        except KeyTrouble:
            asked = True  # nobody can tell now: each lease will be, when it is renewed
        if asked:
            self._catalog.health.look_again()
        else:
            self._refused(refusal)

    def _standing(self, arn: str) -> WrappedKey | None:
        """A data key to begin a lease with where none is asked for: that for credentials, if ``arn`` wraps it."""
        secrets = self._catalog.keys.find(Purpose.SECRETS, None)
        return secrets if secrets is not None and secrets.arn == arn else None

    def _open(self, wrapped: WrappedKey) -> DataKey:
        while True:
            try:
                lease = self._lease(wrapped.arn, wrapped)
                return patiently(partial(lease.data_key, wrapped), self._patience, lease.check)
            except LeaseRetired:
                wrapped = self._catalog.keys.get(wrapped.data_key_id)

    def _lease(self, arn: str, first: WrappedKey | None) -> Lease:
        """The lease on this KMS key; if there is none, one that begins by opening ``first``, which it then holds."""
        with self._lock:
            self._check_open()
            return self._leases.get(arn) or patiently(partial(self._begin, arn, first), self._patience)

    def _begin(self, arn: str, first: WrappedKey | None) -> Lease:
        context = self._context
        lease = Lease(
            context.keys,
            self._catalog.tenant_id,
            arn,
            first,
            context.lease_seconds,
            self._refused,
            self._follow,
            self._counts,
        )
        try:
            lease.start()
        except Refuse:
            self._keep(lease)  # whatever else the step does ends too, and KMS is not asked again
            raise
        self._keep(lease)
        if first is not None:
            self._catalog.keys.allow(arn)
        return lease

    def _keep(self, lease: Lease) -> None:
        self._leases[lease.arn] = lease
        for call in self._on_end:
            lease.on_end(call)

    def _follow(self, lease: Lease) -> None:
        """Hands over data keys of the lease that another KMS key wraps by now; retires it if none is left. Raises what the
        lease on that key ends with."""
        named = lease.named()
        moved = self._catalog.keys.moved(lease.arn, named)
        for wrapped in moved:
            lease.hand_over(wrapped, self._lease(wrapped.arn, wrapped))
        with self._lock:
            if len(moved) == len(named) > 0 and lease.retire() and self._leases.get(lease.arn) is lease:
                del self._leases[lease.arn]

    def _counts(self, lease: Lease, wrapped: WrappedKey) -> bool:
        """Whether a refusal of the lease's KMS key counts: SQL still names it for what was to be opened, or for what
        the lease holds."""
        self._follow(lease)
        if not lease.empty or not self._catalog.keys.moved(lease.arn, [wrapped.data_key_id]):
            return True
        with self._lock:
            if lease.retire() and self._leases.get(lease.arn) is lease:
                del self._leases[lease.arn]
        return False

    def _refused(self, refusal: KeyRefused) -> None:
        self._catalog.keys.refuse(refusal.arn, refusal.message, ago=seconds_since(refusal.begun))
