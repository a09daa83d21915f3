"""The audit trail compared with the heads of its chain in the bucket, so that a changed database is noticed.

A head is stored unencrypted, so it needs no key. It is never overwritten.
"""

import logging
from collections.abc import Callable, Container, Iterator
from contextlib import suppress

import msgspec

from shared.domain.audit import Head, encode_head
from shared.domain.audit_chain import Fault, Verdict, compare_with_head, ended_by, verify_chain
from shared.domain.errors import Alarm, Code, EntrakeepError, Refuse, Retry
from shared.engine.audit_reading import all_entries
from shared.engine.context import Context
from shared.ports.blobs import BlobStore
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.listing import Listing
from shared.vault.names import head_blob
from shared.vault.rereading import read_twice

log = logging.getLogger(__name__)

_MOST_EVENTS = 2**31 - 2**20
"""Highest number of a head. A higher one is forged, to use up the numbers of events."""
_SET_BACK = (
    "was anchored in the store, and its hash is no longer there: somebody has restored the store to an older state"
)


def verify_audit(context: Context, tenant_id: str, listing: Listing | None = None) -> Verdict:
    """Return the verdict on the whole chain, compared with itself and with every head in the bucket.

    ``listing`` collects the strays. Raises Alarm for a head that cannot be read, and what the store raises.
    """
    catalog, listing = context.catalog.tenant(tenant_id), listing or Listing(context.store, tenant_id)
    anchored = catalog.audit.position().anchored
    # Read order: heads first, then events. Events may be added in between, but never removed.
    heads = list(_read_heads(context.store, catalog, listing))
    verdict = verify_chain(tenant_id, all_entries(catalog.audit), heads, catalog.audit.head())
    return _check_anchor(ended_by(verdict, catalog.audit.head()), anchored, {head.number for head in heads})


def keep_head(context: Context, catalog: TenantCatalog, listing: Listing | None = None) -> None:
    """Store the chain's head in the bucket, if the chain matches the heads there. ``listing`` notes strays.

    Only the newest head is compared, because it covers all events before it, and each head that a rebuild continued from.
    The trail is read once. Raises Refuse ``AUDIT_BROKEN``, Alarm for a head that cannot be read, and what the store raises.
    """
    store, tenant_id = context.store, catalog.tenant_id
    listing = listing or Listing(store, tenant_id)
    anchored = catalog.audit.position().anchored
    numbers = listing.heads()

    def read_head(number: int) -> Head | None:
        return _read_head(store, tenant_id, number) if number in numbers else None

    newest = next(_read_heads(store, catalog, listing), None)
    verdict = verify_chain(
        tenant_id, all_entries(catalog.audit), [newest] if newest else [], catalog.audit.head(), read_head
    )
    _store_head(context, catalog, _check_anchor(ended_by(verdict, catalog.audit.head()), anchored, numbers))


def anchor(context: Context, catalog: TenantCatalog) -> None:
    """Store the chain's head in the bucket, after comparing only the events since the last stored head.

    That is one read and one write, however long the trail is. If no event was added, the store is not used. The sweep
    compares the whole trail. Raises as ``keep_head`` does.
    """
    position = catalog.audit.position()
    if position.newest == position.anchored == (position.head.number if position.head is not None else 0):
        return
    if not position.anchored:
        keep_head(context, catalog)
        return

    def read_head(number: int) -> Head | None:
        with suppress(Alarm):
            return _read_head(context.store, catalog.tenant_id, number)
        return None

    last = read_head(position.anchored)
    entries = all_entries(catalog.audit, position.anchored)
    verdict = verify_chain(catalog.tenant_id, entries, [], position.head, read_head, last)
    numbers = {position.anchored} if last is not None else set()
    _store_head(context, catalog, _check_anchor(ended_by(verdict, catalog.audit.head()), position.anchored, numbers))


