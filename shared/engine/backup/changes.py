"""The changes since the parent snapshot, counted by resource where that costs no pass over all records."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from shared.domain.compare import property_changes
from shared.domain.json_text import canonical, members
from shared.domain.resources import volatile_of
from shared.engine.compare.unknowns import refused_owners, why_unread
from shared.engine.steps.work import Work
from shared.vault.differing import differing, lines_apart
from shared.vault.format import Manifest, StreamState
from shared.vault.snapshot_reader import SnapshotReader
from shared.vault.touched import Changes


def known_changes(
    work: Work, parent: Manifest | None, states: Sequence[StreamState], recounted: Mapping[str, Changes]
) -> dict[str, Changes]:
    """Return the changes of each resource for which they are known. ``recounted`` are those that counting has shown.

    Changes are unknown without a parent, or if too many lines would have to be read. They are also unknown for a
    resource that one of the snapshots did not read, or of which Graph refused objects.

    A full backup counts no changes, because it reads nothing of its parent. So it works while the parent is damaged, or
    while KMS refuses the parent's key.
    """
    if parent is None or work.job.full:
        return {}
    before, after = SnapshotReader(work.blobs, parent.streams), SnapshotReader(work.blobs, states)
    changes = {name: _changes(work, before, after, name, recounted) for name in after.resources}
    return {name: each for name, each in changes.items() if each is not None}


def meaning(resource: str, value: bytes) -> bytes:
    """Return a digest that two values of a resource share if a comparison takes them as equal."""
    volatile = volatile_of(resource)
    properties = members(value) if volatile else None
    if properties is not None:
        kept = (
            b"%b:%b" % (json.dumps(name).encode(), each) for name, each in properties.items() if name not in volatile
        )
        value = b"{%b}" % b",".join(kept)
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogateescape")).digest()


def _changes(
    work: Work, before: SnapshotReader, after: SnapshotReader, resource: str, recounted: Mapping[str, Changes]
) -> Changes | None:
    """Return the changes of a resource, or None if they are unknown."""
    if any(why_unread(side.stream_of(resource)) for side in (before, after)) or refused_owners(before, after, resource):
        return None
    if resource in recounted:
        return recounted[resource]
    most, volatile = work.context.limits.compared_lines, volatile_of(resource)
    if lines_apart(before, after, resource) > most:
        return None
    added = removed = changed = 0
    for record in differing(before, after, resource, work.blobs.lists, most):
        if record.before is None:
            added += 1
        elif record.after is None:
            removed += 1
        else:
            changed += bool(property_changes(record.before, record.after, volatile))
    return Changes(added, removed, changed)
