"""The customer key of one tenant: permission, acceptance of the terms, and progress of a key change."""

from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.jobs import Claim, Job, JobKind, KeyChangeProgress, KeyChecks
from shared.domain.model import Tenant, WrappedKey
from shared.ports.catalog.keys import KeyState


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """The record that a person accepted the terms for a KMS key."""

    accepted_at: datetime
    """When the terms were accepted."""
    accepted_by: str
    """The person who accepted them."""
    version: str
    """The version of the terms."""
    sha256: str
    """The SHA-256 of the text that was shown."""
    arn: str
    """The KMS key for which they were accepted."""


class AcceptedTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The terms that a person accepts for the first own key of a tenant."""

    actor: str
    """The person who accepts them."""
    version: str
    """The version of the terms."""
    sha256: str
    """The SHA-256 of the text that was shown."""


class KeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a page about a tenant's KMS key shows, read with three queries."""

    tenant: Tenant
    keys: KeyState
    """The state of the tenant's keys."""
    allowed_at: datetime | None
    """Since when the tenant may have a customer key, or None."""
    acceptance: Acceptance | None
    """The last acceptance of the terms, or None."""
    checks: list[Job]
    """The latest checks of new keys, newest first."""
    changes: list[Job]
    """The latest changes of the key, newest first."""


class CustomerKeys(Protocol):
    """The customer key of one tenant."""

    def allow(self) -> datetime:
        """Allow this tenant a customer key. Return since when it is allowed.

        Idempotent. Raise Refuse ``NO_SUCH_TENANT``.
        """

    def disallow(self) -> bool:
        """Take the permission back. Return False if the tenant had none.

        A change that was requested and has not switched the tenant yet is refused then. Raise Refuse ``NO_SUCH_TENANT``,
        and ``WRONG_USE`` if the tenant has a customer key already.
        """

    def allowed(self) -> datetime | None:
        """Return since when the tenant may have a customer key, or None if it may not."""

    def request_check(self, checks: KeyChecks) -> tuple[Job, bool]:
        """Create the job that checks a new key. Return it and True; or the unfinished job of the same request and False."""

    def request_change(
        self,
        kind: JobKind,
        change: KeyChangeProgress,
        *,
        terms: AcceptedTerms | None = None,
        claim: Claim | None = None,
        retried: str | None = None,
    ) -> tuple[Job, bool]:
        """Create the job that changes the tenant's KMS key. Return it and True.

        Return the existing job and False if there is one for the same check, or if an unfinished one of the same actor
        changes to the same key. ``terms`` are accepted for the key by their actor in the same transaction, if the job
        is new. With ``claim``, the request is fenced. ``retried`` is the id of the job that this one retries. Raise
        Refuse ``BUSY`` if another change is queued or running, naming it, and what ``check_may_change`` raises.
        """

    def acceptances(self) -> list[Acceptance]:
        """Return the acceptances, newest first."""

    def summary(self) -> KeySummary:
        """Return what a page about the tenant's KMS key shows. Raise Refuse ``NO_SUCH_TENANT``."""

    def switch(self, claim: Claim, arn: str) -> Tenant:
        """Make ``arn`` the KMS key that wraps new data keys. Return the tenant.

        Key mode, KMS key and the raised key epoch change together, so that the insert of a data key from the old epoch
        is refused. Nothing changes if ``arn`` is the current key. Fenced. Raise Refuse ``KEY_NOT_ALLOWED`` if the
        tenant has no customer key yet, and is not allowed one or has not accepted the terms for it.
        """

    def keys_to_move(self) -> list[str]:
        """Return the data keys wrapped by another KMS key than the tenant's current one.

        The data key of the credentials comes first, then the newest.
        """

    def store_generation(self, claim: Claim, key: WrappedKey) -> bool:
        """Add one generation, whose key object is already stored, to the data key. Return True if it was added or exists.

        Return False if SQL no longer knows the previous generation, or this one is not the next. It counts as progress,
        as a checkpoint does. Idempotent. Fenced. Raise ``EpochMoved`` if the tenant's KMS key has changed meanwhile.
        """

    def superseded(self) -> list[WrappedKey]:
        """Return the generations that are followed by one under the tenant's current KMS key."""

    def forget(self, claim: Claim, data_key_id: str, generation: int) -> None:
        """Remove the row of this older generation, whose key object is already removed.

        The newest generation is never removed. Idempotent. Fenced.
        """

    def confirm_moved(self, claim: Claim, lease: float) -> bool:
        """Store that every data key was opened under the tenant's current KMS key. Return False if one is under another.

        The previous key may be disabled one ``lease`` (seconds) after the last data key moved. Fenced.
        """

    def snapshots_needing_other_keys(self) -> list[str]:
        """Return the snapshots that need a data key wrapped by another KMS key than the tenant's current one.

        The newest comes first.
        """
