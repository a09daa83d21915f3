"""Phase 2 of a restore: carry out the plan's operations, each exactly once in effect.

::

    stage by stage: ready operations ──▶ batches of 20 ──▶ answers ──▶ results ──▶ SQL
                          ▲                                  │
                          └──────────── waits ◀──────────────┘
"""

from collections.abc import Callable

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import RestoreProgress
from shared.domain.restore.id_map import EntryState, MapEntry
from shared.domain.restore.operations import Plan
from shared.domain.restore.successors import PRINCIPALS
from shared.engine.backup.cancelling import run_cancellable
from shared.engine.restore.connection import writing
from shared.engine.restore.creating import Creations
from shared.engine.restore.endings import Endings
from shared.engine.restore.execution import Execution
from shared.engine.restore.results import Results
from shared.engine.restore.sending import Sending
from shared.engine.restore.stored_plans import stored_plan
from shared.engine.steps.work import Work
from shared.ports.observer import Point


def write_step(work: Work) -> bool:
    """Carry out the operations that have no result yet, and finish the step. Return True if the next phase opened.

    Raise TimeSliceOver, and the errors that end a step early, with the results so far stored.
    """
    work.claim_keeper.extend(work.context.limits.write_claim_seconds)
    job = work.catalog.jobs.get(work.claim.job_id)
    if not isinstance(job.detail, RestoreProgress) or job.detail.plan is None:
        raise LookupError("a restore writes what its plan says")
    progress = job.detail
    plan = stored_plan(work.catalog, work.keys, job.detail.plan)
    if plan.adopted:
        work.catalog.restores.record_created(work.claim, _adopted(work, plan))
    results = Results(work, progress, plan.operations)
    run_cancellable(work, _write(work, plan, results))
    work.context.observer.reach(Point.ALL_WRITTEN)
    progress.backup, progress.written_at = None, work.context.clock.now()
    return work.catalog.claims.finish(work.claim, detail=progress)


def _adopted(work: Work, plan: Plan) -> list[MapEntry]:
    """Return the entries of the id map for live objects that take the place of objects of the snapshot."""
    first = {each.current_id: each.first_id for each in work.catalog.restores.map_entries()}
    return [
        MapEntry(
            old_id=old,
            first_id=first.get(old, old),
            current_id=live,
            resource=PRINCIPALS,
            state=EntryState.CREATED,
            job_id=work.claim.job_id,
        )
        for old, live in plan.adopted.items()
    ]


def _check(work: Work) -> Callable[[], None]:
    """Return the check before each request: a write must end before another worker can claim the step."""

    def check() -> None:
        work.check()
        if work.claim_keeper.remaining < work.context.limits.write_seconds:
            message = "The database does not renew the claim, so nothing is written to the directory for now."
            raise Refuse(Code.CATALOG_UNREACHABLE, message)

    return check


async def _write(work: Work, plan: Plan, results: Results) -> None:
    """Carry out the operations inside a new event loop. Raise as ``write_step`` does."""
    async with writing(work, _check(work)) as target:
        creations = Creations(work, target, plan.operations)
        endings = Endings(work, target, plan.operations, creations, results)
        sending = Sending(work, target, creations, endings)
        await Execution(work, plan, results, creations, endings, sending).run()
