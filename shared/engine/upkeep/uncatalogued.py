"""Key objects in the store that SQL does not know, separated by whether their KMS key is trusted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shared.domain.arns import is_key_arn
from shared.domain.errors import Alarm, Code
from shared.domain.model import WrappedKey
from shared.domain.trust import Untrusted
from shared.engine.keys.trust import Trust
from shared.ports.blobs import BlobStore
from shared.vault.keyring import read_key_object
from shared.vault.names import data_key_of, last, manifest_blob
from shared.vault.sealing import sealed_headers

KnownKeys = set[tuple[str, int]]
"""Ids and generations of data keys that SQL knows."""


@dataclass(frozen=True)
class LooseObjects:
    """Key objects that SQL does not know. A data key is listed once for each generation."""

    trusted: list[WrappedKey] = field(default_factory=list)
    """Those under a trusted KMS key."""
    untrusted: list[WrappedKey] = field(default_factory=list)
    """Those under an untrusted KMS key."""
    manifests: dict[str, set[str]] = field(default_factory=dict)
    """Ids of snapshots that need an untrusted KMS key, by its ARN."""

    def jobs_of_untrusted(self, known_jobs: Iterable[str]) -> set[str]:
        """Return the jobs that only untrusted key objects name."""
        named = {key.job_id for key in self.untrusted if key.job_id is not None}
        return named - {key.job_id for key in self.trusted} - set(known_jobs)

    def set_apart(self, store: BlobStore, tenant_id: str, known: KnownKeys, snapshots: Iterable[str]) -> set[str]:
        """Add the snapshots that an untrusted data key seals to ``manifests``. Return the others.

        ``snapshots`` are ids that SQL does not know. ``known`` are the data keys that SQL knows.
        """
        usable = {data_key_id for data_key_id, _ in known} | {key.data_key_id for key in self.trusted}
        arns = {key.data_key_id: key.arn for key in self.untrusted if key.data_key_id not in usable}
        others = set()
        for snapshot_id in snapshots:
            arn = arns.get(_sealing_key_id(store, manifest_blob(tenant_id, snapshot_id)) or "") if arns else None
            if arn is None:
                others.add(snapshot_id)
            else:
                self.manifests.setdefault(arn, set()).add(snapshot_id)
        return others

    def summary(self) -> list[Untrusted]:
        """Return the number of data keys and manifests under each untrusted KMS key, sorted by ARN."""
        under: dict[str, set[str]] = {}
        for key in self.untrusted:
            under.setdefault(key.arn, set()).add(key.data_key_id)
        return [
            Untrusted(arn=arn, data_keys=len(ids), manifests=len(self.manifests.get(arn, ())))
            for arn, ids in sorted(under.items())
        ]


def loose_objects(
    store: BlobStore, trust: Trust, names: Iterable[str], known: KnownKeys, broken: Callable[[Alarm], None]
) -> LooseObjects:
    """Return the tenant's key objects that SQL does not know.

    ``names`` are the names of all its key objects. ``broken`` is called with an alarm for each that cannot be used.
    """
    loose = LooseObjects()
    newest = dict(sorted(known))
    for blob in names:
        if newest.get(data_key_of(blob), 0) >= int(last(blob)):
            continue
        try:
            key = read_key_object(store, trust.tenant_id, blob)
            if key is None:
                continue
            if trust.trusts(key.arn):
                loose.trusted.append(key)
            elif is_key_arn(key.arn):
                loose.untrusted.append(key)
            else:
                raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} names no KMS key.", blob)
        except Alarm as alarm:
            broken(alarm)
    return loose


def _sealing_key_id(store: BlobStore, blob: str) -> str | None:
    """Return the id of the data key that the manifest names, or None if it names none."""
    sealed = store.get(blob)
    try:
        return None if sealed is None else sealed_headers(sealed, blob).data_key_id
    except Alarm:
        return None
