"""Rebuild: what the catalog must know of every tenant, brought back from the bucket and KMS.

It adds what SQL does not have and takes nothing away, so it serves as well where SQL was put back from an older dump. It
brings back tenants, data keys and snapshots; not credentials, schedules and jobs. The audit trail goes on behind the newest
head in the bucket, with an event that says so.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator

import msgspec

from shared.domain.errors import Alarm, Code, EntrakeepError
from shared.domain.model import KeyMode, RunRef, Snapshot, Tenant, WrappedKey
from shared.engine.audit import newest_head
from shared.engine.backup.trail import run_ref
from shared.engine.chain import known_let_go, misfit
from shared.engine.context import Context
from shared.engine.loose_keys import LooseKeys
from shared.engine.opening import snapshot_of
from shared.ports.upkeep import Found, Known
from shared.vault.format import Manifest
from shared.vault.keyring import decode_key_object
from shared.vault.listing import Listing, is_id
from shared.vault.manifests import opened_manifest
from shared.vault.names import certificate_blob, data_key_of, last, manifest_blob
from shared.vault.sealing import sealed_headers

log = logging.getLogger(__name__)


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A blob that could not be used, and why: a code."""

    blob: str
    reason: Code


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one tenant of the bucket: ``snapshots`` and ``data_keys`` brought back, or why nothing was.

    ``tenant`` is None where SQL still does not know it. ``known``: SQL knew it before. ``strays`` are names in the store that
    are not Entrakeep's.
    """

    tenant_id: str
    tenant: Tenant | None
    known: bool = False
    snapshots: int = 0
    data_keys: int = 0
    broken: list[Broken] = []
    strays: list[str] = []
    trouble: EntrakeepError | None = None


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest that SQL does not know, reduced to what SQL keeps of it and to its place in the chain."""

    snapshot: Snapshot
    runs: list[RunRef]
    tenant: Tenant | None
    parent_sha256: str | None
    let_go: list[str]


def stored_tenants(context: Context) -> list[str]:
    """The ids of tenants of whom anything lies in the bucket that was not shredded. Raises what the store raises."""
    found = filter(is_id, context.store.folders(""))
    return [tenant_id for tenant_id in found if context.store.get(certificate_blob(tenant_id)) is None]


def rebuild(context: Context, tenant_id: str, opened: Callable[[int], None] = lambda _: None) -> Rebuilt:
    """Brings a tenant back, in one transaction; what keeps it back is told in what is returned.

    ``opened`` is told how many manifests have been opened, whenever there is one more. Raises Refuse
    ``CATALOG_UNREACHABLE`` and ``CATALOG_NEEDS_MIGRATION``.
    """
    work = _Rebuilding(context, tenant_id, opened)
    try:
        outcome = work.rebuilt()
    except EntrakeepError as error:
        outcome = Rebuilt(tenant_id=tenant_id, tenant=work.known.tenant, trouble=error)
    return msgspec.structs.replace(outcome, broken=work.broken, strays=work.listing.report())


