"""Shred: destroy a tenant's wrapped data keys, so that its data cannot be opened any more, and certify it.

Chunks and manifests stay in the store, sealed. Without the wrapped data keys nobody can open them, even with the KMS key.
(NIST SP 800-88, "Cryptographic Erase".) The certificate also says what a shred cannot reach: earlier copies of the database
or the bucket hold wrapped data keys, which the KMS key opens for as long as it exists.

A note in the store records what to certify. It is written before anything is destroyed, and kept until the certificate is
stored, because SQL forgets the tenant before that. So an interrupted shred is finished by requesting it again, by the
tenant's name or id.
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
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.observer import Point
from shared.vault.listing import Form, Listing, form_of
from shared.vault.names import certificate_blob, data_key_of, key_objects_prefix, last, shredding_blob
from shared.vault.sealing import sealed_headers

log = logging.getLogger(__name__)

NOT_REACHED = (
    "Copies of the database or of the bucket that were made before hold wrapped data keys. The KMS keys named here open them "
    "until they are deleted in AWS KMS."
)


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that cannot be opened any more."""

    snapshot: str
    """The snapshot's id."""
    data_key: str
    """The id of the destroyed data key that seals its manifest."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate of a shred: the destroyed data keys, and the data that remain of the tenant."""

    tenant: str
    """The tenant's name."""
    tenant_id: str
    """The tenant's id."""
    directory_id: str
    """The id of its Entra directory."""
    at: datetime
    """When the certificate was issued."""
    by: str
    """Who requested the shred."""
    arns: list[str]
    """ARNs of the KMS keys that wrapped the data keys."""
    data_keys: list[str]
    """Ids of the destroyed data keys."""
    unreadable: list[Unreadable]
    """Snapshots that cannot be opened any more."""
    blobs: int
    """Number of sealed blobs that stay in the store."""
    locked: int
    """Number of these blobs that S3 Object Lock protects."""
    locked_until: datetime | None
    """When the last lock ends. None with ``locked`` above zero means a legal hold, which has no end."""
    blob: str = ""
    """The certificate's name in the store."""
    database: str | None = None
    """What the database's own files may still hold, as a sentence. None in certificates of an older version."""
    not_reached: str = NOT_REACHED
    """What the shred cannot reach, as a sentence."""


class ShredNote(msgspec.Struct, frozen=True, kw_only=True):
    """The note of an unfinished shred in the store: what only SQL knows, until it forgets the tenant.

    The fields mean what they do in ``Certificate``; ``at`` is when the shred began.
    """

    tenant: str
    tenant_id: str
    directory_id: str
    by: str
    at: datetime
    arns: list[str]
    data_keys: list[str]


def shred_tenant(context: Context, name: str) -> Certificate:
    """Destroy every wrapped data key of the tenant, remove the tenant from SQL, and store and return the certificate.

    Wrapped data keys are destroyed in SQL and in the store, there with all versions. Needs no key. A shred cannot be undone.
    An interrupted one is finished by calling this again.

    Raises Refuse ``NO_SUCH_TENANT``, Refuse ``BUSY`` while the tenant has unfinished jobs or SQL's files cannot be
    overwritten, Refuse ``STORE_FORBIDDEN`` if the store protects a key object from deletion, and what the store raises.
    """
    shredding, wrapped = unfinished_shred(context, name), frozenset[bytes]()
    if shredding is None:
        shredding, wrapped = _destroy_keys(context, context.catalog.find(name))
    certificate = _issue_certificate(context, shredding, wrapped)
    _record(context, certificate)
    context.store.erase(shredding_blob(shredding.tenant_id))
    return certificate


def unfinished_shred(context: Context, name: str) -> ShredNote | None:
    """Return the unfinished shred of a tenant that SQL has removed already, or None.

    ``name`` is the tenant's former name or its id. Raises Refuse ``NO_SUCH_TENANT`` if there never was such a tenant, and
    what the store raises.
    """
    audited = context.catalog.find_audited(name)
    return _read_note(context, audited.tenant_id) if audited.removed else None


def _read_note(context: Context, tenant_id: str) -> ShredNote | None:
    """Return the note of an unfinished shred, or None."""
    text = context.store.get(shredding_blob(tenant_id))
    return None if text is None else msgspec.json.decode(text, type=ShredNote)


def _destroy_keys(context: Context, tenant: Tenant) -> tuple[ShredNote, frozenset[bytes]]:
    """Write the note, destroy the data keys, and remove the tenant from SQL.

    Return the note and SQL's wrapped data keys.
    """
    catalog, tenant_id = context.catalog.tenant(tenant.tenant_id), tenant.tenant_id
    _check_no_jobs(catalog, tenant.name)
    wrapped, stored, earlier_note = catalog.keys.all(), _key_objects(context, tenant_id), _read_note(context, tenant_id)
    shredding = ShredNote(
        tenant=tenant.name,
        tenant_id=tenant_id,
        directory_id=tenant.directory_id,
        by=context.catalog.actor,
        at=context.clock.now(),
        arns=sorted({tenant.key_arn, *(key.arn for key in wrapped), *(earlier_note.arns if earlier_note else ())}),
        data_keys=sorted(
            {key.data_key_id for key in wrapped}
            | _data_keys(tenant_id, stored)
            | set(earlier_note.data_keys if earlier_note else ())
        ),
    )
    context.store.put(shredding_blob(tenant_id), msgspec.json.encode(shredding))
    context.observer.reach(Point.SHRED_NOTED)
    _erase(context, stored)
    context.observer.reach(Point.KEYS_ERASED)
    deleted = catalog.remove()
    context.observer.reach(Point.TENANT_FORGOTTEN)
    return shredding, deleted


