"""The Catalog's side of a tenant's own KMS key: who may have one, who agreed to what, and how far a change of key has come.

As in ``catalog``: one transaction a method, one tenant a handle, and the same errors.
"""

from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.model import Claim, Tenant, WrappedKey


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody agreed to the terms for a key: ``sha256`` is that of the text which was shown."""

    at: datetime
    by: str
    version: str
    sha256: str
    arn: str


class CustomerKeys(Protocol):
    def allow(self) -> datetime:
        """The operator lets this tenant have a key of its own; since when. Idempotent. Raises Refuse ``NO_SUCH_TENANT``."""
        ...

    def allowed(self) -> datetime | None:
        """Since when the tenant may have a key of its own; None if it may not."""
        ...

    def accept(self, *, by: str, version: str, sha256: str, arn: str) -> Acceptance:
        """Notes that somebody agreed to the terms, now, for this key."""
        ...

    def acceptances(self) -> list[Acceptance]:
        """Newest first."""
        ...

    def switch(self, claim: Claim, arn: str) -> Tenant:
        """New data keys are born under ``arn`` from here on: mode, key and the raised epoch change together, so that one born
        under the old epoch is refused at its row. Nothing changes if they are already. Fenced. Raises Refuse
        ``KEY_NOT_ALLOWED`` if the tenant has no key of its own yet, and may have none or nobody agreed to the terms for it.
        """
        ...

    def to_move(self) -> list[str]:
        """Data keys that another KMS key wraps than the tenant's present one: that of the credentials first, then the
        newest."""
        ...

    def moved(self, claim: Claim, key: WrappedKey) -> bool:
        """The data key has one generation more, whose key object is stored; progress, as a checkpoint is. False if SQL
        does not know the generation before any more, or this one is not next. Idempotent. Fenced. Raises
        ``EpochMoved`` if the tenant's key is another by now."""
        ...

    def older(self) -> list[WrappedKey]:
        """Generations that are followed by one under the tenant's present key."""
        ...

    def forget(self, claim: Claim, data_key_id: str, generation: int) -> None:
        """The key object of this older generation is gone: so is its row. The newest is never forgotten. Idempotent.
        Fenced."""
        ...

    def settle(self, claim: Claim, lease: float) -> bool:
        """Every data key was opened under the tenant's present key: one lease of so many seconds after the last one
        moved, the old key may be disabled. False if a data key is under another one. Fenced."""
        ...

    def held_back(self) -> list[str]:
        """Snapshots, newest first, that need a data key which another KMS key wraps than the tenant's present one."""
        ...
