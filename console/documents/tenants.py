"""Documents of tenants: connected, removed and shredded."""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from console.documents.keys import KeyStatus, key_state
from console.documents.schedules import ScheduleDocument, schedule_document
from console.documents.times import Moment, moment, whole_seconds
from shared.domain.errors import Code
from shared.domain.freshness import Freshness
from shared.domain.jobs import JobState
from shared.domain.model import Tenant
from shared.domain.sign_in import expiry_sentence, restore_expiry_sentence
from shared.engine.requests.fleet import Protection
from shared.ports.catalog.queries import Result, TenantOverview

if TYPE_CHECKING:
    from shared.engine.tenants.checking import CheckedResource
    from shared.engine.tenants.shred import Certificate


class ResultDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a backup that has ended."""

    job: str
    """The job's id."""
    state: JobState
    """The state in which the job ended."""
    code: Code | None
    """The code of the error that ended it."""
    finished_at: Moment
    """When the job ended."""


class TenantDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant: one Entra directory under protection."""

    tenant: str
    """The tenant's name."""
    tenant_id: str
    """The tenant's id in Entrakeep."""
    directory_id: str
    """The id of the directory in Entra."""
    client_id: str
    """The id of the application that reads the directory."""
    created_at: Moment
    """When the tenant was connected."""
    schedule: ScheduleDocument | None
    """The schedule of its backups, null without one."""
    last_snapshot: str | None
    """The id of the newest snapshot."""
    last_complete_snapshot: str | None
    """The id of the newest complete snapshot."""
    last_complete_at: Moment | None
    """When the newest complete snapshot was taken."""
    last_complete_age_seconds: int | None
    """The age of the newest complete snapshot."""
    protection: Freshness | None
    """The state of its protection; null if the tenant was added a moment ago."""
    rpo_seconds: int | None
    """The age of the newest complete snapshot, counted from the begin of its backup; null without one."""
    rpo_target_seconds: int | None
    """The longest RPO that is in order: the schedule's longest gap of the next 14 days plus a quarter; null without one."""
    last_result: ResultDocument | None
    """The result of the last backup that ended."""
    key_state: KeyStatus
    """The state of the tenant's KMS key."""
    sign_in_expires_at: Moment | None
    """When the client secret or certificate expires, if that is known."""
    sign_in_warning: str | None
    """A warning, from 30 days before, that the client secret or certificate expires."""
    same_directory: list[str]
    """Names of other tenants of the same directory, which an older version allowed."""
    restore_client_id: str | None
    """The id of the application that restores, null without a restore identity."""
    restore_expires_at: Moment | None
    """When the client secret or certificate of the restore identity expires, if that is known."""
    restore_warning: str | None
    """A warning, from 30 days before, that the client secret or certificate of the restore identity expires."""
    switched_off: list[str]
    """Families and resources that backups leave out."""
    switched_on: list[str]
    """``beta``, families and resources that backups hold beside what they hold by default."""


class CheckedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What Graph lets an application do with a resource."""

    resource: str
    """The resource's name."""
    answer: str
    """Graph's answer to a read; or whether it may be written: ``allowed``, ``partly``, ``forbidden``, ``administrator``
    (people only), ``never`` or ``unknown``."""
    permission: str
    """The permission that it needs."""
    detail: str | None
    """What is missing, and who must add it."""


class RemovedTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant that was removed."""

    tenant: str
    """The tenant's name."""
    tenant_id: str
    """The id that the tenant had."""


class UnreadableSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that cannot be opened any more."""

    snapshot: str
    """The snapshot's id."""
    data_key: str
    """The id of the destroyed data key that seals its manifest."""


class ShredCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate of a shredded tenant: what was destroyed, and what remains."""

    tenant: str
    """The name that the tenant had."""
    tenant_id: str
    """The id that the tenant had."""
    directory_id: str
    """The id of the directory in Entra."""
    at: Moment
    """When the certificate was issued."""
    by: str
    """Who requested the shred."""
    arns: list[str]
    """ARNs of the KMS keys that wrapped the data keys."""
    data_keys: list[str]
    """Ids of the destroyed data keys."""
    unreadable: list[UnreadableSnapshot]
    """Snapshots that cannot be opened any more."""
    blobs: int
    """Number of sealed blobs that stay in the store."""
    locked: int
    """Number of these blobs that S3 Object Lock protects."""
    locked_until: Moment | None
    """When the last lock ends. Null with ``locked`` above zero: a legal hold, which has no end."""
    blob: str
    """The certificate's name in the store."""
    not_reached: str
    """What the shred cannot reach, as a sentence."""
    database: str | None
    """What the database's own files may still hold, as a sentence."""


def tenant_document(shown: TenantOverview, protection: Protection | None, now: datetime) -> TenantDocument:
    """Return the document of a tenant. ``protection`` is None for a tenant that was added a moment ago."""
    tenant, complete = shown.tenant, shown.complete
    key, _ = key_state(tenant, shown.keys, shown.health)
    return TenantDocument(
        tenant=tenant.name,
        tenant_id=tenant.tenant_id,
        directory_id=tenant.directory_id,
        client_id=tenant.client_id,
        created_at=moment(tenant.created_at),
        schedule=schedule_document(shown.schedule) if shown.schedule else None,
        last_snapshot=shown.last.snapshot_id if shown.last else None,
        last_complete_snapshot=complete.snapshot_id if complete else None,
        last_complete_at=moment(complete.created_at) if complete else None,
        last_complete_age_seconds=max(0, int((now - complete.created_at).total_seconds())) if complete else None,
        protection=protection.state if protection else None,
        rpo_seconds=whole_seconds(protection.rpo) if protection else None,
        rpo_target_seconds=whole_seconds(protection.target) if protection else None,
        last_result=_result(shown.result) if shown.result else None,
        key_state=key,
        sign_in_expires_at=moment(tenant.sign_in_expires_at),
        sign_in_warning=expiry_sentence(tenant, now),
        same_directory=shown.same_directory,
        restore_client_id=tenant.restore_client_id,
        restore_expires_at=moment(tenant.restore_expires_at),
        restore_warning=restore_expiry_sentence(tenant, now),
        switched_off=list(tenant.choice.off),
        switched_on=list(tenant.choice.on),
    )


def checked_document(checked: "CheckedResource") -> CheckedDocument:
    """Return the document of what an application may do with a resource."""
    return CheckedDocument(
        resource=checked.resource,
        answer=checked.answer,
        permission=checked.permission,
        detail=checked.detail or None,
    )


def removed_document(tenant: Tenant) -> RemovedTenant:
    """Return the document of a tenant that was removed."""
    return RemovedTenant(tenant=tenant.name, tenant_id=tenant.tenant_id)


def shred_certificate(certificate: "Certificate") -> ShredCertificate:
    """Return the document of a shredded tenant's certificate."""
    unreadable = [UnreadableSnapshot(snapshot=each.snapshot, data_key=each.data_key) for each in certificate.unreadable]
    return ShredCertificate(
        tenant=certificate.tenant,
        tenant_id=certificate.tenant_id,
        directory_id=certificate.directory_id,
        at=moment(certificate.at),
        by=certificate.by,
        arns=certificate.arns,
        data_keys=certificate.data_keys,
        unreadable=unreadable,
        blobs=certificate.blobs,
        locked=certificate.locked,
        locked_until=moment(certificate.locked_until),
        blob=certificate.blob,
        not_reached=certificate.not_reached,
        database=certificate.database,
    )


def _result(result: Result) -> ResultDocument:
    """Return the document of a backup's result."""
    return ResultDocument(
        job=result.job_id, state=result.state, code=result.code, finished_at=moment(result.finished_at)
    )
