"""Whole lists, read page by page."""

from collections.abc import Iterator

from shared.domain.model import Snapshot
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.queries import SnapshotFilter, TenantFilter, TenantOverview


def all_tenants(catalog: Catalog) -> Iterator[TenantOverview]:
    """Yield every tenant, newest first."""
    wanted = TenantFilter()
    while page := catalog.queries().tenants(wanted):
        yield from page
        wanted = TenantFilter(after=page[-1].tenant)


def all_snapshots(catalog: Catalog, name: str) -> Iterator[Snapshot]:
    """Yield every snapshot of a tenant, newest first. Raise Refuse ``NO_SUCH_TENANT``."""
    wanted = SnapshotFilter(tenant_id=catalog.find(name).tenant_id)
    while page := catalog.queries().snapshots(wanted):
        yield from page
        wanted = SnapshotFilter(tenant_id=wanted.tenant_id, after=page[-1].snapshot_id)
