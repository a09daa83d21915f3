"""KeyService: a key management service that wraps data keys (AWS KMS).

Every method may block for up to half a lease, and may be called from any thread. Keys are named by their ARNs. All
methods raise:

- ``KeyRefused`` if the key's owner must act,
- ``Refuse`` with ``KEY_MISCONFIGURED`` if the operator or the tenant's administrator must act,
- ``KeyTrouble`` if the caller should try again,
- ``Alarm`` with ``BLOB_DAMAGED`` and the data key's id as blob, if the wrapped key is not what KMS made, or belongs to
  another context or key.
"""

from typing import Protocol

import msgspec

from shared.domain.kms_key import KeyDescription
from shared.domain.secret import Secret


class FreshKey(msgspec.Struct, frozen=True):
    """A new data key."""

    plaintext: Secret
    """The data key, 256 bits."""
    wrapped: bytes
    """The data key as KMS wrapped it, at most 6,144 bytes."""
    arn: str
    """The ARN of the KMS key that wrapped it."""
    request_id: str | None = None
    """The service's request id, for the owner's logs."""


class Wrapping(msgspec.Struct, frozen=True):
    """A data key wrapped again, and the ARN of the KMS key that wraps it now."""

    wrapped: bytes
    arn: str
    request_id: str | None = None


class Caller(msgspec.Struct, frozen=True):
    """The identity under which this process calls the service."""

    account: str
    """The account, 12 digits."""
    principal: str
    """The principal as a key policy names it (``aws:PrincipalArn``)."""


class KeyService(Protocol):
    """The key management service."""

    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        """Return a new data key wrapped by ``arn`` under the encryption context. Not idempotent."""

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        """Return the data key in ``wrapped``. Idempotent.

        ``data_key_id`` only names the data key in errors.
        """

    def reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str, data_key_id: str) -> Wrapping:
        """Return the data key in ``wrapped``, wrapped by ``to_arn`` instead of ``arn`` under the same context.

        The data key never leaves the service. ``KeyRefused`` names the refused one of both keys. Not idempotent: each
        call makes a new wrapping.
        """

    def describe(self, arn: str) -> KeyDescription:
        """Return the description of a key in any state. Idempotent.

        ``arn`` may be an alias's ARN.
        """

    def probe(self, arn: str, context: dict[str, str]) -> None:
        """Check that ``generate`` would be allowed, without making a data key."""

    def probe_reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> None:
        """Check that ``reencrypt`` from this key and to it would be allowed, without making a wrapping."""

    def caller(self) -> Caller:
        """Return our identity as the service reports it.

        The service does not report a role's path, so ``principal`` lacks it.
        """
