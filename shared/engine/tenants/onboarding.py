"""Onboarding: connect a directory, only after a sign-in with the given credentials has worked."""

import asyncio
import uuid
from datetime import datetime

import msgspec

from shared.domain.audit import INSTALLATION
from shared.domain.errors import Answer, Code, KeyRefused, Refuse
from shared.domain.model import CredentialKind, KeyMode, Purpose, Tenant, WrappedKey
from shared.domain.resources.choice import Choice
from shared.domain.secret import Secret
from shared.engine.audit import keep_last_heads
from shared.engine.context import Context
from shared.engine.keys.credentials import seal_credential
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.keys.retrying import retry_kms
from shared.engine.tenants.probing import probed
from shared.ports.directory import DirectorySource, Identity
from shared.vault.certificates import not_after
from shared.vault.keyring import DataKey, create_data_key
from shared.vault.names import key_object_blob

_DEFAULT = Choice()


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of adding or updating a tenant."""

    tenant: Tenant
    """The tenant as it is now."""
    answers: dict[str, Answer]
    """Graph's answer to a probe of each stream, by the stream's name."""


def add_tenant(
    context: Context,
    name: str,
    identity: Identity,
    *,
    restoring: Identity | None = None,
    expires_at: datetime | None = None,
    readd: bool = False,
    choice: Choice = _DEFAULT,
) -> Welcome:
    """Connect a directory under ``name``. Nothing is stored unless every part succeeds.

    ``restoring`` is the application that restores, if there is one. ``expires_at`` is when the client secret expires, if the
    operator has entered it. ``readd`` means that the operator consents to a directory whose tenant was removed while it had
    a KMS key of its own. ``choice`` is what the tenant's backups hold.

    Raises Refuse ``TENANT_EXISTS``, ``DIRECTORY_EXISTS``, ``DIRECTORY_WITHHELD``, ``GRAPH_SIGN_IN_FAILED``,
    ``KEY_ACCESS_REVOKED``, ``STORE_UNSUITABLE``, and what Graph, KMS and the store raise.
    """
    context.catalog.check_addable(name, identity.directory_id, readd=readd)
    answers, expires_at = asyncio.run(_sign_in_and_probe(context, identity, expires_at, choice))
    restore_expires_at = None if restoring is None else sign_in_to_restore(context, restoring, identity.client_id)
    tenant_id = str(uuid.uuid4())
    now = context.clock.now()
    context.store.prove()
    key, wrapped = _secrets_key(context, tenant_id, now)
    tenant = Tenant(
        tenant_id=tenant_id,
        name=name,
        directory_id=identity.directory_id,
        client_id=identity.client_id,
        created_at=now,
        key_mode=KeyMode.PROVIDER,
        key_arn=wrapped.arn,
        key_epoch=1,
        sign_in_expires_at=expires_at,
        restore_client_id=None if restoring is None else restoring.client_id,
        restore_expires_at=restore_expires_at,
        choice=choice,
    )
    try:
        sealed = seal_credential(key, tenant_id, identity.secret)
        restore = None if restoring is None else (restoring.kind, seal_credential(key, tenant_id, restoring.secret))
        context.catalog.add_tenant(tenant, wrapped, identity.kind, sealed, restore=restore, readd=readd)
    except BaseException:
        context.store.delete(key_object_blob(tenant_id, wrapped.data_key_id, wrapped.generation))
        raise
    finally:
        key.drop()
    keep_last_heads(context, INSTALLATION)
    return Welcome(tenant=tenant, answers=answers)


def _secrets_key(context: Context, tenant_id: str, now: datetime) -> tuple[DataKey, WrappedKey]:
    """Create the tenant's data key for secrets. Raise Refuse ``KEY_MISCONFIGURED``, and what KMS and the store raise."""
    arn = context.provider_key
    try:
        return retry_kms(
            lambda: create_data_key(context.keys, context.store, tenant_id, arn, Purpose.SECRETS, 1, now, None),
            context.deadline(min(context.lease_seconds, context.limits.connect_retry_seconds)),
        )
    except KeyRefused as refusal:
        if refusal.unknown and not context.catalog.queries().key_in_use(arn):
            sentence = f"AWS KMS knows no key {arn}: check ENTRAKEEP_PROVIDER_KEY_ARN, its Region and account."
            raise Refuse(Code.KEY_MISCONFIGURED, sentence) from None
        raise


