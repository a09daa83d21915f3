"""The audit trail held against the bucket, which remembers how far it had come: so a changed database is noticed.

A head there is plain: it needs no key. It is never overwritten.
"""

from collections.abc import Callable, Iterator

import msgspec

from shared.domain.audit import Entry, Head, Verdict, encode_head, held_against, judged
from shared.domain.errors import Alarm, Code, Refuse
from shared.engine.context import Context
from shared.ports.audit import Audit
from shared.ports.blobs import BlobStore
from shared.ports.catalog import TenantCatalog
from shared.vault.names import head_blob, heads_prefix, last

_PAGE = 1000


def verify_audit(context: Context, tenant_id: str) -> Verdict:
    """The whole chain, held against itself and against every head in the bucket. Raises Alarm for a head that cannot be
    read, and what the store raises."""
    catalog = context.catalog.tenant(tenant_id)
    heads = [_head(context.store, tenant_id, number) for number in _numbers(context.store, tenant_id)]
    # Heads are read before the events: of these there may be more meanwhile, but never fewer.
    return judged(tenant_id, all_entries(catalog.audit), heads, catalog.audit.head())


def keep_head(context: Context, catalog: TenantCatalog) -> None:
    """Puts the chain's head into the bucket, if the chain fits what lies there.

    Only the newest head is looked at, which tells of all before it, and those that a rebuild stood behind. The trail is read
    once. Raises Refuse ``AUDIT_BROKEN``, Alarm for a head that cannot be read, and what the store raises.
    """
    store, tenant_id = context.store, catalog.tenant_id
    numbers = _numbers(store, tenant_id)

    def kept(number: int) -> Head | None:
        return _head(store, tenant_id, number) if number in numbers else None

    newest = kept(max(numbers, default=0))
    own = catalog.audit.head()
    verdict = judged(tenant_id, all_entries(catalog.audit), [newest] if newest else [], own, kept)
    head = refused_broken(verdict).head
    if head is None or (newest and newest.number == head.number):
        return  # nothing has happened since
    if not store.put_new(head_blob(tenant_id, head.number), encode_head(head)):
        # Another worker was first: it must be the same one.
        refused_broken(held_against(verdict, _head(store, tenant_id, head.number)))


def newest_head(store: BlobStore, tenant_id: str, broken: Callable[[Alarm], None]) -> Head | None:
    """The newest head in the bucket that can be read; ``broken`` is told of those that cannot."""
    for number in sorted(_numbers(store, tenant_id), reverse=True):
        try:
            return _head(store, tenant_id, number)
        except Alarm as alarm:
            broken(alarm)
    return None


def refused_broken(verdict: Verdict) -> Verdict:
    """The verdict, if all fits. Raises Refuse ``AUDIT_BROKEN`` naming the first event that does not."""
    fault = verdict.fault
    if fault is not None:
        sentence = (
            f"The audit trail was changed in the database or in the store: event {fault.number:,} {fault.reason}."
        )
        raise Refuse(Code.AUDIT_BROKEN, sentence)
    return verdict


def all_entries(audit: Audit) -> Iterator[Entry]:
    """Every event, in order."""
    page = audit.entries(limit=_PAGE)
    while page:
        yield from page
        page = audit.entries(page[-1].number, _PAGE)


def _numbers(store: BlobStore, tenant_id: str) -> set[int]:
    """The numbers of the events whose hashes lie in the bucket. What is named otherwise is none of ours."""
    names = map(last, store.names(heads_prefix(tenant_id)))
    return {int(name) for name in names if name.isascii() and name.isdecimal() and name == str(int(name))}


def _head(store: BlobStore, tenant_id: str, number: int) -> Head:
    blob = head_blob(tenant_id, number)
    text = store.get(blob)
    if text is None:
        raise Alarm(Code.BLOB_MISSING, f"The blob {blob} is missing.", blob)
    try:
        head = msgspec.json.decode(text, type=Head)
    except msgspec.DecodeError:
        head = None
    if head is None or (head.tenant_id, head.number) != (tenant_id, number):
        raise Alarm(Code.BLOB_DAMAGED, f"The blob {blob} is damaged.", blob)
    return head
