"""Phase 3 of a restore: compare the directory with what was written.

Replicas lag, so differences are looked at again for some minutes, with growing waits. What still differs then was accepted
by Graph and not applied: a result of its own, which is never repeated in a loop.

::

    backup ──▶ compare ──▶ nothing differs ──▶ end
                  └─ differs ──▶ wait ──▶ read these records by id ──▶ nothing differs, or time is over ──▶ backup
                                  ▲                    └─ differs
                                  └────────────────────────┘
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple, NoReturn

from shared.domain.errors import GraphTrouble
from shared.domain.jobs import JobState, RestoreProgress
from shared.domain.model import Snapshot
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Action, Operation, Plan
from shared.domain.restore.verifying import Expectation, Unmet, raw
from shared.domain.restore.writes import object_id, unmarking, without_properties
from shared.engine.backup.cancelling import run_cancellable
from shared.engine.restore.connection import writing
from shared.engine.restore.fresh_backup import snapshot_since
from shared.engine.restore.looking import request_of
from shared.engine.restore.rereading import Rereading
from shared.engine.restore.results import Results
from shared.engine.restore.sides import SnapshotSide
from shared.engine.restore.stored_plans import open_detail, stored_plan
from shared.engine.steps.work import WaitFor, Work
from shared.ports.catalog.restores import OperationState, PlanState
from shared.ports.directory import Outcome, WriteAnswer
from shared.vault.snapshot_reader import SnapshotReader

_CARRIED_OUT = frozenset({OperationState.DONE, OperationState.PARTLY})
_ACCEPTED = WriteAnswer(outcome=Outcome.DONE)


class _Written(NamedTuple):
    """What the restore has written, opened for one comparison."""

    plan: Plan
    results: Results
    carried_out: list[Operation]
    ids: IdMap


def prove_step(work: Work) -> bool:
    """Compare the directory with what was written, and end the job. Return False.

    Raise WaitFor until a backup has ended, and as long as differences may be due to lag. The plan is opened only for a
    comparison, because the wait for a backup takes many steps.
    """
    job = work.catalog.jobs.get(work.claim.job_id)
    progress = job.detail
    if not isinstance(progress, RestoreProgress) or progress.plan is None or progress.written_at is None:
        raise LookupError("a restore is compared after its operations")
    if progress.suspects:
        _look_again(work, progress, _written(work, progress, progress.plan))
    after = snapshot_since(work, progress, progress.proved_since or progress.written_at)
    written = _written(work, progress, progress.plan)
    unmet = _unmet(work, written, after)
    if unmet and not _is_over(work, progress, unmet):
        _look_later(work, written.ids, progress, unmet)
    progress.not_shown, progress.look_at = len(unmet), None
    _add_not_applied(written, unmet)
    written.results.store()
    progress.after = after.snapshot_id
    work.catalog.restores.move_plan(progress.plan, PlanState.DONE, work.claim.job_id)
    return _finish(work, written.plan, progress)


def _written(work: Work, progress: RestoreProgress, plan_id: str) -> _Written:
    """Open the plan and its results. Raise what opening raises."""
    plan = stored_plan(work.catalog, work.keys, plan_id)
    results = Results(work, progress, plan.operations)
    return _Written(plan, results, _carried_out(work, plan, results), IdMap(work.catalog.restores.map_entries()))


def _carried_out(work: Work, plan: Plan, results: Results) -> list[Operation]:
    """Return the operations that Graph carried out, without properties that it refused.

    Those that only prepared another one are left out: their values are gone again, whatever became of the other one.
    """
    refused = {
        each.number: open_detail(work.catalog, work.keys, each.detail).properties
        for each in work.catalog.restores.results(work.claim.job_id, [OperationState.PARTLY])
    }
    lasting = (each for each in plan.operations if not each.prepares)
    carried_out = (each for each in lasting if results.state(each.number) in _CARRIED_OUT)
    return [without_properties(each, refused.get(each.number, ())) for each in carried_out]


def _look_again(work: Work, progress: RestoreProgress, written: _Written) -> None:
    """Read the records that differed again, by id. Raise WaitFor if they differ and time is not over.

    Otherwise the next backup must begin from now on, because the last one shows the same differences.
    """
    unmet = run_cancellable(work, _reread(work, written, progress.suspects))
    if unmet and not _is_over(work, progress, unmet):
        _look_later(work, written.ids, progress, unmet)
    progress.suspects, progress.proved_since = [], work.context.clock.now()


def _is_over(work: Work, progress: RestoreProgress, unmet: Sequence[Unmet]) -> bool:
    """Return True if what differs now counts as not applied. Marks that came back are replaced once in any case."""
    if progress.mended_at is None and any(each.marked for each in unmet):
        return False
    written_at = progress.written_at or work.context.clock.now()
    return work.context.clock.now() >= written_at + timedelta(seconds=work.context.limits.prove_seconds)


def _look_later(work: Work, ids: IdMap, progress: RestoreProgress, unmet: Sequence[Unmet]) -> NoReturn:
    """Replace marks that came back, and raise WaitFor until the next comparison."""
    limits, now = work.context.limits, work.context.clock.now()
    _mend(work, ids, progress, [each.operation for each in unmet if each.marked])
    wait = limits.prove_backoff.wait(progress.looks)
    numbers = sorted({each.operation.number for each in unmet})
    progress.looks += 1
    progress.not_shown = len(numbers)
    progress.suspects = numbers if len(numbers) <= limits.prove_reads else []
    progress.backup, progress.proved_since = None, now
    progress.look_at = now + timedelta(seconds=wait)
    work.catalog.claims.report_progress(work.claim, progress)
    raise WaitFor(wait)


async def _reread(work: Work, written: _Written, suspects: Sequence[int]) -> list[Unmet]:
    """Return what the records of these operations do not show now. If Graph does not answer, return all of them."""
    async with writing(work) as target:
        try:
            return await Rereading(target, written.ids).unmet(written.carried_out, suspects)
        except GraphTrouble:
            return [Unmet(each) for each in written.carried_out if each.number in set(suspects)]


def _unmet(work: Work, written: _Written, after: Snapshot) -> list[Unmet]:
    """Return the operations whose result the snapshot does not show, in resources that it has whole."""
    side = SnapshotSide(SnapshotReader(work.blobs, work.blobs.manifest(after).streams), IdMap(()))
    by_resource: dict[str, list[Operation]] = {}
    for operation in written.carried_out:
        by_resource.setdefault(operation.resource, []).append(operation)
    unmet: list[Unmet] = []
    for resource, operations in by_resource.items():
        coverage = side.coverage(resource)
        if not coverage.whole:
            continue
        expectation = Expectation(operations, written.ids)
        everything = expectation.read_whole
        wanted = None if everything else expectation.first_ids - coverage.refused
        unmet += expectation.unmet(side.records(resource, wanted))
    return unmet


def _mend(work: Work, ids: IdMap, progress: RestoreProgress, creations: Sequence[Operation]) -> None:
    """Send the snapshot's values again to objects whose marks came back, by their ids.

    Wait long enough after the last write.
    """
    last_write = progress.mended_at or progress.written_at
    distance = timedelta(seconds=work.context.limits.mark_seconds)
    if creations and (last_write is None or work.context.clock.now() - last_write >= distance):
        run_cancellable(work, _send_unmarkings(work, ids, creations))
        progress.mended_at = work.context.clock.now()


async def _send_unmarkings(work: Work, ids: IdMap, creations: Sequence[Operation]) -> None:
    """Replace the marks. The next comparison shows whether Graph applied that."""
    async with writing(work) as target:
        with suppress(GraphTrouble):  # the next comparison finds the marks again
            await target.write_all([request_of(unmarking(each), ids) for each in creations])


def _add_not_applied(written: _Written, unmet: Sequence[Unmet]) -> None:
    """Add the results of operations that Graph accepted and did not apply."""
    for each in unmet:
        named = f" of {', '.join(sorted(each.values))}" if each.values else ""
        reason = f"Graph accepted this, and the directory does not show the value{named}."
        if not each.values:
            reason = "Graph accepted this, and the directory does not show it."
        creates = each.operation.action is Action.CREATE
        new_id = written.ids.current(object_id(each.operation.key)) if creates else None
        written.results.add(
            each.operation,
            OperationState.NOT_APPLIED,
            _ACCEPTED,
            code="NOT_APPLIED",
            reason=reason,
            properties=tuple(sorted(each.values)),
            values=raw(each.values),
            new_id=new_id,
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
