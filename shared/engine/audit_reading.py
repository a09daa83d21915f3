"""The audit trail as SQL has it: read, exported, and verified without the store and without keys."""

from collections.abc import Iterator

import msgspec

from shared.domain.audit import Action, Entry, Head, event_of, exported
from shared.domain.audit_chain import Fault, Verdict, ended_by, verify_chain
from shared.domain.errors import Refuse
from shared.ports.catalog.audit import Audit

_PAGE = 1000
"""Number of events read at a time."""
_ANCHORED = "is missing, although its hash is in the store"


def all_entries(audit: Audit, after: int = 0) -> Iterator[Entry]:
    """Yield every event with a number above ``after``, in order."""
    for page in _pages(audit, after):
        yield from page


def exported_pages(audit: Audit) -> Iterator[bytes]:
    """Yield the lines of ``audit export``, many at a time. Raise Refuse ``AUDIT_BROKEN`` at an entry that is not an event."""
    for page in _pages(audit, 0):
        yield "".join(f"{exported(entry)}\n" for entry in page).encode()


def verify_in_catalog(audit: Audit, tenant_id: str) -> Verdict:
    """Return the verdict on the whole chain, compared with itself and with what SQL knows of the store.

    The heads in the store are not read. A chain that was written anew as a whole fits, and what a rebuild reports as lost
    is believed.
    """
    anchored = audit.position().anchored
    claims: dict[int, Head] = {}
    verdict = verify_chain(tenant_id, _with_claims(audit, claims), [], audit.head(), claims.get)
    verdict = ended_by(verdict, audit.head())
    last = verdict.head.number if verdict.head is not None else 0
    if verdict.fault is None and last < anchored:
        return msgspec.structs.replace(verdict, fault=Fault(number=last + 1, reason=_ANCHORED))
    return verdict


def _with_claims(audit: Audit, claims: dict[int, Head]) -> Iterator[Entry]:
    """Yield every event. Put the heads that the event of a rebuild names into ``claims``, by number, before it is yielded."""
    for entry in all_entries(audit):
        try:
            event = event_of(entry)
        except Refuse:
            pass
        else:
            if event.action == Action.CATALOG_REBUILT:
                number = event.number - 1
                claims[number] = Head(tenant_id=event.tenant_id, number=number, at=event.at, hash=event.previous)
        yield entry


def _pages(audit: Audit, after: int) -> Iterator[list[Entry]]:
    """Yield the events above a number, page by page."""
    page = audit.entries(after, _PAGE)
    while page:
        yield page
        page = audit.entries(page[-1].number, _PAGE)
