"""Rebuild: what the catalog must know of every tenant, brought back from the bucket and KMS.

It adds what SQL does not have and takes nothing away, so it serves as well where SQL was put back from an older dump. It
brings back tenants, data keys and snapshots; not credentials, schedules and jobs. The audit trail goes on behind the newest
head in the bucket, with an event that says so.

A bucket names keys; it never decides which to trust. What is under a KMS key that is not trusted is listed and left alone,
and the KMS key of a tenant that SQL knows is never changed.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from shared.domain.audit import INSTALLATION
from shared.domain.errors import Alarm, Code, EntrakeepError, Refuse
from shared.domain.model import KeyMode, RunRef, Snapshot, Tenant, WrappedKey
from shared.domain.trust import Untrusted
from shared.engine.audit import keep_last_heads, newest_head
from shared.engine.backup.trail import run_ref
from shared.engine.chain import known_let_go, misfit
from shared.engine.context import Context
from shared.engine.loose_keys import LooseKeys
from shared.engine.loose_objects import LooseObjects, loose_objects
from shared.engine.opening import snapshot_of
from shared.engine.trust import Trust, record_trust
from shared.ports.upkeep import Found, Known
from shared.vault.format import Manifest
from shared.vault.listing import Listing, is_id
from shared.vault.manifests import opened_manifest
from shared.vault.names import certificate_blob, manifest_blob
from shared.vault.rereading import read_twice
from shared.vault.sealing import sealed_headers

log = logging.getLogger(__name__)

_OWN_KEY_UNTRUSTED = (
    "Its newest manifest names the KMS key {arn}, which is not trusted. If it is this tenant's own, say so: 'entrakeep "
    "catalog rebuild --trust-key {arn}'."
)


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A blob that could not be used, and why: a code."""

    blob: str
    reason: Code


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one tenant of the bucket: ``snapshots`` and ``data_keys`` brought back, or why nothing was.

    ``tenant`` is None where SQL still does not know it. ``known``: SQL knew it before. ``strays`` are names in the store that
    are not Entrakeep's, ``untrusted`` is what KMS keys wrap that are not trusted: both were left alone. ``other_key`` is the
    KMS key that a trust record names where SQL, which counts, names an older one.
    """

    tenant_id: str
    tenant: Tenant | None
    known: bool = False
    snapshots: int = 0
    data_keys: int = 0
    broken: list[Broken] = []
    strays: list[str] = []
    untrusted: list[Untrusted] = []
    other_key: str | None = None
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
    found = [folder for folder in context.store.folders("") if is_id(folder) and folder != INSTALLATION]
    return [tenant_id for tenant_id in found if context.store.get(certificate_blob(tenant_id)) is None]


def rebuild_installation(context: Context) -> None:
    """Let the installation's own audit chain go on behind its newest head in the bucket, if SQL has not come so far, or
    behind its newest event, if somebody has changed the head beside it.

    Raises what the store and the catalog raise.
    """

    def note(alarm: Alarm) -> None:
        log.warning("left out: %s", alarm, extra={"tenant": INSTALLATION, "blob": alarm.blob})

    chain = context.catalog.tenant(INSTALLATION).audit
    listing = Listing(context.store, INSTALLATION)
    head = newest_head(context.store, listing, INSTALLATION, note)
    position = chain.position()
    changed = position.newest != (position.head.number if position.head is not None else 0)
    if changed or (head is not None and position.newest < head.number):
        chain.resume(head)
        keep_last_heads(context, INSTALLATION)


def rebuild(
    context: Context,
    tenant_id: str,
    opened: Callable[[int], None] = lambda _: None,
    trusted: frozenset[str] = frozenset(),
) -> Rebuilt:
    """Brings a tenant back, in one transaction; what keeps it back is told in what is returned.

    ``opened`` is told how many manifests have been opened, whenever there is one more. ``trusted`` are KMS keys that the
    operator names. Raises Refuse ``CATALOG_UNREACHABLE`` and ``CATALOG_NEEDS_MIGRATION``.
    """
    work = _Rebuilding(context, tenant_id, opened, trusted)
    try:
        outcome = work.rebuilt()
    except EntrakeepError as error:
        return work.outcome(trouble=error)
    if outcome.tenant is not None:
        context.catalog.tenant(tenant_id).upkeep.note_untrusted(outcome.untrusted)
        record_trust(context, context.catalog.tenant(tenant_id))
    return outcome


class _Rebuilding:
    """The rebuild of one tenant."""

    def __init__(
        self, context: Context, tenant_id: str, opened: Callable[[int], None], trusted: frozenset[str]
    ) -> None:
        self._store = context.store
        self._listing = Listing(context.store, tenant_id)
        self._context = context
        self._tenant = tenant_id
        self._opened = opened
        self._catalog = context.catalog.tenant(tenant_id)
        self._trust = Trust(context, self._catalog, trusted)
        self._loose = LooseObjects()
        self._known: Known = self._catalog.upkeep.known()
        self._broken: list[Broken] = []

    def outcome(self, **fields: Any) -> Rebuilt:
        """Return what came of it; ``fields`` are those that are not the same whatever happened."""
        known = self._known.tenant
        tenant: Tenant | None = fields.pop("tenant", known)
        return Rebuilt(
            tenant_id=self._tenant,
            tenant=tenant,
            known=known is not None,
            broken=self._broken,
            strays=self._listing.report(),
            untrusted=self._loose.summary(),
            **fields,
        )

    def rebuilt(self) -> Rebuilt:
        told = self._catalog.keys.all()
        known, names = self._known.data_keys, self._listing.key_objects()
        self._loose = loose_objects(self._store, self._trust, names, known, self._note)
        loose = {key.data_key_id: key for key in self._loose.trusted}
        manifests: list[_Manifest] = []
        with LooseKeys(self._context, self._tenant, [*told, *self._loose.trusted], self._note) as opening:
            for manifest in self._manifests(opening):
                manifests.append(manifest)
                self._opened(len(manifests))
            chosen, others = _choose(manifests, self._known)
            self._check_chain(chosen)
            needed = _needed(loose.values(), told, chosen)
            usable = self._usable(opening, {each.data_key_id for each in needed})
        tenant = self._known.tenant or self._lost_tenant(chosen, [*told, *usable])
        if tenant is None:
            return self.outcome()
        found = Found(
            tenant=tenant,
            data_keys=usable,
            snapshots=[(each.snapshot, each.runs) for each in chosen],
            uncommitted={each.snapshot.snapshot_id: each.snapshot.job_id for each in others},
            jobs=self._jobs(manifests, self._loose.trusted),
            trusted=self._trust.operator & {tenant.key_arn, *(key.arn for key in usable)},
            head=newest_head(self._store, self._listing, self._tenant, self._note),
        )
        return self.outcome(
            tenant=self._catalog.upkeep.bring_back(found),
            snapshots=len(chosen),
            data_keys=len({key.data_key_id for key in usable}),
            other_key=self._other_key(tenant),
        )

    def _usable(self, opening: LooseKeys, data_key_ids: set[str]) -> list[WrappedKey]:
        """Return the wrappings of these data keys that open and that SQL does not know."""
        wrappings = [opening.wrapping(data_key_id) for data_key_id in sorted(data_key_ids)]
        known = self._known.data_keys
        return [key for key in wrappings if key is not None and (key.data_key_id, key.generation) not in known]

    def _lost_tenant(self, chosen: list[_Manifest], keys: Iterable[WrappedKey]) -> Tenant | None:
        """Return a tenant that SQL does not know, under the KMS key that the trust record or the operator names.

        Raises Refuse ``KEY_UNTRUSTED`` if its newest manifest names a key that is not trusted.
        """
        newest = max((m for m in chosen if m.tenant), key=lambda m: m.snapshot.created_at, default=None)
        if newest is None or newest.tenant is None:
            return None
        tenant = _under_its_key(newest.tenant, list(keys), self._trust)
        if not self._trust.trusts(tenant.key_arn):
            raise Refuse(Code.KEY_UNTRUSTED, _OWN_KEY_UNTRUSTED.format(arn=tenant.key_arn))
        return tenant

    def _other_key(self, tenant: Tenant) -> str | None:
        """SQL never has its KMS key changed here; a newer one, named by a trust record, is for the operator to know."""
        record = self._trust.record if self._loose.trusted else None
        return record.key_arn if record is not None and record.key_epoch > tenant.key_epoch else None

    def _manifests(self, keys: LooseKeys) -> Iterator[_Manifest]:
        """Those that SQL does not know, opened. One whose job ended without it was never committed."""
        known = self._known
        unknown = [
            snapshot_id
            for snapshot_id in self._listing.manifests()
            if snapshot_id not in known.snapshots and known.attempts.get(snapshot_id) not in known.ended
        ]
        for snapshot_id in sorted(self._loose.set_apart(self._store, self._tenant, known.data_keys, unknown)):
            try:
                manifest = self._manifest(keys, snapshot_id)
            except Alarm as alarm:
                self._note(alarm)
                continue
            if manifest is not None:
                yield manifest

    @read_twice
    def _manifest(self, keys: LooseKeys, snapshot_id: str) -> _Manifest | None:
        """Return the manifest of the snapshot, or None if it does not exist any more. Raise Alarm if it cannot be opened."""
        blob = manifest_blob(self._tenant, snapshot_id)
        sealed = self._store.get(blob)
        if sealed is None:
            return None
        manifest = opened_manifest(keys.find, self._tenant, snapshot_id, sealed)
        return _reduced(manifest, hashlib.sha256(sealed).hexdigest(), sealed_headers(sealed, blob).data_key_id)

    def _check_chain(self, chosen: Iterable[_Manifest]) -> None:
        """Note the parents that are missing, or are not the ones that were built upon."""
        hashes = {each.snapshot_id: each.manifest_sha256 for each in self._catalog.snapshots.all()}
        hashes |= {each.snapshot.snapshot_id: each.snapshot.manifest_sha256 for each in chosen}
        let_go = known_let_go(self._catalog, chosen)
        for each in chosen:
            alarm = misfit(self._tenant, each.snapshot, each.parent_sha256, hashes, let_go)
            if alarm is not None:
                self._note(alarm)

    def _jobs(self, manifests: Iterable[_Manifest], keys: Iterable[WrappedKey]) -> set[str]:
        stored = self._listing.jobs()
        named = {each.snapshot.job_id for each in manifests} | {key.job_id for key in keys if key.job_id}
        return stored - self._loose.jobs_of_untrusted(self._known.jobs | named) | named

    def _note(self, alarm: Alarm) -> None:
        log.warning("left out: %s", alarm, extra={"tenant": self._tenant, "blob": alarm.blob})
        if alarm.blob not in {each.blob for each in self._broken}:
            self._broken.append(Broken(blob=alarm.blob, reason=alarm.code))


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

    The one that SQL has counts, or else the one that a later snapshot names as its parent, or else the newest. None counts
    of a job that was swept: it was removed then, and somebody put it back.
    """
    parents = known.parents | {each.snapshot.parent for each in manifests if each.snapshot.parent}
    committed = set(known.snapshots.values())
    of_jobs: dict[str, list[_Manifest]] = {}
    for each in manifests:
        of_jobs.setdefault(each.snapshot.job_id, []).append(each)
    chosen = [
        max(group, key=lambda each: (each.snapshot.snapshot_id in parents, each.snapshot.created_at))
        for job_id, group in of_jobs.items()
        if job_id not in committed | known.swept
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


def _under_its_key(tenant: Tenant, keys: list[WrappedKey], trust: Trust) -> Tenant:
    """Return the tenant under its present KMS key, which may have changed after its newest manifest was written.

    The trust record names it; without one, the key that the operator names counts, if any data key is under it.
    """
    record = trust.record
    if record is not None:
        mode, arn, epoch = record.key_mode, record.key_arn, record.key_epoch
        return msgspec.structs.replace(tenant, key_mode=mode, key_arn=arn, key_epoch=epoch)
    named = [key for key in keys if key.arn in trust.operator]
    newest = max(named or keys, key=lambda key: key.key_epoch, default=None)
    if newest is None or newest.arn == tenant.key_arn or newest.key_epoch <= tenant.key_epoch:
        return tenant
    return msgspec.structs.replace(tenant, key_mode=KeyMode.CUSTOMER, key_arn=newest.arn, key_epoch=newest.key_epoch)