def anchor_softly(context: Context, catalog: TenantCatalog) -> None:
    """Anchor the trail after a job. An error is logged and does not fail the job."""
    try:
        anchor(context, catalog)
    except EntrakeepError as error:
        level = logging.WARNING if isinstance(error, Retry) else logging.ERROR
        log.log(level, "audit trail not anchored: %s", error, extra={"tenant": catalog.tenant_id})


def _check_anchor(verdict: Verdict, anchored: int, numbers: Container[int]) -> Verdict:
    """Return the verdict, with a fault if the store lacks the head that SQL knows to be the newest.

    ``anchored`` is that head's number, 0 if there is none. ``numbers`` are those of the heads in the store.
    """
    if not anchored or anchored in numbers:
        return verdict
    return msgspec.structs.replace(verdict, fault=Fault(number=anchored, reason=_SET_BACK))


def _store_head(context: Context, catalog: TenantCatalog, verdict: Verdict) -> None:
    """Store the head of a chain that fits. Raises Refuse ``AUDIT_BROKEN`` if it does not."""
    head = refused_broken(verdict).head
    if head is None:
        return
    if not context.store.put_new(head_blob(catalog.tenant_id, head.number), encode_head(head)):
        # A concurrent worker has stored a head of this number. It must be the same one.
        refused_broken(compare_with_head(verdict, _read_head(context.store, catalog.tenant_id, head.number)))
    catalog.audit.note_anchored(head.number)


def keep_last_heads(context: Context, *chains: str) -> None:
    """Store the heads of these chains. Errors are logged, not raised, because the reported actions are done already."""
    for chain in chains:
        try:
            keep_head(context, context.catalog.tenant(chain))
        except EntrakeepError as error:
            log.warning("audit trail head not stored: %s", error, extra={"tenant": chain})


def newest_head(store: BlobStore, listing: Listing, tenant_id: str, broken: Callable[[Alarm], None]) -> Head | None:
    """Return the newest readable head in the bucket, or None. ``broken`` is called with an alarm for each unreadable one."""
    for number in sorted(listing.heads(), reverse=True):
        try:
            return _read_head(store, tenant_id, number)
        except Alarm as alarm:
            broken(alarm)
    return None


def refused_broken(verdict: Verdict) -> Verdict:
    """Return the verdict if it has no fault. Raise Refuse ``AUDIT_BROKEN`` naming the first faulty event otherwise."""
    fault = verdict.fault
    if fault is not None:
        sentence = (
            f"The audit trail was changed in the database or in the store: event {fault.number:,} {fault.reason}. Find out "
            "who may write to either; if one of the two was restored from an older copy, run 'entrakeep catalog rebuild'."
        )
        raise Refuse(Code.AUDIT_BROKEN, sentence)
    return verdict


def _read_heads(store: BlobStore, catalog: TenantCatalog, listing: Listing) -> Iterator[Head]:
    """Yield the heads in the bucket, newest first.

    An unreadable blob with a head's name is a stray if its number is beyond the end of the chain. Raises Alarm for any
    other head that cannot be read.
    """
    numbers = sorted(listing.heads(), reverse=True)
    own = catalog.audit.head()  # read after the listing, because a worker may add a head in between
    for number in numbers:
        try:
            yield _read_head(store, catalog.tenant_id, number)
        except Alarm as alarm:
            if own is not None and number <= own.number:
                raise
            listing.skip(alarm.blob)


@read_twice
def _read_head(store: BlobStore, tenant_id: str, number: int) -> Head:
    """Return the head with this number. Raise Alarm if it is missing or damaged."""
    blob = head_blob(tenant_id, number)
    text = store.get(blob)
    if text is None:
        raise Alarm(Code.BLOB_MISSING, f"The blob {blob} is missing.", blob)
    try:
        head = msgspec.json.decode(text, type=Head)
    except msgspec.DecodeError:
        head = None
    if head is None or (head.tenant_id, head.number) != (tenant_id, number) or number > _MOST_EVENTS:
        raise Alarm(Code.BLOB_DAMAGED, f"The blob {blob} is damaged.", blob)
    return head
