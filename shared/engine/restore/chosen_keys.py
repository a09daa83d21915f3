"""The keys of the records that a restore is limited to: deleted or changed since a snapshot, or touched by a restore."""

from collections.abc import Iterator

from shared.domain.compare import ChangedRecord, property_changes
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import RestoreProgress
from shared.domain.resources import volatile_of
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Plan
from shared.domain.restore.pairing import rewritten_key
from shared.domain.restore.scope import Scope
from shared.engine.restore.stored_plans import stored_plan
from shared.engine.steps.work import Work
from shared.ports.catalog.restores import OperationState
from shared.vault.differing import differing
from shared.vault.snapshot_reader import SnapshotReader

_WRITTEN = frozenset({OperationState.DONE, OperationState.PARTLY, OperationState.NOT_APPLIED})


def keys_since(work: Work, scope: Scope, live: SnapshotReader, ids: IdMap) -> frozenset[str] | None:
    """Return the keys of records that were deleted or changed since the snapshots that the scope names.

    Return None if the scope names no snapshot. The links of a deleted object are included. Raise Refuse
    ``NO_SUCH_SNAPSHOT``, and what reading raises.
    """
    deleted = _since(work, scope.deleted_since, live)
    changed = _since(work, scope.changed_since, live)
    choices = []
    if deleted is not None:
        choices.append(_deleted(deleted))
    if changed is not None:
        choices.append({record.key for resource, record in changed if has_changed(resource, record)})
    if not choices:
        return None
    return frozenset(rewritten_key(key, ids).decode() for key in set.intersection(*choices))


def written_plan(work: Work, job_id: str) -> tuple[Plan, frozenset[int]]:
    """Return the plan of a restore, and the numbers of its operations that Graph accepted.

    Raise Refuse ``NO_SUCH_JOB``, and ``WRONG_USE`` if the job has written nothing.
    """
    detail = work.catalog.jobs.get(job_id).detail
    states = work.catalog.restores.states(job_id)
    numbers = frozenset(number for number, state in states.items() if state in _WRITTEN)
    if not isinstance(detail, RestoreProgress) or detail.plan is None or not numbers:
        raise Refuse(Code.WRONG_USE, f"The job {job_id} has written nothing, so there is nothing to undo.")
    return stored_plan(work.catalog, work.keys, detail.plan), numbers


def differing_records(work: Work, before: SnapshotReader, after: SnapshotReader) -> Iterator[tuple[str, ChangedRecord]]:
    """Yield the records of all resources that differ between two snapshots, each with its resource."""
    most = work.context.limits.compared_lines
    for resource in sorted({*before.resources, *after.resources}):
        for record in differing(before, after, resource, work.blobs.lists, most):
            yield resource, record


def _since(work: Work, snapshot: str | None, live: SnapshotReader) -> Iterator[tuple[str, ChangedRecord]] | None:
    """Return the records that differ between a snapshot and the directory, or None without a snapshot."""
    if snapshot is None:
        return None
    manifest = work.blobs.manifest(work.catalog.snapshots.get(snapshot))
    return differing_records(work, SnapshotReader(work.blobs, manifest.streams), live)


def _deleted(records: Iterator[tuple[str, ChangedRecord]]) -> set[bytes]:
    """Return the keys of deleted objects, and of deleted records that name one of them."""
    deleted, removed = set[bytes](), []
    for resource, record in records:
        if record.after is None:
            removed.append(record.key)
            if "." not in resource:
                deleted.add(record.key.rpartition(b"/")[2])
    return {key for key in removed if not deleted.isdisjoint(key.split(b"/")[1::2])}


def has_changed(resource: str, record: ChangedRecord) -> bool:
    """Return True if a record differs in more than properties that change by themselves."""
    if record.before is None or record.after is None:
        return True
    return bool(property_changes(record.before, record.after, volatile_of(resource)))
