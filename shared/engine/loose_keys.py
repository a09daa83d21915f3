"""Data keys of a tenant that SQL may not know: opened by their key objects, each KMS key under a lease."""

from shared.domain.errors import Alarm, Code
from shared.domain.model import WrappedKey
from shared.engine.context import Context
from shared.engine.patience import patiently
from shared.vault.keyring import DataKey
from shared.vault.leases import Lease
from shared.vault.names import key_objects_prefix


class LooseKeys:
    """Use as a context manager; on leaving it every data key is dropped. ``keys`` are by id, in their newest generation.

    A refusal ends nothing but this: no job works with these keys.
    """

    def __init__(self, context: Context, tenant_id: str, keys: dict[str, WrappedKey]) -> None:
        self._context = context
        self._tenant = tenant_id
        self._keys = keys
        self._leases: dict[str, Lease] = {}

    def __enter__(self) -> "LooseKeys":
        return self

    def __exit__(self, *_: object) -> None:
        for lease in self._leases.values():
            lease.close()

    def find(self, data_key_id: str) -> DataKey:
        """The data key with this id. Raises what the key service raises, and Alarm ``BLOB_MISSING`` if it has no object."""
        wrapped = self._keys.get(data_key_id)
        if wrapped is None:
            blob = key_objects_prefix(self._tenant, data_key_id)
            raise Alarm(Code.BLOB_MISSING, f"There is no usable key object {blob}.", blob)
        lease = self._lease(wrapped)
        return patiently(lambda: lease.data_key(wrapped), self._context.lease_seconds, lease.check)

    def _lease(self, wrapped: WrappedKey) -> Lease:
        lease = self._leases.get(wrapped.arn)
        if lease is None:
            context = self._context
            lease = Lease(context.keys, self._tenant, wrapped.arn, None, context.lease_seconds, lambda _: None)
            lease.start()
            self._leases[wrapped.arn] = lease
        return lease
