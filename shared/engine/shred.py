"""Shred: a tenant's wrapped data keys are destroyed, so that nothing of it opens any more, and a certificate says so.

Chunks and manifests stay where they are, sealed: without the wrapped data keys they are noise, whoever has the KMS key. (NIST
SP 800-88, "Cryptographic Erase".) What is out of reach here, the certificate says too: copies of the database or the bucket
that were made earlier hold wrapped data keys that the KMS key opens for as long as it is there.

What is to be certified is noted in the store before anything is destroyed, and until the certificate stands: SQL forgets the
tenant before that. So a shred that is killed anywhere is ended by asking for it again, by the tenant's name or id.
"""

import logging
from collections.abc import Iterable
from datetime import datetime

import msgspec

from shared.domain.audit import INSTALLATION, Action, event_of
from shared.domain.errors import Alarm, Code, Refuse
from shared.domain.model import Tenant
from shared.engine.audit import keep_head, keep_last_heads
from shared.engine.context import Context
from shared.ports.blobs import FOR_EVER
from shared.ports.catalog import TenantCatalog
from shared.vault.listing import Form, Listing, form_of
from shared.vault.names import certificate_blob, data_key_of, key_objects_prefix, last, shredding_blob
from shared.vault.sealing import sealed_headers

log = logging.getLogger(__name__)

NOT_REACHED = (
    "Copies of the database or of the bucket that were made before hold wrapped data keys. The KMS keys named here open them "
    "until they are deleted in AWS KMS."
)


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that nothing opens any more."""

    snapshot: str
    data_key: str


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What was destroyed, and what is left of it. ``data_keys``: ids; ``arns``: the KMS keys that wrapped them; ``blob``:
    where this lies in the store.

    ``blobs`` are the sealed blobs that stay in the store; ``locked`` of them are kept by S3 Object Lock, the last of them
    until ``locked_until`` (None with ``locked`` above zero: a legal hold, without an end). ``database`` says what the
    database's own files may still hold; it is missing in certificates of an older version.
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
    blob: str = ""
    database: str | None = None
    not_reached: str = NOT_REACHED


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A shred that has begun, as it is noted in the store: what is known only as long as SQL knows the tenant."""

    tenant: str
    tenant_id: str
    directory_id: str
    by: str
    at: datetime
    arns: list[str]
    data_keys: list[str]


def shred_tenant(context: Context, name: str) -> Certificate:
    """Destroys every wrapped data key of the tenant, in the store with all versions and in SQL, forgets the tenant, and puts
    the certificate into the store. Needs no key. There is no way back.

    What it began and did not end is ended by doing it again. Raises Refuse ``NO_SUCH_TENANT``, Refuse ``BUSY`` while jobs
    of the tenant go on or while SQL's files cannot be overwritten, Refuse ``STORE_FORBIDDEN`` if the store keeps a key object
    against deletion, and what the store raises.
    """
    begun, wrapped = unfinished_shred(context, name), frozenset[bytes]()
    if begun is None:
        begun, wrapped = _begun(context, context.catalog.find(name))
    certificate = _certificate(context, begun, wrapped)
    _tell(context, certificate)
    context.store.erase(shredding_blob(begun.tenant_id))
    return certificate


def unfinished_shred(context: Context, name: str) -> Begun | None:
    """A shred of the tenant that was once of this name, or has this id, if SQL has forgotten the tenant already and the shred
    is still to be ended. Raises Refuse ``NO_SUCH_TENANT`` if there never was one, and what the store raises."""
    audited = context.catalog.audited(name)
    return _noted(context, audited.tenant_id) if audited.removed else None


def _noted(context: Context, tenant_id: str) -> Begun | None:
    text = context.store.get(shredding_blob(tenant_id))
    return None if text is None else msgspec.json.decode(text, type=Begun)


def _begun(context: Context, tenant: Tenant) -> tuple[Begun, frozenset[bytes]]:
    """Destroy the data keys and have SQL forget the tenant. Return what was noted before, and the wrappings that SQL had."""
    catalog, tenant_id = context.catalog.tenant(tenant.tenant_id), tenant.tenant_id
    _hold_back(catalog, tenant.name)
    wrapped, stored, before = catalog.keys.all(), _key_objects(context, tenant_id), _noted(context, tenant_id)
    begun = Begun(
        tenant=tenant.name,
        tenant_id=tenant_id,
        directory_id=tenant.directory_id,
        by=context.catalog.actor,
        at=context.clock.now(),
        arns=sorted({tenant.key_arn, *(key.arn for key in wrapped), *(before.arns if before else ())}),
        data_keys=sorted(
            {key.data_key_id for key in wrapped}
            | _data_keys(tenant_id, stored)
            | set(before.data_keys if before else ())
        ),
    )
    context.store.put(shredding_blob(tenant_id), msgspec.json.encode(begun))
    context.at("shred-noted")
    _erase(context, stored)
    context.at("keys-erased")
    deleted = catalog.remove()
    context.at("tenant-forgotten")
    return begun, deleted


