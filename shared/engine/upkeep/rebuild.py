"""Rebuild: restore what the catalog must know of every tenant from the bucket and KMS.

A rebuild adds what SQL does not have and removes nothing, so it also serves where SQL was restored from an older dump. It
restores tenants, data keys and snapshots, but not credentials, schedules and jobs. The audit trail continues after the newest
head in the bucket, with an event that says so.

A bucket names keys; it never decides which to trust. Objects under an untrusted KMS key are listed and left alone. The KMS
key of a tenant that SQL knows is never changed.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from shared.domain.audit import INSTALLATION
from shared.domain.errors import Alarm, Code, EntrakeepError, Refuse
from shared.domain.model import Tenant, WrappedKey
from shared.domain.restore.id_map import ID_MAP, MapEntry, entry_in
from shared.domain.trust import Untrusted
from shared.engine.audit import keep_last_heads, newest_head
from shared.engine.context import Context
from shared.engine.keys.trust import Trust, record_trust
from shared.engine.keys.uncatalogued import LooseKeys
from shared.engine.snapshots.chain import known_let_go, misfit
from shared.engine.upkeep.rebuild_choices import (
    StoredManifest,
    choose_manifests,
    needed_keys,
    reduce_manifest,
    under_current_key,
)
from shared.engine.upkeep.uncatalogued import LooseObjects, loose_objects
from shared.ports.catalog.upkeep import BucketContents, KnownBlobs
from shared.vault.listing import Listing, is_id
from shared.vault.manifests import opened_manifest
from shared.vault.names import certificate_blob, manifest_blob
from shared.vault.reader import BlobReader
from shared.vault.rereading import read_twice
from shared.vault.sealing import sealed_headers
from shared.vault.snapshot_reader import SnapshotReader

log = logging.getLogger(__name__)

_OWN_KEY_UNTRUSTED = (
    "Its newest manifest names the KMS key {arn}, which is not trusted. If it is this tenant's own, say so: 'entrakeep "
    "catalog rebuild --trust-key {arn}'."
)


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A blob that could not be used."""

    blob: str
    """The blob's name."""
    reason: Code
    """Why it could not be used."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a rebuild for one tenant of the bucket."""

    tenant_id: str
    """The tenant's id, as the bucket names it."""
    tenant: Tenant | None
    """The tenant, None if SQL still does not know it."""
    known: bool = False
    """Whether SQL knew the tenant before."""
    snapshots: int = 0
    """Number of snapshots restored."""
    data_keys: int = 0
    """Number of data keys restored."""
    broken: list[Broken] = []
    """Blobs that could not be used."""
    strays: list[str] = []
    """Names in the store that are not Entrakeep's; they were left alone."""
    untrusted: list[Untrusted] = []
    """Objects under untrusted KMS keys; they were left alone."""
    other_key: str | None = None
    """The KMS key that a trust record names where SQL names an older one. SQL counts."""
    trouble: EntrakeepError | None = None
    """Why nothing was restored, None if the rebuild went through."""


def stored_tenants(context: Context) -> list[str]:
    """Return the ids of the tenants that have objects in the bucket and were not shredded.

    Raises what the store raises.
    """
    tenant_ids = [folder for folder in context.store.folders("") if is_id(folder) and folder != INSTALLATION]
    return [tenant_id for tenant_id in tenant_ids if context.store.get(certificate_blob(tenant_id)) is None]


