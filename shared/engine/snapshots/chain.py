"""The chain of snapshots: each manifest names its parent and the parent's hash, so that a missing parent is noticed.

Retention breaks the chain on purpose, and records that first. A snapshot that it removes is marked as going in SQL. Every
later manifest names it in ``let_go`` as long as a snapshot builds on it. Its own manifest is deleted only once a later one
names it. So the bucket alone shows whether retention removed a parent or it was lost.
"""

import hashlib
from collections.abc import Iterable, Mapping, Set
from typing import Protocol

from shared.domain.errors import Alarm, Code
from shared.domain.model import Snapshot
from shared.ports.blobs import BlobStore
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.format import Manifest
from shared.vault.names import manifest_blob
from shared.vault.rereading import read_twice


class NamesLetGo(Protocol):
    """A manifest, or a reduced form of one."""

    @property
    def let_go(self) -> list[str]:
        """Return the ids of earlier snapshots that retention removed."""
        ...


def to_name(catalog: TenantCatalog, parent: Manifest | None) -> list[str]:
    """Return the removed snapshots that a new manifest must name: those that are still a parent of a snapshot."""
    let_go = known_let_go(catalog, [parent] if parent is not None else [])
    if not let_go:
        return []
    return sorted(let_go & {snapshot.parent for snapshot in catalog.snapshots.all() if snapshot.parent})


def known_let_go(catalog: TenantCatalog, manifests: Iterable[NamesLetGo]) -> set[str]:
    """Return the snapshots that retention removed: those that SQL marks, and those that these manifests name."""
    return catalog.snapshots.going().union(*(manifest.let_go for manifest in manifests))


@read_twice
def check_hash(store: BlobStore, blob: str, sha256: str, resource: str | None = None) -> None:
    """Raise Alarm if the blob is missing, or its SHA-256 differs. Needs no key."""
    sealed = store.get(blob)
    if sealed is None:
        raise Alarm(Code.BLOB_MISSING, f"The blob {blob} is missing.", blob, resource)
    if hashlib.sha256(sealed).hexdigest() != sha256:
        raise Alarm(Code.BLOB_DAMAGED, f"The blob {blob} is damaged.", blob, resource)


def misfit(
    tenant_id: str, snapshot: Snapshot, parent_sha256: str | None, hashes: Mapping[str, str], let_go: Set[str]
) -> Alarm | None:
    """Return an alarm if the snapshot's parent is missing or is not the one it builds on, otherwise None.

    ``hashes`` are the SHA-256 of all known sealed manifests, by snapshot id. ``let_go`` are snapshots that retention removed.
    """
    parent = snapshot.parent
    if parent is None or parent in let_go or hashes.get(parent) == parent_sha256:
        return None
    blob = manifest_blob(tenant_id, parent)
    if parent not in hashes:
        return Alarm(
            Code.BLOB_MISSING, f"The manifest {blob}, on which {snapshot.snapshot_id} builds, is missing.", blob
        )
    return Alarm(Code.BLOB_DAMAGED, f"The manifest {blob} is not the one on which {snapshot.snapshot_id} builds.", blob)