def _purged(context: Context, wrapped: frozenset[bytes]) -> str:
    """Return what the database's own files may still hold of these wrappings. Raises Refuse ``BUSY`` if they hold them."""
    purged = context.catalog.purge(wrapped)
    if purged.gone is False:
        sentence = f"{purged.message} Then say the same again: the tenant is removed, and has no certificate yet."
        raise Refuse(Code.BUSY, sentence)
    return purged.message


def _certificate(context: Context, begun: Begun, wrapped: frozenset[bytes]) -> Certificate:
    """The certificate, in the store. One that stands there is kept, unless it is of a shred after which SQL was put back."""
    blob = certificate_blob(begun.tenant_id)
    text = context.store.get(blob)
    standing = None if text is None else msgspec.json.decode(text, type=Certificate)
    if standing is not None and standing.at >= begun.at:
        return standing
    late = _key_objects(context, begun.tenant_id)  # of a job that somebody asked for meanwhile
    _erase(context, late)
    database = _purged(context, wrapped)
    certificate = _certified(context, begun, {*begun.data_keys, *_data_keys(begun.tenant_id, late)}, database)
    context.store.put(blob, msgspec.json.encode(certificate))
    context.at("certificate-stored")
    return certificate


def _tell(context: Context, certificate: Certificate) -> None:
    """The audit trail tells of it, once, and its head is kept beside the certificate."""
    catalog = context.catalog.tenant(certificate.tenant_id)
    if not any(event_of(entry).action == Action.TENANT_SHREDDED for entry in catalog.audit.recent(10)):
        counts = {"data_keys": len(certificate.data_keys), "snapshots": len(certificate.unreadable)}
        catalog.audit.append(Action.TENANT_SHREDDED, {}, **counts)
        context.at("shred-told")
    try:
        keep_head(context, catalog)
    except Refuse as error:
        # The data keys are gone all the same, and asking again would end the same way.
        log.warning("the end of an audit trail is not in the store: %s", error, extra={"tenant": certificate.tenant_id})
    keep_last_heads(context, INSTALLATION)


def _hold_back(catalog: TenantCatalog, name: str) -> None:
    schedule = catalog.schedules.get()
    if schedule is not None:
        catalog.schedules.set(msgspec.structs.replace(schedule, paused=True))
    if catalog.jobs.unfinished():
        sentence = (
            f"Jobs of {name} go on: wait for them or cancel them, 'entrakeep jobs list --tenant {name}' names them."
        )
        raise Refuse(Code.BUSY, f"{sentence} Its schedule is paused, nothing was destroyed.")


def _key_objects(context: Context, tenant_id: str) -> list[str]:
    """Return all names among the key objects, also those of which only older versions are kept.

    Strays are among them: a copy of a key object, whatever its name, opens as the key object does.
    """
    return list(context.store.names(key_objects_prefix(tenant_id), deleted=True))


def _data_keys(tenant_id: str, blobs: Iterable[str]) -> set[str]:
    return {data_key_of(blob) for blob in blobs if form_of(tenant_id, blob) is Form.KEY_OBJECT}


def _erase(context: Context, key_objects: Iterable[str]) -> None:
    """In every version."""
    for blob in key_objects:
        context.store.erase(blob)


def _certified(context: Context, begun: Begun, destroyed: set[str], database: str) -> Certificate:
    """Proves it: no key object is left in any version, and so every manifest names a data key that is nowhere."""
    store, tenant_id = context.store, begun.tenant_id
    left = next(iter(_key_objects(context, tenant_id)), None)
    if left is not None:
        raise Refuse(Code.STORE_FORBIDDEN, f"The store still keeps the key object {left}: data keys of it would open.")
    listing = Listing(store, tenant_id)
    sealed = [(form, blob) for form, blob in listing.all() if form in (Form.CHUNK, Form.MANIFEST)]
    listing.report()
    blobs = [blob for _, blob in sealed]
    now = context.clock.now()
    locks = [lock for lock in map(store.locked_until, blobs) if lock is not None and lock > now]
    return Certificate(
        tenant=begun.tenant,
        tenant_id=tenant_id,
        directory_id=begun.directory_id,
        at=now,
        by=begun.by,
        arns=begun.arns,
        data_keys=sorted(destroyed),
        unreadable=_unreadable(context, [blob for form, blob in sealed if form is Form.MANIFEST]),
        blobs=len(blobs),
        locked=len(locks),
        locked_until=None if FOR_EVER in locks else max(locks, default=None),
        blob=certificate_blob(tenant_id),
        database=database,
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
