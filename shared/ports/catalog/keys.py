"""The data keys of one tenant, its sealed credential, and remembered refusals of KMS."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.model import CredentialKind, Refusal, Sealed, WrappedKey


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a tenant's keys in SQL."""

    refusal: Refusal | None
    unreachable: datetime | None
    """When steps of the tenant began to wait for KMS, or when the last key check failed to reach it; None if KMS answers."""
    data_keys: dict[str, int]
    """The number of data keys by the ARN that wraps their newest generation."""
    switched_at: datetime | None = None
    """When the tenant's KMS key became the current one."""
    updating: bool = False
    """True if data keys are being moved to the current KMS key, or wait for it."""
    old_key_free: bool | None = None
    """True if the previous KMS key may be disabled; None if the tenant never had another one."""


class EpochMoved(Exception):
    """The tenant's KMS key changed while a data key was being created. Create it again under the new KMS key."""


class Keys(Protocol):
    """The wrapped data keys of one tenant, its sealed credential, and remembered refusals of KMS."""

    def reserve_data_key(self, job_id: str, seconds: float) -> datetime | None:
        """Reserve creation of the job's data key for ``seconds``. Return when the reservation expires.

        Return None if the key exists or another caller holds the reservation: only one of concurrent callers gets it.
        ``add`` and ``release_data_key_reservation`` end the reservation. Raise ``ClaimLost`` if the job has ended.
        """

    def release_data_key_reservation(self, job_id: str, until: datetime) -> None:
        """Release the reservation that expires at ``until`` without a key, so that another caller may take it."""

    def add(self, key: WrappedKey) -> WrappedKey:
        """Insert the key's row. Return it, or the existing row for the same job and purpose.

        For the purpose ``secrets``, the existing row is the one for the same tenant. Raise ``EpochMoved`` if the
        tenant's key epoch differs from the row's, ``ClaimLost`` if the job has ended.
        """

    def get(self, data_key_id: str) -> WrappedKey:
        """Return the newest generation of this data key. Raise Alarm ``BLOB_MISSING`` if it does not exist."""

    def all(self) -> list[WrappedKey]:
        """Return every data key in its newest generation."""

    def wrapped_by_other_keys(self, arn: str, data_key_ids: Collection[str]) -> list[WrappedKey]:
        """Return those of these data keys whose newest generation is wrapped by another KMS key than ``arn``."""

    def find(self, purpose: str, job_id: str | None) -> WrappedKey | None:
        """Return the data key of a job, or the tenant's ``secrets`` key if ``job_id`` is None."""

    def credential(self) -> tuple[CredentialKind, Sealed]:
        """Return the reading application's kind of credential and the sealed credential.

        Raise Refuse ``NO_SUCH_TENANT``, and ``GRAPH_SIGN_IN_FAILED`` if a rebuild restored the tenant without its
        credential.
        """

    def restore_credential(self) -> tuple[CredentialKind, Sealed]:
        """Return the restoring application's kind of credential and the sealed credential.

        Raise Refuse ``NO_SUCH_TENANT``, and ``NO_RESTORE_IDENTITY`` if the tenant has none.
        """

    def arns(self) -> frozenset[str]:
        """Return the KMS keys that SQL names for the tenant: its own, and those that wrap its data keys."""

    def state(self) -> KeyState:
        """Return the state of the tenant's keys. Ignore refusals of KMS keys that SQL no longer names for this tenant."""

    def refuse(self, arn: str, message: str, *, ago: float = 0.0, probed: bool = False) -> int:
        """Store that KMS refused ``arn``, and end the jobs that need it. Return the number of ended jobs.

        Ignore the refusal unless SQL still names ``arn``, for the tenant's new data keys or in the newest generation of
        one. If it is the key for new data keys, end every queued or running job of this tenant that needs a data key.
        They fail with ``KEY_ACCESS_REVOKED`` and ``message``, in the same transaction. A sweep, and a verify with
        detail ``{"shallow": true}``, need no data key. If ``arn`` wraps only older data keys, end no job: each job that
        needs one gets the refusal itself.

        ``ago`` is how many seconds ago KMS was asked. Jobs requested since then are spared, because they ask for
        themselves. The log gets one line for each refusal, until ``allow``. Health and history of the key record the
        refusal in the same transaction, unless it was ``probed``: a probe records its own result and warnings.
        """

    def allow(self, arn: str) -> None:
        """Remove a remembered refusal of ``arn``, because KMS answered for it.

        Withdraw what the answer disproves from the key's health and history, in the same transaction.
        """