def update_tenant(
    context: Context,
    name: str,
    client_id: str | None,
    secret: Secret,
    kind: CredentialKind = CredentialKind.SECRET,
    *,
    expires_at: datetime | None = None,
) -> Welcome:
    """Store a new secret or certificate, or another application, after the checks that ``add_tenant`` makes.

    Raises what ``add_tenant`` raises for a sign-in that fails, and what Graph and KMS raise.
    """
    tenant = context.catalog.find(name)
    catalog = context.catalog.tenant(tenant.tenant_id)
    client = client_id or tenant.client_id
    identity = Identity(directory_id=tenant.directory_id, client_id=client, secret=secret, kind=kind)
    answers, expires_at = asyncio.run(_sign_in_and_probe(context, identity, expires_at, tenant.choice))
    with ProcessKeys(context, catalog) as keys:
        sealed = seal_credential(keys.secrets(), tenant.tenant_id, secret)
        catalog.update(client_id=client, kind=kind, sealed=sealed, expires_at=expires_at)
    return Welcome(tenant=catalog.tenant(), answers=answers)


def remove_tenant(context: Context, name: str) -> None:
    """Delete every row of the tenant except its audit trail, and store the trail's head. Needs no key.

    The tenant's blobs stay in the store, sealed.
    """
    tenant = context.catalog.find(name)
    catalog = context.catalog.tenant(tenant.tenant_id)
    catalog.remove()
    keep_last_heads(context, tenant.tenant_id, INSTALLATION)


def update_restore_identity(
    context: Context, name: str, client_id: str | None, secret: Secret, kind: CredentialKind
) -> Tenant:
    """Store the application that restores, or its new secret or certificate, after a sign-in has worked. Return the tenant.

    Without ``client_id`` the application stays. Raise Refuse ``WRONG_USE`` if there is none, and as ``sign_in_to_restore``.
    """
    tenant = context.catalog.find(name)
    catalog = context.catalog.tenant(tenant.tenant_id)
    client = client_id or tenant.restore_client_id
    if client is None:
        raise Refuse(Code.WRONG_USE, f"{name} has no restore identity yet: give --restore-client-id too.")
    identity = Identity(directory_id=tenant.directory_id, client_id=client, secret=secret, kind=kind)
    expires_at = sign_in_to_restore(context, identity, tenant.client_id)
    with ProcessKeys(context, catalog) as keys:
        sealed = seal_credential(keys.secrets(), tenant.tenant_id, secret)
        catalog.update_restore_identity(client_id=client, kind=kind, sealed=sealed, expires_at=expires_at)
    return catalog.tenant()


def sign_in_to_restore(context: Context, identity: Identity, reading: str) -> datetime | None:
    """Sign in as the application that restores. Return when its credential expires, None if unknown.

    ``reading`` is the application that reads the directory. Raise Refuse ``WRONG_USE`` if both are the same: the
    application that reads every night must not be able to write. Raise Refuse ``GRAPH_SIGN_IN_FAILED``.
    """
    if identity.client_id.lower() == reading.lower():
        raise Refuse(
            Code.WRONG_USE,
            "The restore identity must be another application than the one that reads the directory: register a second one.",
        )
    return asyncio.run(_sign_in(context, identity))


async def _sign_in(context: Context, identity: Identity) -> datetime | None:
    """Sign in and read ``/organization``. Return when the credential expires, None if unknown."""
    source = context.access.connect(identity, lambda: None)
    try:
        await _check_organization(source, identity)
        return await _find_expiry(source, identity, None)
    finally:
        await source.close()


async def _check_organization(source: DirectorySource, identity: Identity) -> None:
    """Read ``/organization``. Raise Refuse ``GRAPH_SIGN_IN_FAILED`` if the application belongs to another directory."""
    organization_id = await source.organization_id()
    if organization_id.lower() != identity.directory_id.lower():
        raise Refuse(
            Code.GRAPH_SIGN_IN_FAILED,
            f"The application belongs to the directory {organization_id}, not to {identity.directory_id}; "
            "check both ids.",
        )


async def _sign_in_and_probe(
    context: Context, identity: Identity, entered_expiry: datetime | None, choice: Choice
) -> tuple[dict[str, Answer], datetime | None]:
    """Sign in, read ``/organization``, and probe every chosen stream.

    Return Graph's answer to each stream, and when the credential expires, None if unknown. ``entered_expiry`` is the time
    that a person has entered. Raises Refuse ``GRAPH_SIGN_IN_FAILED`` if the application belongs to another directory.
    """
    source = context.access.connect(identity, lambda: None)
    try:
        await _check_organization(source, identity)
        answers = await probed(source, choice.streams())
        return answers, await _find_expiry(source, identity, entered_expiry)
    finally:
        await source.close()


async def _find_expiry(source: DirectorySource, identity: Identity, entered_expiry: datetime | None) -> datetime | None:
    """Return when the credential expires, None if unknown.

    A certificate contains the time. For a client secret, a person has entered it or the directory knows it.
    """
    if identity.kind is CredentialKind.CERTIFICATE:
        return not_after(identity.secret.reveal())
    return entered_expiry or await source.secret_expires_at(identity.client_id, identity.secret)
