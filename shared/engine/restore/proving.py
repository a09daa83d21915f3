"""Phase 3 of a restore: back the directory up again, and compare it with what was written.

Replicas lag, so differences are looked at again for some minutes. What still differs then was accepted by Graph and not
applied: a result of its own, which is never repeated in a loop.
"""

from collections.abc import Sequence
from datetime import timedelta

from shared.domain.errors import GraphTrouble
from shared.domain.jobs import JobState, RestoreProgress
from shared.domain.model import Snapshot
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Operation, Plan
from shared.domain.restore.verifying import Expectation, Unmet, raw
from shared.domain.restore.writes import unmarking
from shared.engine.backup.cancelling import run_cancellable
from shared.engine.restore.connection import connected, restore_identity
from shared.engine.restore.fresh_backup import snapshot_since
from shared.engine.restore.looking import request_of
from shared.engine.restore.results import Results
from shared.engine.restore.sides import SnapshotSide
from shared.engine.restore.stored_plans import stored_plan
from shared.engine.steps.work import WaitFor, Work
from shared.ports.catalog.restores import OperationState, PlanState
from shared.ports.directory import Outcome, WriteAnswer
from shared.vault.snapshot_reader import SnapshotReader

_CARRIED_OUT = frozenset({OperationState.DONE, OperationState.PARTLY})
_ACCEPTED = WriteAnswer(outcome=Outcome.DONE)


def prove_step(work: Work) -> bool:
    """Compare the directory with what was written, and end the job. Return False.

    Raise WaitFor until a backup has ended, and as long as differences may be due to lag.
    """
    job = work.catalog.jobs.get(work.claim.job_id)
    progress = job.detail
    if not isinstance(progress, RestoreProgress) or progress.plan is None or progress.written_at is None:
        raise LookupError("a restore is compared after its operations")
    plan = stored_plan(work.catalog, work.keys, progress.plan)
    results = Results(work, progress, plan.operations)
    carried_out = [each for each in plan.operations if results.state(each.number) in _CARRIED_OUT]
    after = snapshot_since(work, progress, progress.proved_since or progress.written_at)
    unmet = _unmet(work, after, carried_out)
    now = work.context.clock.now()
    if unmet and now < progress.written_at + timedelta(seconds=work.context.limits.prove_seconds):
        _mend(work, progress, [each.operation for each in unmet if each.marked])
        progress.backup, progress.proved_since = None, work.context.clock.now()
        work.catalog.claims.report_progress(work.claim, progress)
        raise WaitFor(work.context.limits.prove_look_seconds)
    _add_not_applied(results, unmet)
    results.store()
    progress.after = after.snapshot_id
    work.catalog.restores.move_plan(plan.plan_id, PlanState.DONE, work.claim.job_id)
    return _finish(work, plan, progress)


def _unmet(work: Work, after: Snapshot, carried_out: Sequence[Operation]) -> list[Unmet]:
    """Return the operations whose result the snapshot does not show, in resources that it has whole."""
    ids = IdMap(work.catalog.restores.map_entries())
    side = SnapshotSide(SnapshotReader(work.blobs, work.blobs.manifest(after).streams), IdMap(()))
    by_resource: dict[str, list[Operation]] = {}
    for operation in carried_out:
        by_resource.setdefault(operation.resource, []).append(operation)
    unmet: list[Unmet] = []
    for resource, operations in by_resource.items():
        coverage = side.coverage(resource)
        if not coverage.whole:
            continue
        expectation = Expectation(operations, ids)
        wanted = None if expectation.by_values else expectation.first_ids - coverage.refused
        unmet += expectation.unmet(side.records(resource, wanted))
    return unmet


def _mend(work: Work, progress: RestoreProgress, creations: Sequence[Operation]) -> None:
    """Send the snapshot's values again to objects whose marks came back, by their ids.

    Wait long enough after the last write.
    """
    last_write = progress.mended_at or progress.written_at
    distance = timedelta(seconds=work.context.limits.mark_seconds)
    if creations and (last_write is None or work.context.clock.now() - last_write >= distance):
        run_cancellable(work, _send_unmarkings(work, creations))
        progress.mended_at = work.context.clock.now()


async def _send_unmarkings(work: Work, creations: Sequence[Operation]) -> None:
    """Replace the marks. The next comparison shows whether Graph applied that."""
    ids = IdMap(work.catalog.restores.map_entries())
    target = await connected(work.context, restore_identity(work.catalog, work.keys), work.check)
    try:
        await target.write_all([request_of(unmarking(each), ids) for each in creations])
    except GraphTrouble:
        pass  # the next comparison finds the marks again
    finally:
        await target.close()


def _add_not_applied(results: Results, unmet: Sequence[Unmet]) -> None:
    """Add the results of operations that Graph accepted and did not apply."""
    for each in unmet:
        named = f" of {', '.join(sorted(each.values))}" if each.values else ""
        reason = f"Graph accepted this, and the directory does not show the value{named}."
        if not each.values:
            reason = "Graph accepted this, and the directory does not show it."
        results.add(
            each.operation,
            OperationState.NOT_APPLIED,
            _ACCEPTED,
            code="NOT_APPLIED",
            reason=reason,
            properties=tuple(sorted(each.values)),
            values=raw(each.values),
            lasting=True,
        )


def _finish(work: Work, plan: Plan, progress: RestoreProgress) -> bool:
    """End the job: a success only if everything was carried out and is applied."""
    missing = len(plan.operations) - progress.done - progress.partly - progress.failed
    wrong = progress.failed + progress.partly + missing
    if not wrong:
        return work.catalog.claims.finish(work.claim, detail=progress)
    counts = {
        "failed or were not applied": progress.failed,
        "were done partly": progress.partly,
        "were not begun": missing,
    }
    ends = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    message = f"The restore ended with differences: of {len(plan.operations)} operations {ends}."
    return work.catalog.claims.finish(
        work.claim, state=JobState.SUCCEEDED_WITH_WARNINGS, message=message, detail=progress
    )
