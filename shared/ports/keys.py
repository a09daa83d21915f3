"""KeyService: a key management service that wraps data keys (AWS KMS).

Every method may block for as long as half a lease at most and may be called from any thread. Keys are named by their ARNs.
All raise: ``KeyRefused`` (the key's owner must act), ``Refuse`` with ``KEY_MISCONFIGURED`` (the operator or the tenant's
administrator must act), ``KeyTrouble`` (try again), ``Alarm`` with ``BLOB_DAMAGED`` and the data key's id as blob
(the wrapped key is not what KMS made, or belongs to another context or key).
"""

from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.secret import Secret


class FreshKey(msgspec.Struct, frozen=True):
    """A new data key: 256 bits, its wrapped form (at most 6,144 bytes), and the ARN of the key that wrapped it.

    ``request_id`` is the service's, for the owner's logs.
    """

    plaintext: Secret
    wrapped: bytes
    arn: str
    request_id: str | None = None


class Wrapping(msgspec.Struct, frozen=True):
    """A data key wrapped anew, and the ARN of the key that wraps it now."""

    wrapped: bytes
    arn: str
    request_id: str | None = None


class KeyDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What the service tells of a key to those who may look at it, in the service's own words (DescribeKey)."""

    arn: str
    """The key's own ARN, where an alias was asked for too."""
    state: str
    manager: str
    spec: str
    usage: str
    origin: str
    related: list[str] = []
    """The ARNs of all Regions of a multi-Region key; empty for one that is none."""
    deletion: datetime | None = None
    material_expires: datetime | None = None
    request_id: str | None = None


class Caller(msgspec.Struct, frozen=True):
    """Who calls the service: the 12-digit account, and the principal as a key policy sees it (``aws:PrincipalArn``)."""

    account: str
    principal: str


class KeyService(Protocol):
    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        """A new data key under ``arn`` and the encryption context. Not idempotent."""
        ...

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        """The data key in ``wrapped``. ``data_key_id`` only names it in errors. Idempotent."""
        ...

    def reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str, data_key_id: str) -> Wrapping:
        """The data key in ``wrapped``, of the key ``arn``, wrapped by ``to_arn`` under the same context: it never leaves the
        service. ``KeyRefused`` names the one of both keys that is refused. Not idempotent: a new wrapping every time."""
        ...

    def describe(self, arn: str) -> KeyDescription:
        """What there is to know of a key, in whatever state it is. Takes an alias's ARN too. Idempotent."""
        ...

    def probe(self, arn: str, context: dict[str, str]) -> None:
        """Returns if ``generate`` would be allowed; makes nothing."""
        ...

    def probe_reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> None:
        """Returns if ``reencrypt`` from this key and to it would be allowed; makes nothing."""
        ...

    def caller(self) -> Caller:
        """Who we are to the service. A role's path is not told by it, and is lacking in ``principal``."""
        ...
