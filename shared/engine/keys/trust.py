"""The trust rule: whether a KMS key may wrap a tenant's data keys. Rebuild, sweep, key change and verify all use it.

A bucket names keys; it never decides which to trust.
"""

import logging
from collections.abc import Iterator
from functools import cached_property

import msgspec

from shared.domain.audit import Event, event_of
from shared.domain.audit_chain import verify_chain
from shared.domain.errors import EntrakeepError, Refuse
from shared.domain.trust import arns_in_use
from shared.engine.audit import newest_head
from shared.engine.audit_reading import all_entries
from shared.engine.context import Context
from shared.engine.keys.retrying import retry_kms
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.listing import Listing
from shared.vault.trust_record import TrustRecord, newest_record, store_record

log = logging.getLogger(__name__)


class Trust:
    """The KMS keys that are trusted for one tenant.

    - The provider key.
    - The keys that SQL names.
    - The keys that the operator names.
    - The keys that the trust record or the anchored part of the audit trail names.

    Trust record and audit trail are read only if no other source names a key.
    """

    def __init__(self, context: Context, catalog: TenantCatalog, operator: frozenset[str] = frozenset()) -> None:
        """Trust the keys with the ARNs in ``operator`` beside the others."""
        self._context = context
        self._catalog = catalog
        self.tenant_id = catalog.tenant_id
        self.operator = operator

    def trusts(self, arn: str) -> bool:
        """Return whether the KMS key is trusted. Raises Retry of the key service and the store."""
        return arn in self._named or arn in self._proved

    @cached_property
    def record(self) -> TrustRecord | None:
        """Return the newest trust record that the provider key proves to be authentic, or None."""
        context = self._context
        try:
            return retry_kms(
                lambda: newest_record(
                    context.keys,
                    context.store,
                    self.tenant_id,
                    frozenset({context.provider_key}),
                    self._ignore,
                ),
                context.deadline(context.lease_seconds),
            )
        except Refuse as refusal:  # without the provider key no record can be proved
            self._ignore(refusal)
            return None

    @cached_property
    def _named(self) -> frozenset[str]:
        """Return the trusted ARNs that are known without reading the store."""
        return frozenset({self._context.provider_key}) | self.operator | self._catalog.keys.arns()

    @cached_property
    def _proved(self) -> frozenset[str]:
        """Return the ARNs in the trust record and in the anchored audit events."""
        record = frozenset(self.record.arns) if self.record is not None else frozenset()
        return record | arns_in_use(_anchored_events(self._context, self._catalog))

    def _ignore(self, error: EntrakeepError) -> None:
        """Log that a trust record cannot be used."""
        log.warning("trust record ignored: %s", error, extra={"tenant": self.tenant_id})


def record_trust(context: Context, catalog: TenantCatalog) -> None:
    """Store a trust record, if the newest one differs from SQL.

    A tenant whose data keys are all under the provider key needs none. An error is logged only, because no operation of the
    tenant needs the provider key. The next sweep tries again.
    """
    try:
        _record_trust(context, catalog)
    except EntrakeepError as error:
        log.warning("trust record not stored: %s", error, extra={"tenant": catalog.tenant_id})


def _record_trust(context: Context, catalog: TenantCatalog) -> None:
    """Store a trust record as ``record_trust`` does, and raise what the key service and the store raise."""
    tenant, arns = catalog.tenant(), sorted(catalog.keys.arns())
    numbers = Listing(context.store, catalog.tenant_id).trust_records()
    if arns == [context.provider_key] and not numbers:
        return
    newest = Trust(context, catalog).record
    record = TrustRecord(
        tenant=catalog.tenant_id,
        number=max(numbers, default=0) + 1,
        made_at=context.clock.now().isoformat(),
        arns=arns,
        key_mode=tenant.key_mode,
        key_arn=tenant.key_arn,
        key_epoch=tenant.key_epoch,
    )
    if newest is None or msgspec.structs.replace(record, number=newest.number, made_at=newest.made_at) != newest:
        store_record(context.keys, context.store, context.provider_key, record)


def _anchored_events(context: Context, catalog: TenantCatalog) -> Iterator[Event]:
    """Yield the events up to the newest head in the store; none if the trail does not match that head."""
    entries = list(all_entries(catalog.audit))
    listing = Listing(context.store, catalog.tenant_id)
    head = newest_head(context.store, listing, catalog.tenant_id, lambda _: None) if entries else None
    if head is None:
        return
    verdict = verify_chain(catalog.tenant_id, entries, [head], catalog.audit.head())
    if verdict.fault is None:
        yield from (event_of(entry) for entry in entries if entry.number <= head.number)
