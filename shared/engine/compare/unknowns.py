"""What a comparison cannot know, because a resource was not read, or not read anew, for one of the snapshots."""

from collections.abc import Collection, Iterator

import msgspec

from shared.domain.errors import COMPLETE, Answer
from shared.domain.records import encode_id
from shared.vault.format import StreamState
from shared.vault.snapshot_reader import SnapshotReader

SWITCHED_OFF = "switched off"
"""The reason for what the tenant's owner left out of a snapshot."""
_READ = frozenset({Answer.WHOLE, Answer.PARTIAL})


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """A resource, or some objects of one, that is not compared."""

    resource: str
    reason: str
    """Why, as part of a sentence."""
    objects: list[str] = []
    """Ids of the objects that are not compared, if the others are."""
    absent: bool = False
    """True if both snapshots lack the resource for the same good reason: it does not exist, or it is switched off."""


def unknowns(before: SnapshotReader, after: SnapshotReader, resources: Collection[str]) -> list[Unknown]:
    """Return what is unknown of these resources (all if empty), sorted by resource."""
    names = sorted({*before.resources, *after.resources})
    results = (_unknown(name, _states(before, after, name)) for name in names if not resources or name in resources)
    return [unknown for unknown in results if unknown is not None]


def refused_owners(before: SnapshotReader, after: SnapshotReader, resource: str) -> set[bytes]:
    """Return the encoded ids of the objects whose records of this resource are not up to date on both sides."""
    states = _states(before, after, resource)
    return {encode_id(each.id) for state in states if state is not None for each in state.refused}


def _states(before: SnapshotReader, after: SnapshotReader, resource: str) -> list[StreamState | None]:
    return [side.stream_of(resource) for side in (before, after)]


def _unknown(resource: str, pair: list[StreamState | None]) -> Unknown | None:
    """Return why a resource, or some of its objects, cannot be compared, or None."""
    reasons = [why_unread(state) for state in pair]
    if any(reasons):
        text = _both(reasons)
        return Unknown(resource=resource, reason=text, absent=_absent(pair))
    refused = sorted({each.id for state in pair if state is not None for each in state.refused})
    if refused:
        return Unknown(resource=resource, reason="Graph refused these objects", objects=refused)
    return None


def why_unread(state: StreamState | None) -> str | None:
    """Return why a snapshot does not show a resource's records at its time, or None if it does.

    ``stream`` is the resource's stream.
    """
    if state is None:
        return "not part of the snapshot"
    if state.stale:
        return f"not read ({state.answer}), so its records are those of an earlier snapshot"
    if state.answer is Answer.SWITCHED_OFF:
        return SWITCHED_OFF
    return None if state.answer in _READ else f"not read ({state.answer})"


def _both(reasons: list[str | None]) -> str:
    """Return the reasons of both sides as one text."""
    if reasons[0] == reasons[1]:
        return f"in A and B: {reasons[0]}"
    return "; ".join(_sided(reasons))


def _sided(reasons: list[str | None]) -> Iterator[str]:
    for side, reason in zip("AB", reasons, strict=True):
        if reason is not None:
            yield f"in {side}: {reason}"


def _absent(pair: list[StreamState | None]) -> bool:
    """Return True if both sides have the same answer, and it leaves a snapshot complete."""
    answers = {state.answer if state is not None and not state.stale else None for state in pair}
    return len(answers) == 1 and answers <= COMPLETE
