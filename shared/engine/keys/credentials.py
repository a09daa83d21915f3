"""A tenant's credentials: sealed under its data key of purpose ``secrets``, and opened only to sign in."""

import uuid
from collections.abc import Callable

from shared.domain.model import Sealed
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.keys.process_keys import ProcessKeys
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.directory import DirectorySource, Identity
from shared.vault.keyring import DataKey
from shared.vault.sealing import Kind, open_row, seal_row


def seal_credential(key: DataKey, tenant_id: str, secret: Secret) -> Sealed:
    """Seal a client secret or certificate as a row."""
    return seal_row(key, tenant_id, Kind.SECRET, str(uuid.uuid4()), secret.reveal())


def source_for(
    context: Context, catalog: TenantCatalog, keys: ProcessKeys, check: Callable[[], None]
) -> DirectorySource:
    """Connect to the tenant's directory, to read it inside the running event loop.

    ``check`` raises if the step must stop. Raises what the key service raises.
    """
    tenant = catalog.tenant()
    kind, sealed = catalog.keys.credential()
    secret = Secret(open_row(keys.find, tenant.tenant_id, Kind.SECRET, sealed))
    identity = Identity(directory_id=tenant.directory_id, client_id=tenant.client_id, secret=secret, kind=kind)
    return context.access.connect(identity, check)
