"""KeyService: a key management service that wraps data keys (AWS KMS).

Every method may block for as long as half a lease at most and may be called from any thread.
All raise: ``KeyRefused`` (the key's owner must act), ``Refuse`` with ``KEY_MISCONFIGURED`` (the operator or the tenant's
administrator must act), ``KeyTrouble`` (try again), ``Alarm`` with ``BLOB_DAMAGED`` and the data key's id as blob
(the wrapped key is not what KMS made, or belongs to another context or key).
"""

from typing import Protocol

import msgspec

from shared.domain.secret import Secret


class FreshKey(msgspec.Struct, frozen=True):
    """A new data key: 256 bits, its wrapped form (at most 6,144 bytes), and the ARN of the key that wrapped it."""

    plaintext: Secret
    wrapped: bytes
    arn: str


class KeyService(Protocol):
    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        """A new data key under ``arn`` and the encryption context. Not idempotent."""
        ...

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        """The data key in ``wrapped``. ``data_key_id`` only names it in errors. Idempotent."""
        ...

    def account(self) -> str:
        """The 12-digit account that calls KMS."""
        ...
