"""Tenants, snapshots and data keys: their fields and states.

Ids are random UUIDs in lower case, as text. Times are aware datetimes in UTC.
"""

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.errors import COMPLETE, Answer
from shared.domain.resources.choice import Choice


class Purpose(StrEnum):
    """The purpose of a data key, which is part of its encryption context."""

    BACKUP = "backup"
    """Seals the chunks, manifests and checkpoints of one job; created by each backup."""
    SECRETS = "secrets"
    """Seals the tenant's credential; created with the tenant."""
    ENABLE_CHECK = "enable-check"
    """Tests a KMS key before the tenant is switched to it, and seals nothing."""
    TRUST = "trust"
    """Signs a trust record; wrapped by the provider key only."""
    INSTALLATION = "installation"
    """Seals what belongs to no tenant, so that notices leave while a tenant's key is refused; under the provider key."""


class CredentialKind(StrEnum):
    """The kind of an application's credential, and of the row that stores it sealed."""

    SECRET = "client-secret"  # noqa: S105 - the word, not a secret
    """A client secret."""
    CERTIFICATE = "certificate"
    """A certificate with its private key."""


class KeyMode(StrEnum):
    """The owner of the KMS key that wraps a tenant's new data keys."""

    PROVIDER = "provider"
    """The operator: the provider key."""
    CUSTOMER = "customer"
    """The tenant: a customer key."""


_TENANT_NAME = re.compile(r"[a-z0-9-]{1,40}")


def is_tenant_name(text: str) -> bool:
    """Return True if a tenant may have this name."""
    return _TENANT_NAME.fullmatch(text) is not None


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """One Entra directory under protection. It contains no credential: that is sealed (``Sealed``)."""

    tenant_id: str
    name: str
    directory_id: str
    client_id: str
    created_at: datetime
    key_mode: KeyMode
    key_arn: str
    """The KMS key that wraps this tenant's new data keys."""
    key_epoch: int
    """A number that rises when the tenant's KMS key changes."""
    sign_in_expires_at: datetime | None = None
    """When its client secret or certificate expires, if that is known."""
    restore_client_id: str | None = None
    """The application that restores; None if the tenant has no restore identity."""
    restore_expires_at: datetime | None = None
    """When the client secret or certificate of the restore identity expires, if that is known."""
    choice: Choice = Choice()
    """What its backups hold."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed row."""

    row_id: str
    """The row's id, which is bound into the seal."""
    data_key_id: str
    """The data key that opens it."""
    data: bytes
    """The sealed bytes."""


def encryption_context(tenant_id: str, purpose: Purpose) -> dict[str, str]:
    """Return the KMS encryption context of the tenant's data keys for this purpose.

    KMS binds it into each wrapping, and refuses to unwrap a data key under another context.
    """
    return {"tenant": tenant_id, "purpose": purpose.value}


INSTALLATION_CONTEXT = {"purpose": Purpose.INSTALLATION.value}
"""The KMS encryption context of the installation's data keys. No tenant's key has it."""


class WrappedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A data key as KMS wrapped it: one row in SQL and one key object in the bucket."""

    data_key_id: str
    purpose: Purpose
    arn: str
    """The KMS key that wrapped it."""
    generation: int
    """The number of this wrapping of the data key, from 1."""
    key_epoch: int
    context: dict[str, str]
    """The KMS encryption context."""
    wrapped: bytes
    created_at: datetime
    job_id: str | None = None
    """The job that created it; None for the ``secrets`` key."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal of a key by KMS. After it, due times create no job for the length of one key lease."""

    arn: str
    at: datetime
    """When KMS refused the key last."""
    since: datetime
    """When KMS refused the key first."""
    message: str


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a tenant's backups are due: a cron expression in a time zone."""

    cron: str
    timezone: str
    paused: bool
    next_due: datetime | None
    """None while paused."""


class RunRef(msgspec.Struct, frozen=True, kw_only=True):
    """A run as SQL stores it: only ids and blob names, unsealed."""

    run_id: str
    job_id: str
    """The job that wrote the run."""
    stream: str
    blobs: list[str]


class RefusedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object that Graph refused while it showed others, or whose children it refused."""

    id: str
    request_id: str | None = None
    """Graph's request id, if there is one."""


class ResourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A resource's line in the completeness report."""

    resource: str
    answer: Answer
    records: int | None
    """The number of records, or None (never 0) if nothing was ever read."""
    stale: bool = False
    """True if the records are those of the parent snapshot."""
    request_id: str | None = None
    refused: int = 0
    """The number of objects that Graph refused, for a ``partial`` resource. The manifest seals their ids."""
    unknown: bool = False
    """True if the version that made the snapshot does not know the resource, and kept the parent's records."""
    added: int | None = None
    """The number of records that the parent does not have, or None (never 0) if that is not known."""
    removed: int | None = None
    """The number of records that only the parent has, or None if that is not known."""
    changed: int | None = None
    """The number of records whose properties differ from the parent's, or None if that is not known."""

    @property
    def lacking(self) -> bool:
        """Return True if the snapshot lacks part of the resource: then the snapshot is not complete."""
        return self.stale or self.answer not in COMPLETE

    @property
    def counted_refusals(self) -> str:
        """Return the number of refused objects in words, or an empty text for none."""
        return f"{self.refused} {'object' if self.refused == 1 else 'objects'} refused" if self.refused else ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a directory at one time, as SQL stores it."""

    snapshot_id: str
    job_id: str
    parent: str | None
    created_at: datetime
    manifest_sha256: str
    data_key_id: str
    """The data key that seals the manifest."""
    objects: int
    links: int
    complete: bool
    resources: list[ResourceReport]