def _purge(context: Context, wrapped: frozenset[bytes]) -> str:
    """Overwrite deleted data keys in the database's files. Return a sentence about what may remain in the files.

    Raise Refuse ``BUSY`` if the files still contain wrapped data keys.
    """
    purged = context.catalog.purge(wrapped)
    if purged.removed is False:
        sentence = (
            f"{purged.message} Then run the same command again: the tenant is removed, but has no certificate yet."
        )
        raise Refuse(Code.BUSY, sentence)
    return purged.message


def _issue_certificate(context: Context, shredding: ShredNote, wrapped: frozenset[bytes]) -> Certificate:
    """Return the stored certificate of this shred, or issue and store one.

    A certificate that is older than this shred is replaced: SQL was restored from a copy after that earlier shred.
    """
    blob = certificate_blob(shredding.tenant_id)
    text = context.store.get(blob)
    existing = None if text is None else msgspec.json.decode(text, type=Certificate)
    if existing is not None and existing.at >= shredding.at:
        return existing
    new_key_objects = _key_objects(context, shredding.tenant_id)  # of a job that was created meanwhile
    _erase(context, new_key_objects)
    database = _purge(context, wrapped)
    certificate = _prove_and_certify(
        context, shredding, {*shredding.data_keys, *_data_keys(shredding.tenant_id, new_key_objects)}, database
    )
    context.store.put(blob, msgspec.json.encode(certificate))
    context.observer.reach(Point.CERTIFICATE_STORED)
    return certificate


def _record(context: Context, certificate: Certificate) -> None:
    """Add the shred to the audit trail once, and store the trail's head beside the certificate."""
    catalog = context.catalog.tenant(certificate.tenant_id)
    if not any(event_of(entry).action == Action.TENANT_SHREDDED for entry in catalog.audit.recent(10)):
        counts = {"data_keys": len(certificate.data_keys), "snapshots": len(certificate.unreadable)}
        catalog.audit.append(Action.TENANT_SHREDDED, {}, **counts)
        context.observer.reach(Point.SHRED_AUDITED)
    try:
        keep_head(context, catalog)
    except Refuse as error:
        # The data keys are destroyed already, and a retry would fail in the same way.
        log.warning("audit trail head not stored: %s", error, extra={"tenant": certificate.tenant_id})
    keep_last_heads(context, INSTALLATION)


def _check_no_jobs(catalog: TenantCatalog, name: str) -> None:
    """Pause the tenant's schedule. Raise Refuse ``BUSY`` if it has unfinished jobs."""
    schedule = catalog.schedules.get()
    if schedule is not None:
        catalog.schedules.set(msgspec.structs.replace(schedule, paused=True))
    if catalog.jobs.unfinished():
        listing = f"'entrakeep jobs list --tenant {name}' names them"
        sentence = (
            f"Jobs of {name} have not ended. Wait for them or cancel them; {listing}. Its schedule is paused, nothing "
        )
        raise Refuse(Code.BUSY, f"{sentence}was destroyed.")


def _key_objects(context: Context, tenant_id: str) -> list[str]:
    """Return all names under the prefix of the key objects, deleted ones with remaining versions included.

    Strays are included, because a copy of a key object opens whatever its name is.
    """
    return list(context.store.names(key_objects_prefix(tenant_id), deleted=True))


def _data_keys(tenant_id: str, blobs: Iterable[str]) -> set[str]:
    """Return the data key ids of those blobs that are key objects by their names."""
    return {data_key_of(blob) for blob in blobs if form_of(tenant_id, blob) is Form.KEY_OBJECT}


def _erase(context: Context, key_objects: Iterable[str]) -> None:
    """Erase these key objects in every version."""
    for blob in key_objects:
        context.store.erase(blob)


def _prove_and_certify(context: Context, shredding: ShredNote, destroyed: set[str], database: str) -> Certificate:
    """Prove that no key object is left in any version, and return the certificate.

    Every manifest then names a data key that does not exist any more. Raises Refuse ``STORE_FORBIDDEN`` if one is left.
    """
    store, tenant_id = context.store, shredding.tenant_id
    remaining = next(iter(_key_objects(context, tenant_id)), None)
    if remaining is not None:
        sentence = f"The store still keeps the key object {remaining}: data keys of it would open."
        raise Refuse(Code.STORE_FORBIDDEN, sentence)
    listing = Listing(store, tenant_id)
    sealed = [(form, blob) for form, blob in listing.all() if form in (Form.CHUNK, Form.MANIFEST)]
    listing.report()
    blobs = [blob for _, blob in sealed]
    now = context.clock.now()
    locks = [lock for lock in map(store.locked_until, blobs) if lock is not None and lock > now]
    return Certificate(
        tenant=shredding.tenant,
        tenant_id=tenant_id,
        directory_id=shredding.directory_id,
        at=now,
        by=shredding.by,
        arns=shredding.arns,
        data_keys=sorted(destroyed),
        unreadable=_unreadable(context, [blob for form, blob in sealed if form is Form.MANIFEST]),
        blobs=len(blobs),
        locked=len(locks),
        locked_until=None if FOR_EVER in locks else max(locks, default=None),
        blob=certificate_blob(tenant_id),
        database=database,
    )


def _unreadable(context: Context, manifests: Iterable[str]) -> list[Unreadable]:
    """Return the snapshot and the data key that each manifest names. Skip damaged ones, which nothing opens anyway."""
    unreadable = []
    for blob in manifests:
        try:
            data_key = sealed_headers(context.store.get(blob) or b"", blob).data_key_id
        except Alarm:
            continue
        unreadable.append(Unreadable(snapshot=last(blob), data_key=data_key))
    return unreadable
