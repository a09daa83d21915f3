"""Data keys of a tenant that SQL may not know: opened from their key objects, with a lease on each KMS key."""

from collections.abc import Callable, Iterable

from shared.domain.errors import Alarm, Code, KeyRefused
from shared.domain.model import WrappedKey
from shared.engine.context import Context
from shared.engine.keys.retrying import retry_kms
from shared.vault.keyring import DataKey
from shared.vault.leases import Lease, LeaseOwner
from shared.vault.names import key_object_blob, key_objects_prefix


class LooseKeys(LeaseOwner):
    """Data keys that no job uses. Use as a context manager: on exit every data key is dropped.

    Give it only wrappings by trusted KMS keys. Of several generations the newest that opens counts, because an attacker
    with write access to the store can add a newer one that does not open. A KMS refusal affects only this object.
    """

    def __init__(
        self, context: Context, tenant_id: str, keys: Iterable[WrappedKey], broken: Callable[[Alarm], None]
    ) -> None:
        """Prepare to open ``keys``. ``broken`` is called with an alarm for each key object that does not open."""
        self._context = context
        self._tenant = tenant_id
        self._generations: dict[str, list[WrappedKey]] = {}
        for key in sorted(keys, key=lambda key: key.generation):
            self._generations.setdefault(key.data_key_id, []).append(key)
        self._on_damaged = broken
        self._leases: dict[str, Lease] = {}

    def __enter__(self) -> "LooseKeys":
        return self

    def __exit__(self, *_: object) -> None:
        for lease in self._leases.values():
            lease.close()

    def find(self, data_key_id: str) -> DataKey:
        """Return the data key with this id. Raises what the key service raises, and Alarm if no key object of it opens."""
        return self._open(data_key_id)[0]

    def wrapping(self, data_key_id: str) -> WrappedKey | None:
        """Return the newest wrapping of the data key that opens, or None. Raises what the key service raises."""
        try:
            return self._open(data_key_id)[1]
        except Alarm:
            return None

    def record_refusal(self, refusal: KeyRefused) -> None:
        """Do nothing: no job uses these data keys."""

    def move_keys(self, lease: Lease) -> None:
        """Do nothing: a key object names the KMS key that wraps it for good."""

    def confirm_refusal(self, lease: Lease, wrapped: WrappedKey) -> bool:  # noqa: ARG002
        """Return True: each refusal ends its lease."""
        return True

    def _open(self, data_key_id: str) -> tuple[DataKey, WrappedKey]:
        """Return the data key and its newest generation that opens. Report and skip generations that do not."""
        generations = self._generations.get(data_key_id, [])
        while generations:
            try:
                return self._unwrap(generations[-1]), generations[-1]
            except Alarm:
                blob = key_object_blob(self._tenant, data_key_id, generations.pop().generation)
                self._on_damaged(
                    Alarm(Code.BLOB_DAMAGED, f"The key object {blob} does not open to its data key.", blob)
                )
        blob = key_objects_prefix(self._tenant, data_key_id)
        raise Alarm(Code.BLOB_MISSING, f"There is no usable key object {blob}.", blob)

    def _unwrap(self, wrapped: WrappedKey) -> DataKey:
        """Unwrap the data key. Retry while KMS is in trouble, for as long as a lease lasts."""
        lease = self._lease(wrapped.arn)
        deadline = self._context.deadline(self._context.lease_seconds)
        return retry_kms(lambda: lease.data_key(wrapped), deadline, lease.check)

    def _lease(self, arn: str) -> Lease:
        """Return the lease on this KMS key. Start one if there is none."""
        lease = self._leases.get(arn)
        if lease is None:
            context = self._context
            lease = Lease(context.keys, arn, None, self, seconds=context.lease_seconds, now=context.clock.monotonic)
            lease.start()
            self._leases[arn] = lease
        return lease
