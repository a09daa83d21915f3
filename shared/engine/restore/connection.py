"""Sign in to a tenant's directory as the application that restores, or only reads for a plan."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from shared.domain.errors import Code, Refuse
from shared.domain.secret import Secret
from shared.domain.sign_in import no_restore_identity
from shared.engine.context import Context
from shared.engine.keys.credentials import open_secret, reading_identity
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.steps.work import Work
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.directory import DirectoryTarget, Identity


def restore_identity(catalog: TenantCatalog, keys: ProcessKeys) -> Identity:
    """Return the application that restores, with its credential. Raise Refuse ``NO_RESTORE_IDENTITY``."""
    tenant = catalog.tenant()
    kind, sealed = catalog.keys.restore_credential()
    if tenant.restore_client_id is None:
        raise no_restore_identity(tenant.name)
    secret = Secret(open_secret(keys, tenant.tenant_id, sealed))
    return Identity(directory_id=tenant.directory_id, client_id=tenant.restore_client_id, secret=secret, kind=kind)


def planning_identity(catalog: TenantCatalog, keys: ProcessKeys) -> Identity:
    """Return the application that restores, or the one that reads if the tenant has no other. A plan writes nothing."""
    try:
        return restore_identity(catalog, keys)
    except Refuse as refusal:
        if refusal.code is not Code.NO_RESTORE_IDENTITY:
            raise
    return reading_identity(catalog, keys)


async def connected(context: Context, identity: Identity, check: Callable[[], None]) -> DirectoryTarget:
    """Return a target of the directory, connected inside the loop that will use it. ``check`` raises if work must stop."""
    return context.targets.connect_target(identity, check)


@asynccontextmanager
async def writing(work: Work, check: Callable[[], None] | None = None) -> AsyncIterator[DirectoryTarget]:
    """Yield a target that the restoring application writes to, until the block ends. ``check`` replaces the step's own.

    Raise Refuse ``NO_RESTORE_IDENTITY``.
    """
    target = await connected(work.context, restore_identity(work.catalog, work.keys), check or work.check)
    try:
        yield target
    finally:
        await target.close()
