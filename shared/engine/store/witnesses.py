"""Witnesses: objects of tenants that show whether a store without a known mark is the catalog's."""

import hashlib

from shared.domain.errors import Alarm, Refuse
from shared.domain.model import Purpose, Tenant
from shared.ports.blobs import RawStore
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.keyring import check_key_object
from shared.vault.names import manifest_blob


def holds_objects_of(store: RawStore, catalog: Catalog, tenants: list[Tenant]) -> bool:
    """Return True if the store has an object that SQL knows of any of these tenants.

    Such an object is the newest manifest, or the key object of the data key for credentials.
    """
    handles = [catalog.tenant(tenant.tenant_id) for tenant in tenants]
    return any(_holds_manifest(store, handle) or _holds_key(store, handle) for handle in handles)


def _holds_manifest(store: RawStore, catalog: TenantCatalog) -> bool:
    """Return whether the tenant's newest manifest is in the store, with the hash that SQL has."""
    try:
        snapshot = catalog.snapshots.get("latest")
    except Refuse:
        return False
    sealed = store.get(manifest_blob(catalog.tenant_id, snapshot.snapshot_id))
    return sealed is not None and hashlib.sha256(sealed).hexdigest() == snapshot.manifest_sha256


def _holds_key(store: RawStore, catalog: TenantCatalog) -> bool:
    """Return whether the key object of the tenant's data key for credentials matches SQL."""
    key = catalog.keys.find(Purpose.SECRETS, None)
    try:
        return key is not None and bool(check_key_object(store, catalog.tenant_id, key))
    except Alarm:
        return False
