"""The chain of snapshots: each manifest names its parent and the parent's hash, so that a parent that is missing is noticed.

Retention breaks the chain on purpose, and says so first. A snapshot that it lets go is marked as going in SQL; every later
manifest names it in ``let_go`` as long as a snapshot builds on it; its own manifest is deleted only once a later one names
it. So the bucket alone tells a parent that was let go from one that was lost.
"""

import hashlib
from collections.abc import Iterable, Mapping, Set
from typing import Protocol

from shared.domain.errors import Alarm, Code
from shared.domain.model import Snapshot
from shared.ports.blobs import BlobStore
from shared.ports.catalog import TenantCatalog
from shared.vault.format import Manifest
from shared.vault.names import manifest_blob
from shared.vault.rereading import read_twice


class NamesLetGo(Protocol):
    """A manifest, or what is kept of one."""

    @property
    def let_go(self) -> list[str]: ...


def to_name(catalog: TenantCatalog, parent: Manifest | None) -> list[str]:
    """Return the snapshots that a new manifest names as let go: those on which a snapshot builds."""
    let_go = known_let_go(catalog, [parent] if parent is not None else [])
    if not let_go:
        return []
    return sorted(let_go & {snapshot.parent for snapshot in catalog.snapshots.all() if snapshot.parent})


def known_let_go(catalog: TenantCatalog, manifests: Iterable[NamesLetGo]) -> set[str]:
    """Return the snapshots that retention has let go, as SQL marks them and these manifests name them."""
    return catalog.snapshots.going().union(*(manifest.let_go for manifest in manifests))


@read_twice
def check_hash(store: BlobStore, blob: str, sha256: str, resource: str | None = None) -> None:
    """Raise Alarm if the blob is missing, or has another hash. Needs no key."""
    sealed = store.get(blob)
    if sealed is None:
        raise Alarm(Code.BLOB_MISSING, f"The blob {blob} is missing.", blob, resource)
    if hashlib.sha256(sealed).hexdigest() != sha256:
        raise Alarm(Code.BLOB_DAMAGED, f"The blob {blob} is damaged.", blob, resource)


def misfit(
    tenant_id: str, snapshot: Snapshot, parent_sha256: str | None, hashes: Mapping[str, str], let_go: Set[str]
) -> Alarm | None:
    """Return what is wrong with the snapshot's parent among the manifests of these ``hashes``, by snapshot, or None."""
    parent = snapshot.parent
    if parent is None or parent in let_go or hashes.get(parent) == parent_sha256:
        return None
    blob = manifest_blob(tenant_id, parent)
    if parent not in hashes:
        return Alarm(
            Code.BLOB_MISSING, f"The manifest {blob}, on which {snapshot.snapshot_id} builds, is missing.", blob
        )
    return Alarm(Code.BLOB_DAMAGED, f"The manifest {blob} is not the one on which {snapshot.snapshot_id} builds.", blob)
