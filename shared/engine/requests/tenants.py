"""Requests about tenants: connect, update, choose, check, remove and shred."""

from collections.abc import Sequence
from datetime import datetime

from shared.domain.errors import Code, Refuse
from shared.domain.model import CredentialKind, Tenant
from shared.domain.resources.choice import Choice, refused_switch
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.tenants import checking, onboarding, shred
from shared.ports.catalog.database import Catalog
from shared.ports.directory import Identity

_DEFAULT = Choice()


def add_tenant(
    context: Context,
    actor: str,
    name: str,
    identity: Identity,
    *,
    restoring: Identity | None = None,
    secret_expires_at: datetime | None = None,
    readd: bool = False,
    choice: Choice = _DEFAULT,
) -> onboarding.Welcome:
    """Connect a directory under ``name``, after a sign-in with the identity has worked, and with the one that restores.

    ``secret_expires_at`` is when the client secret expires, if the user knows it. ``readd``: the user consents to a directory
    whose tenant was removed while it had a KMS key of its own. ``choice`` is what backups hold.

    Raise Refuse ``WRONG_USE`` if an expiry is given for a certificate, and as ``onboarding.add_tenant`` does.
    """
    _check_expiry(identity.kind, secret_expires_at)
    return onboarding.add_tenant(
        context.as_actor(actor),
        name,
        identity,
        restoring=restoring,
        expires_at=secret_expires_at,
        readd=readd,
        choice=choice,
    )


def update_tenant(
    context: Context,
    actor: str,
    name: str,
    kind: CredentialKind,
    secret: Secret,
    *,
    client_id: str | None = None,
    directory_id: str | None = None,
    secret_expires_at: datetime | None = None,
) -> onboarding.Welcome:
    """Store a new credential, or another application, after a sign-in has worked.

    ``directory_id`` is the directory that the user expects, None for any. Raise Refuse ``NO_SUCH_TENANT``; ``WRONG_USE`` if
    the tenant has another directory, or an expiry is given for a certificate; and as ``onboarding.update_tenant`` does.
    """
    _check_expiry(kind, secret_expires_at)
    if directory_id is not None and directory_id.lower() != context.catalog.find(name).directory_id.lower():
        sentence = f"{name} keeps its directory; connect another one with 'entrakeep tenant add'."
        raise Refuse(Code.WRONG_USE, sentence)
    return onboarding.update_tenant(
        context.as_actor(actor), name, client_id, secret, kind, expires_at=secret_expires_at
    )


def update_restore_identity(
    context: Context, actor: str, name: str, kind: CredentialKind, secret: Secret, *, client_id: str | None = None
) -> Tenant:
    """Store the application that restores, or a new credential for it, after a sign-in has worked. Return the tenant.

    Raise Refuse ``NO_SUCH_TENANT``, and as ``onboarding.update_restore_identity`` does.
    """
    return onboarding.update_restore_identity(context.as_actor(actor), name, client_id, secret, kind)


def choose(catalog: Catalog, actor: str, name: str, *, without: Sequence[str], with_: Sequence[str]) -> Choice:
    """Switch families and resources off, then others on, from the next backup on. Return the new choice.

    Raise Refuse ``NO_SUCH_TENANT``, and ``WRONG_USE`` if a name cannot be switched or a backup would read nothing.
    """
    for each in (*without, *with_):
        if (sentence := refused_switch(each)) is not None:
            raise Refuse(Code.WRONG_USE, sentence)
    tenant = catalog.find(name)
    return catalog.as_actor(actor).tenant(tenant.tenant_id).choose(without=without, with_=with_)


def check_tenant(context: Context, name: str, *, restore: bool = False) -> list[checking.CheckedResource]:
    """Return how Graph lets the tenant's resources be read, or with ``restore`` be written.

    Raise Refuse ``NO_SUCH_TENANT``, and as ``checking`` does.
    """
    check = checking.check_writing if restore else checking.check_reading
    return check(context, context.catalog.find(name))


def remove_tenant(context: Context, actor: str, name: str) -> Tenant:
    """Remove a tenant from SQL; its sealed blobs stay in the store. Return it. Raise Refuse ``NO_SUCH_TENANT``."""
    tenant = context.catalog.find(name)
    onboarding.remove_tenant(context.as_actor(actor), name)
    return tenant


def shred_tenant(context: Context, actor: str, name: str) -> shred.Certificate:
    """Destroy every wrapped data key of a tenant and remove the tenant. Finish this if it was interrupted.

    Raise as ``shred.shred_tenant`` does.
    """
    return shred.shred_tenant(context.as_actor(actor), name)


def _check_expiry(kind: CredentialKind, expires_at: datetime | None) -> None:
    """Raise Refuse ``WRONG_USE`` if an expiry is given for a certificate."""
    if expires_at is not None and kind is CredentialKind.CERTIFICATE:
        raise Refuse(Code.WRONG_USE, "--secret-expires is for a client secret: a certificate says when it expires.")