def rebuild_installation(context: Context) -> None:
    """Continue the installation's own audit chain after its newest head in the bucket, if SQL has fewer events.

    If somebody changed the head row in SQL, the chain continues after its newest event. Raises what the store and the
    catalog raise.
    """

    def log_skipped(alarm: Alarm) -> None:
        log.warning("skipped: %s", alarm, extra={"tenant": INSTALLATION, "blob": alarm.blob})

    chain = context.catalog.tenant(INSTALLATION).audit
    listing = Listing(context.store, INSTALLATION)
    head = newest_head(context.store, listing, INSTALLATION, log_skipped)
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
    """Restore a tenant in one transaction. If the restore itself fails, return its error as ``Rebuilt.trouble``.

    ``opened`` is called with the number of opened manifests after each one. ``trusted`` are KMS keys that the operator
    names. Raises Refuse ``CATALOG_UNREACHABLE`` and ``CATALOG_NEEDS_MIGRATION``.
    """
    rebuilding = _Rebuilding(context, tenant_id, opened, trusted)
    try:
        outcome = rebuilding.run()
    except EntrakeepError as error:
        return rebuilding.outcome(trouble=error)
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
        self._known: KnownBlobs = self._catalog.upkeep.known_blobs()
        self._broken: list[Broken] = []

    def outcome(self, **fields: Any) -> Rebuilt:
        """Return the outcome. ``fields`` are the fields that depend on how the rebuild ended."""
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

    def run(self) -> Rebuilt:
        """Restore the tenant and return the outcome."""
        keys_in_sql = self._catalog.keys.all()
        known, names = self._known.data_keys, self._listing.key_objects()
        self._loose = loose_objects(self._store, self._trust, names, known, self._note)
        wrapped_keys = {key.data_key_id: key for key in self._loose.trusted}
        manifests: list[StoredManifest] = []
        with LooseKeys(self._context, self._tenant, [*keys_in_sql, *self._loose.trusted], self._note) as opening:
            for manifest in self._manifests(opening):
                manifests.append(manifest)
                self._opened(len(manifests))
            chosen, others = choose_manifests(manifests, self._known)
            self._check_chain(chosen)
            needed = needed_keys(wrapped_keys.values(), keys_in_sql, chosen)
            usable = self._usable(opening, {each.data_key_id for each in needed})
            entries = self._id_map(opening, chosen)
        tenant = self._known.tenant or self._lost_tenant(chosen, [*keys_in_sql, *usable])
        if tenant is None:
            return self.outcome()
        restored = BucketContents(
            tenant=tenant,
            data_keys=usable,
            snapshots=[(each.snapshot, each.runs) for each in chosen],
            uncommitted={each.snapshot.snapshot_id: each.snapshot.job_id for each in others},
            jobs=self._job_ids(manifests, self._loose.trusted),
            trusted=self._trust.operator & {tenant.key_arn, *(key.arn for key in usable)},
            head=newest_head(self._store, self._listing, self._tenant, self._note),
            id_map=entries,
        )
        return self.outcome(
            tenant=self._catalog.upkeep.restore(restored),
            snapshots=len(chosen),
            data_keys=len({key.data_key_id for key in usable}),
            other_key=self._other_key(tenant),
        )

    def _usable(self, opening: LooseKeys, data_key_ids: set[str]) -> list[WrappedKey]:
        """Return the newest wrapping that opens of each of these data keys, without those that SQL knows."""
        wrappings = [opening.wrapping(data_key_id) for data_key_id in sorted(data_key_ids)]
        known = self._known.data_keys
        return [key for key in wrappings if key is not None and (key.data_key_id, key.generation) not in known]

    def _id_map(self, keys: LooseKeys, chosen: Iterable[StoredManifest]) -> list[MapEntry]:
        """Return the id map of the newest snapshot that has one. A damaged blob is noted, and an older one is read."""
        having = [each for each in chosen if each.id_map is not None]
        for each in sorted(having, key=lambda each: each.snapshot.created_at, reverse=True):
            blobs = BlobReader(self._store, keys.find, self._tenant, lambda: None)
            reader = SnapshotReader(blobs, [each.id_map] if each.id_map is not None else [])
            try:
                return [entry_in(*record) for record in reader.stored_records(ID_MAP)]
            except Alarm as alarm:
                self._note(alarm)
        return []

    def _lost_tenant(self, chosen: list[StoredManifest], keys: Iterable[WrappedKey]) -> Tenant | None:
        """Return a tenant that SQL does not know, under the KMS key that the trust record or the operator names.

        Raises Refuse ``KEY_UNTRUSTED`` if its newest manifest names a key that is not trusted.
        """
        newest = max((m for m in chosen if m.tenant), key=lambda m: m.snapshot.created_at, default=None)
        if newest is None or newest.tenant is None:
            return None
        tenant = under_current_key(newest.tenant, list(keys), self._trust.record, self._trust.operator)
        if not self._trust.trusts(tenant.key_arn):
            raise Refuse(Code.KEY_UNTRUSTED, _OWN_KEY_UNTRUSTED.format(arn=tenant.key_arn))
        return tenant

    def _other_key(self, tenant: Tenant) -> str | None:
        """Return the newer KMS key that a trust record names, or None. The operator must know; SQL is not changed."""
        record = self._trust.record if self._loose.trusted else None
        return record.key_arn if record is not None and record.key_epoch > tenant.key_epoch else None

    def _manifests(self, keys: LooseKeys) -> Iterator[StoredManifest]:
        """Yield the manifests that SQL does not know, opened.

        A manifest whose job ended without it was never committed, and is skipped.
        """
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
    def _manifest(self, keys: LooseKeys, snapshot_id: str) -> StoredManifest | None:
        """Return the manifest of the snapshot, or None if it does not exist any more. Raise Alarm if it cannot be opened."""
        blob = manifest_blob(self._tenant, snapshot_id)
        sealed = self._store.get(blob)
        if sealed is None:
            return None
        manifest = opened_manifest(keys.find, self._tenant, snapshot_id, sealed)
        return reduce_manifest(manifest, hashlib.sha256(sealed).hexdigest(), sealed_headers(sealed, blob).data_key_id)

    def _check_chain(self, chosen: Iterable[StoredManifest]) -> None:
        """Note each parent that is missing, or is not the one that its child was built upon."""
        hashes = {each.snapshot_id: each.manifest_sha256 for each in self._catalog.snapshots.all()}
        hashes |= {each.snapshot.snapshot_id: each.snapshot.manifest_sha256 for each in chosen}
        let_go = known_let_go(self._catalog, chosen)
        for each in chosen:
            alarm = misfit(self._tenant, each.snapshot, each.parent_sha256, hashes, let_go)
            if alarm is not None:
                self._note(alarm)

    def _job_ids(self, manifests: Iterable[StoredManifest], keys: Iterable[WrappedKey]) -> set[str]:
        """Return the jobs that have chunks in the bucket, or that a manifest or a trusted data key names.

        A job that only untrusted key objects name is left out.
        """
        stored = self._listing.jobs()
        named = {each.snapshot.job_id for each in manifests} | {key.job_id for key in keys if key.job_id}
        return stored - self._loose.jobs_of_untrusted(self._known.jobs | named) | named

    def _note(self, alarm: Alarm) -> None:
        """Log a blob that cannot be used, and list it once in the outcome."""
        log.warning("skipped: %s", alarm, extra={"tenant": self._tenant, "blob": alarm.blob})
        if alarm.blob not in {each.blob for each in self._broken}:
            self._broken.append(Broken(blob=alarm.blob, reason=alarm.code))
