"""Data keys of a tenant that SQL may not know: opened by their key objects, each KMS key under a lease."""

from collections.abc import Callable, Iterable

from shared.domain.errors import Alarm, Code
from shared.domain.model import WrappedKey
from shared.engine.context import Context
from shared.engine.patience import patiently
from shared.vault.keyring import DataKey
from shared.vault.leases import Lease
from shared.vault.names import key_object_blob, key_objects_prefix


class LooseKeys:
    """Use as a context manager; on leaving it every data key is dropped. Give it wrappings by trusted KMS keys alone.

    Of several generations the newest that opens counts: whoever may write to the store can put a newer one that does not.
    ``broken`` is given what is wrong with each that does not. A refusal affects only this object; no job uses these keys.
    """

    def __init__(
        self, context: Context, tenant_id: str, keys: Iterable[WrappedKey], broken: Callable[[Alarm], None]
    ) -> None:
        self._context = context
        self._tenant = tenant_id
        self._wrapped: dict[str, list[WrappedKey]] = {}
        for key in sorted(keys, key=lambda key: key.generation):
            self._wrapped.setdefault(key.data_key_id, []).append(key)
        self._broken = broken
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

    def _open(self, data_key_id: str) -> tuple[DataKey, WrappedKey]:
        generations = self._wrapped.get(data_key_id, [])
        while generations:
            try:
                return self._unwrap(generations[-1]), generations[-1]
            except Alarm:
                blob = key_object_blob(self._tenant, data_key_id, generations.pop().generation)
                self._broken(Alarm(Code.BLOB_DAMAGED, f"The key object {blob} does not open to its data key.", blob))
        blob = key_objects_prefix(self._tenant, data_key_id)
        raise Alarm(Code.BLOB_MISSING, f"There is no usable key object {blob}.", blob)

    def _unwrap(self, wrapped: WrappedKey) -> DataKey:
        lease = self._lease(wrapped.arn)
        return patiently(lambda: lease.data_key(wrapped), self._context.lease_seconds, lease.check)

    def _lease(self, arn: str) -> Lease:
        lease = self._leases.get(arn)
        if lease is None:
            context = self._context
            lease = Lease(context.keys, self._tenant, arn, None, context.lease_seconds, lambda _: None)
            lease.start()
            self._leases[arn] = lease
        return lease
