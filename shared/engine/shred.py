"""Shred: a tenant's wrapped data keys are destroyed, so that nothing of it opens any more, and a certificate says so.

Chunks and manifests stay where they are, sealed: without the wrapped data keys they are noise, whoever has the KMS key. (NIST
SP 800-88, "Cryptographic Erase".) What is out of reach here, the certificate says too: copies of the database or the bucket
that were made earlier hold wrapped data keys that the KMS key opens for as long as it is there.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from shared.domain.audit import Action
from shared.domain.errors import Alarm, Code, Refuse
from shared.domain.model import Tenant
from shared.engine.audit import keep_head
from shared.engine.context import Context
from shared.ports.blobs import FOR_EVER
from shared.ports.catalog import TenantCatalog
from shared.vault.names import certificate_blob, data_key_of, jobs_prefix, key_objects_prefix, last, manifests_prefix
from shared.vault.sealing import sealed_headers

NOT_REACHED = (
    "Copies of the database or of the bucket that were made before hold wrapped data keys. The KMS keys named here open them "
    "until they are deleted in AWS KMS."
)


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that nothing opens any more."""

    snapshot: str
    data_key: str


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What was destroyed, and what is left of it. ``data_keys``: ids; ``arns``: the KMS keys that wrapped them.

    ``blobs`` are the sealed blobs that stay in the store; ``locked`` of them are kept by S3 Object Lock, the last of them
    until ``locked_until`` (None with ``locked`` above zero: a legal hold, without an end).
    """

    tenant: str
    tenant_id: str
    directory_id: str
    at: datetime
    by: str
    arns: list[str]
    data_keys: list[str]
    unreadable: list[Unreadable]
    blobs: int
    locked: int
    locked_until: datetime | None
    not_reached: str = NOT_REACHED


def shred_tenant(context: Context, name: str) -> Certificate:
    """Destroys every wrapped data key of the tenant, in the store with all versions and in SQL, forgets the tenant, and puts
    the certificate into the store. Needs no key. There is no way back.

    What it began and did not end is ended by doing it again. Raises Refuse ``BUSY`` while jobs of the tenant go on, Refuse
    ``STORE_FORBIDDEN`` if the store keeps a key object against deletion, and what the store raises.
    """
    tenant = context.catalog.find(name)
    catalog = context.catalog.tenant(tenant.tenant_id)
    _hold_back(catalog, name)
    wrapped = catalog.keys.all()
    destroyed = {key.data_key_id for key in wrapped} | _erase(context, tenant.tenant_id)
    context.at("keys-erased")
    catalog.remove()
    destroyed |= _erase(context, tenant.tenant_id)  # of a job that somebody asked for meanwhile
    certificate = _certified(context, tenant, destroyed, {tenant.key_arn, *(key.arn for key in wrapped)})
    counts = {"data_keys": len(destroyed), "snapshots": len(certificate.unreadable)}
    catalog.audit.append(Action.TENANT_SHREDDED, {}, **counts)
    context.store.put_new(certificate_blob(tenant.tenant_id), msgspec.json.encode(certificate))
    keep_head(context, catalog)
    return certificate


def _hold_back(catalog: TenantCatalog, name: str) -> None:
    schedule = catalog.schedules.get()
    if schedule is not None:
        catalog.schedules.set(msgspec.structs.replace(schedule, paused=True))
    if any(not job.state.ended for job in catalog.jobs.recent()):
        sentence = (
            f"Jobs of {name} go on: wait for them or cancel them, 'entrakeep jobs list --tenant {name}' names them."
        )
        raise Refuse(Code.BUSY, f"{sentence} Its schedule is paused, nothing was destroyed.")


def _erase(context: Context, tenant_id: str) -> set[str]:
    """Erases every key object in every version; the ids of their data keys."""
    found = list(context.store.names(key_objects_prefix(tenant_id), deleted=True))
    for blob in found:
        context.store.erase(blob)
    return {data_key_of(blob) for blob in found}


def _certified(context: Context, tenant: Tenant, destroyed: set[str], arns: set[str]) -> Certificate:
    """Proves it: no key object is left in any version, and so every manifest names a data key that is nowhere."""
    store, tenant_id = context.store, tenant.tenant_id
    left = next(iter(store.names(key_objects_prefix(tenant_id), deleted=True)), None)
    if left is not None:
        raise Refuse(Code.STORE_FORBIDDEN, f"The store still keeps the key object {left}: data keys of it would open.")
    manifests = list(store.names(manifests_prefix(tenant_id)))
    blobs = [*store.names(jobs_prefix(tenant_id)), *manifests]
    now = context.clock.now()
    locks = [lock for lock in map(store.locked_until, blobs) if lock is not None and lock > now]
    return Certificate(
        tenant=tenant.name,
        tenant_id=tenant_id,
        directory_id=tenant.directory_id,
        at=now,
        by=context.catalog.actor,
        arns=sorted(arns),
        data_keys=sorted(destroyed),
        unreadable=_unreadable(context, manifests),
        blobs=len(blobs),
        locked=len(locks),
        locked_until=None if FOR_EVER in locks else max(locks, default=None),
    )


def _unreadable(context: Context, manifests: Iterable[str]) -> list[Unreadable]:
    """Snapshots by their manifests, with the data key that each names. One that is damaged opens as little."""
    found = []
    for blob in manifests:
        try:
            data_key = sealed_headers(context.store.get(blob) or b"", blob).data_key_id
        except Alarm:
            continue
        found.append(Unreadable(snapshot=last(blob), data_key=data_key))
    return found
