"""A tenant's secrets: sealed under its data key of purpose ``secrets``. Its credentials are opened only to sign in."""

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


def seal_secret(key: DataKey, tenant_id: str, text: bytes) -> Sealed:
    """Seal a secret as a row."""
    return seal_row(key, tenant_id, Kind.SECRET, str(uuid.uuid4()), text)


def open_secret(keys: ProcessKeys, tenant_id: str, sealed: Sealed) -> bytes:
    """Return the secret in a row. Raise what the key service raises, and Alarm for a damaged row."""
    return open_row(keys.find, tenant_id, Kind.SECRET, sealed)


def seal_credential(key: DataKey, tenant_id: str, secret: Secret) -> Sealed:
    """Seal a client secret or certificate as a row."""
    return seal_secret(key, tenant_id, secret.reveal())


def reading_identity(catalog: TenantCatalog, keys: ProcessKeys) -> Identity:
    """Return the application that reads the directory, with its credential. Raise what the key service raises."""
    tenant = catalog.tenant()
    kind, sealed = catalog.keys.credential()
    secret = Secret(open_secret(keys, tenant.tenant_id, sealed))
    return Identity(directory_id=tenant.directory_id, client_id=tenant.client_id, secret=secret, kind=kind)


def source_for(
    context: Context, catalog: TenantCatalog, keys: ProcessKeys, check: Callable[[], None]
) -> DirectorySource:
    """Connect to the tenant's directory, to read it inside the running event loop.

    ``check`` raises if the step must stop. Raises what the key service raises.
    """
    return context.access.connect(reading_identity(catalog, keys), check)
