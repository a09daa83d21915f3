"""Verification of a chain of events: against itself, against the head beside it, and against heads stored elsewhere."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from shared.domain.audit import NOTHING_BEFORE, Action, Entry, Event, Head, event_of, hash_of, head_of
from shared.domain.errors import Refuse

FindHead = Callable[[int], Head | None]
"""Returns the head with this number that was stored elsewhere, or None if there is none."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """The first event that does not fit."""

    number: int
    reason: str
    """Why it does not fit, as a predicate: "is missing"."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of verifying a chain."""

    events: int
    """The number of events that fit."""
    heads: int
    """The number of heads stored elsewhere that were given."""
    head: Head | None
    """The head of the last event that fits."""
    lost: list[tuple[int, int]]
    """Numbers, first and last, of anchored events that a rebuild reported as lost."""
    fault: Fault | None


_UNREADABLE = "cannot be read"
_CHANGED = "is not what it was when its hash was made"
_ELSEWHERE = "is in the place of another event"
_NOT_NEXT = "does not follow the one before it"
_OTHER = "is not the one whose hash is in the store"
_NOT_THE_HEAD = "is not the one that the head of the trail names"
_BEYOND = "was added behind the head of the trail, and not by the catalog"
_MISSING = "is missing"


def verify_chain(
    tenant_id: str,
    entries: Iterable[Entry],
    heads: Iterable[Head],
    own: Head | None = None,
    further: FindHead = lambda _: None,
    after: Head | None = None,
) -> Verdict:
    """Compare a chain, in order, with itself and with heads stored elsewhere. Stop at the first fault.

    ``own`` is the head stored beside the chain. ``further`` finds more heads stored elsewhere. If ``after`` is given,
    the entries follow this head.

    A rebuilt catalog lacks events. Only the event of a rebuild may leave a gap, and it must follow the head that it
    names. Events that were added to an older copy of the catalog, before it was rebuilt, differ from stored heads. The
    rebuild explains those up to the head that it names, and they count as lost.
    """
    judging = _Judging(tenant_id, {head.number: head.hash for head in heads}, own, further, after)
    for entry in entries:
        if not judging.fits(entry):
            break
    return judging.verdict()


def compare_with_head(verdict: Verdict, head: Head) -> Verdict:
    """Return the verdict after comparing the chain's last event with a head of it that was stored elsewhere."""
    if verdict.head is None or verdict.head.hash == head.hash:
        return verdict
    return msgspec.structs.replace(verdict, fault=Fault(number=verdict.head.number, reason=_OTHER))


def ended_by(verdict: Verdict, own: Head | None) -> Verdict:
    """Return the verdict after comparing the chain with its own head, which was read after the chain's last event."""
    known = own.number if own is not None else 0
    if verdict.fault is not None or verdict.head is None or verdict.head.number <= known:
        return verdict
    return msgspec.structs.replace(verdict, fault=Fault(number=known + 1, reason=_BEYOND))


class _Judging:
    """The verification of a chain up to the last entry that was read."""

    def __init__(
        self, tenant_id: str, kept: Mapping[int, str], own: Head | None, further: FindHead, after: Head | None
    ) -> None:
        self._tenant = tenant_id
        self._kept = kept
        self._own = own
        self._further = further
        self._number, self._hash = (after.number, after.hash) if after is not None else (0, NOTHING_BEFORE)
        self._head = after
        self._count = 0
        self._lost: list[tuple[int, int]] = []
        self._fault: Fault | None = None
        self._fork: tuple[int, int, Head | None] | None = None
        """The first event that differs from a stored head, with the count and head of the chain before it."""

    def fits(self, entry: Entry) -> bool:
        """Return True if the next entry fits, otherwise store the fault."""
        due = self._number + 1
        reason = self._misfit(entry, due)
        if reason is not None:
            # An event with too high a number shows that the previous one is missing.
            missing = entry.number > due and reason == _NOT_NEXT
            self._fault = Fault(number=due, reason=_MISSING) if missing else Fault(number=entry.number, reason=reason)
            return False
        if self._kept.get(entry.number, entry.hash) != entry.hash and self._fork is None:
            self._fork = (entry.number, self._count, self._head)
        self._explain(event_of(entry), due)
        self._number, self._hash, self._head = entry.number, entry.hash, head_of(entry)
        self._count += 1
        return True

    def verdict(self) -> Verdict:
        """Return the verdict on the entries so far."""
        newest = max([*self._kept, self._own.number if self._own else 0])
        if self._fault is None and newest > self._number:
            self._fault = Fault(number=self._number + 1, reason=_MISSING)
        if self._fork is not None:
            number, self._count, self._head = self._fork
            self._fault = Fault(number=number, reason=_OTHER)
        return Verdict(events=self._count, heads=len(self._kept), head=self._head, lost=self._lost, fault=self._fault)

    def _misfit(self, entry: Entry, due: int) -> str | None:
        """Return why the entry does not fit after the previous one, or None if it does."""
        if hash_of(entry.line) != entry.hash:
            return _CHANGED
        try:
            event = event_of(entry)
        except Refuse:
            return _UNREADABLE
        if (event.tenant_id, event.number) != (self._tenant, entry.number):
            return _ELSEWHERE
        if (event.number, event.previous) != (due, self._hash) and not self._begins_anew(event, due):
            return _NOT_NEXT
        own = self._own
        return _NOT_THE_HEAD if own is not None and own.number == entry.number and own.hash != entry.hash else None

    def _begins_anew(self, event: Event, due: int) -> bool:
        """Return True if the event records a rebuild and follows a stored head of lost events."""
        later = event.action == Action.CATALOG_REBUILT and event.number > due
        return later and self._was_kept(event.number - 1, event.previous)

    def _explain(self, event: Event, due: int) -> None:
        """Store what a rebuild reports as lost: skipped events, and those whose places other events took meanwhile."""
        first = due if event.number > due else None
        until = event.number - 1
        if self._fork is not None and event.action == Action.CATALOG_REBUILT:
            named, named_hash = event.detail.get("head"), event.detail.get("head_hash")
            if first is not None or (isinstance(named, int) and self._was_kept(named, str(named_hash))):
                until = until if first is not None else int(named or 0)
                if self._fork[0] <= until:
                    first, self._fork = self._fork[0], None
        if first is not None:
            self._lost.append((first, until))

    def _was_kept(self, number: int, hash_: str) -> bool:
        """Return True if a head with this number and hash was stored elsewhere."""
        if number in self._kept:
            return self._kept[number] == hash_
        head = self._further(number)
        return head is not None and head.hash == hash_