class _Rebuilding:
    """The rebuild of one tenant."""

    def __init__(self, context: Context, tenant_id: str, opened: Callable[[int], None]) -> None:
        self._store = context.store
        self.listing = Listing(context.store, tenant_id)
        self._context = context
        self._tenant = tenant_id
        self._opened = opened
        self._catalog = context.catalog.tenant(tenant_id)
        self.known: Known = self._catalog.upkeep.known()
        self.broken: list[Broken] = []

    def rebuilt(self) -> Rebuilt:
        told = self._catalog.keys.all()
        keys = {key.data_key_id: key for key in told}
        loose = list(self._key_objects())
        for key in sorted(loose, key=lambda key: key.generation):
            if key.data_key_id not in keys or keys[key.data_key_id].generation < key.generation:
                keys[key.data_key_id] = key
        manifests: list[_Manifest] = []
        with LooseKeys(self._context, self._tenant, keys) as opening:
            for manifest in self._manifests(opening):
                manifests.append(manifest)
                self._opened(len(manifests))
        chosen, others = _choose(manifests, self.known)
        self._check_chain(chosen)
        newest = max((m for m in chosen if m.tenant), key=lambda m: m.snapshot.created_at, default=None)
        tenant = newest.tenant if newest else self.known.tenant
        if tenant is None:
            return Rebuilt(tenant_id=self._tenant, tenant=None)
        needed = _needed(loose, told, chosen)
        found = Found(
            tenant=_under_its_newest_key(tenant, keys.values()),
            data_keys=needed,
            snapshots=[(each.snapshot, each.runs) for each in chosen],
            uncommitted={each.snapshot.snapshot_id: each.snapshot.job_id for each in others},
            jobs=self._jobs(manifests, loose),
            head=newest_head(self._store, self.listing, self._tenant, self._note),
        )
        return Rebuilt(
            tenant_id=self._tenant,
            tenant=self._catalog.upkeep.bring_back(found),
            known=self.known.tenant is not None,
            snapshots=len(chosen),
            data_keys=len({key.data_key_id for key in needed}),
        )

    def _key_objects(self) -> Iterator[WrappedKey]:
        """Those that SQL does not know."""
        for blob in self.listing.key_objects():
            text = None if self._knows_key(blob) else self._store.get(blob)
            if text is not None:
                try:
                    yield decode_key_object(text, self._tenant, blob)
                except Alarm as alarm:
                    self._note(alarm)

    def _knows_key(self, blob: str) -> bool:
        return (data_key_of(blob), int(last(blob))) in self.known.data_keys

    def _manifests(self, keys: LooseKeys) -> Iterator[_Manifest]:
        """Those that SQL does not know, opened. One whose job ended without it was never committed."""
        known = self.known
        for snapshot_id in self.listing.manifests():
            if snapshot_id in known.snapshots or known.attempts.get(snapshot_id) in known.ended:
                continue
            blob = manifest_blob(self._tenant, snapshot_id)
            sealed = self._store.get(blob)
            if sealed is None:
                continue
            try:
                manifest = opened_manifest(keys.find, self._tenant, snapshot_id, sealed)
                data_key_id = sealed_headers(sealed, blob).data_key_id
            except Alarm as alarm:
                self._note(alarm)
                continue
            yield _reduced(manifest, hashlib.sha256(sealed).hexdigest(), data_key_id)

    def _check_chain(self, chosen: Iterable[_Manifest]) -> None:
        """Note the parents that are missing, or are not the ones that were built upon."""
        hashes = {each.snapshot_id: each.manifest_sha256 for each in self._catalog.snapshots.all()}
        hashes |= {each.snapshot.snapshot_id: each.snapshot.manifest_sha256 for each in chosen}
        let_go = known_let_go(self._catalog, chosen)
        named = {each.blob for each in self.broken}
        for each in chosen:
            alarm = misfit(self._tenant, each.snapshot, each.parent_sha256, hashes, let_go)
            if alarm is not None and alarm.blob not in named:
                self._note(alarm)

    def _jobs(self, manifests: Iterable[_Manifest], keys: Iterable[WrappedKey]) -> set[str]:
        return (
            self.listing.jobs()
            | {each.snapshot.job_id for each in manifests}
            | {key.job_id for key in keys if key.job_id}
        )

    def _note(self, alarm: Alarm) -> None:
        log.warning("left out: %s", alarm, extra={"tenant": self._tenant, "blob": alarm.blob})
        self.broken.append(Broken(blob=alarm.blob, reason=alarm.code))


def _reduced(manifest: Manifest, sha256: str, data_key_id: str) -> _Manifest:
    return _Manifest(
        snapshot=snapshot_of(manifest, sha256, data_key_id),
        runs=[run_ref(run) for state in manifest.streams for run in state.runs],
        tenant=manifest.tenant,
        parent_sha256=manifest.parent_sha256,
        let_go=manifest.let_go,
    )


def _choose(manifests: list[_Manifest], known: Known) -> tuple[list[_Manifest], list[_Manifest]]:
    """Of several manifests of one job the one that counts, and the others.

    The one that SQL has counts, or else the one that a later snapshot names as its parent, or else the newest.
    """
    parents = known.parents | {each.snapshot.parent for each in manifests if each.snapshot.parent}
    committed = set(known.snapshots.values())
    of_jobs: dict[str, list[_Manifest]] = {}
    for each in manifests:
        of_jobs.setdefault(each.snapshot.job_id, []).append(each)
    chosen = [
        max(group, key=lambda each: (each.snapshot.snapshot_id in parents, each.snapshot.created_at))
        for job_id, group in of_jobs.items()
        if job_id not in committed
    ]
    counting = {each.snapshot.snapshot_id for each in chosen}
    return chosen, [each for each in manifests if each.snapshot.snapshot_id not in counting]


def _needed(keys: Iterable[WrappedKey], told: Iterable[WrappedKey], chosen: list[_Manifest]) -> list[WrappedKey]:
    """Data keys of jobs that wrote anything of these snapshots, and of none, as that of the credentials is.

    Of several that were born for one job, its own is the one that SQL was told, or that sealed its manifest.
    """
    own = {key.job_id: key.data_key_id for key in told if key.job_id is not None}
    own |= {each.snapshot.job_id: each.snapshot.data_key_id for each in chosen}
    jobs = {run.job_id for each in chosen for run in each.runs} | {each.snapshot.job_id for each in chosen}
    return [
        key
        for key in keys
        if key.job_id is None or (key.job_id in jobs and own.get(key.job_id, key.data_key_id) == key.data_key_id)
    ]


def _under_its_newest_key(tenant: Tenant, keys: Iterable[WrappedKey]) -> Tenant:
    """The tenant as its data keys show it: its KMS key may have changed after the newest manifest was written."""
    newest = max(keys, key=lambda key: key.key_epoch, default=None)
    if newest is None or newest.key_epoch <= tenant.key_epoch:
        return tenant
    return msgspec.structs.replace(tenant, key_mode=KeyMode.CUSTOMER, key_arn=newest.arn, key_epoch=newest.key_epoch)
