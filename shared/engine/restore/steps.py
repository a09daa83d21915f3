"""The steps that plan a restore, and that check a plan before it is carried out."""

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, PlanProgress, RestoreProgress
from shared.domain.model import Snapshot
from shared.engine.restore.audited import note_refusal
from shared.engine.restore.fresh_backup import snapshot_since
from shared.engine.restore.freshness import check_plan
from shared.engine.restore.planning import plan_restore
from shared.engine.restore.stored_plans import store_plan, stored_plan
from shared.engine.steps.work import Work
from shared.ports.catalog.restores import PlanState
from shared.vault.snapshot_reader import SnapshotReader


def plan_step(work: Work) -> bool:
    """Plan a restore of the job's snapshot from the directory as it is now. Return False: the job ends."""
    job = work.catalog.jobs.get(work.claim.job_id)
    detail = job.detail if isinstance(job.detail, PlanProgress) else PlanProgress()
    live = snapshot_since(work, detail, job.created_at)
    _make_plan(work, detail, job.parent, live)
    return work.catalog.claims.finish(work.claim, detail=detail)


def check_step(work: Work) -> bool:
    """Make the plan of a restore, or check that the given one still fits. Return True: the next phase opens.

    A restore that continues the plan of an earlier one checks nothing, because that one has changed the directory. Raise
    Refuse ``NO_RESTORE_IDENTITY``, ``PLAN_OUTDATED``, and as the catalog's ``move_plan`` does.
    """
    job = work.catalog.jobs.get(work.claim.job_id)
    detail = job.detail if isinstance(job.detail, RestoreProgress) else RestoreProgress()
    try:
        _prepare(work, job, detail)
    except Refuse as refusal:
        note_refusal(work.catalog, refusal, snapshot=job.parent, plan=detail.plan)
        raise
    return work.catalog.claims.finish(work.claim, detail=detail)


def _prepare(work: Work, job: Job, detail: RestoreProgress) -> None:
    """Get the plan that the job carries out, and the undo point. Raise as ``check_step`` does."""
    work.catalog.keys.restore_credential()
    earlier = detail.carried_by
    if earlier is None:
        _plan_afresh(work, job, detail)
    if detail.plan is None:
        raise Refuse(Code.NO_SUCH_PLAN, "The restore has no plan to continue. Request it again.")
    work.catalog.restores.move_plan(detail.plan, PlanState.RUNNING, work.claim.job_id)
    if earlier not in (None, work.claim.job_id):
        work.catalog.restores.adopt(work.claim, earlier)
    detail.carried_by = work.claim.job_id


def _plan_afresh(work: Work, job: Job, detail: RestoreProgress) -> None:
    """Back up the directory, then make the plan, or check that the given one fits. Raise as ``check_step`` does."""
    live = snapshot_since(work, detail, job.created_at)
    if detail.given and detail.plan is not None:
        plan = stored_plan(work.catalog, work.keys, detail.plan)
        check_plan(work, plan, SnapshotReader(work.blobs, work.blobs.manifest(live).streams))
        detail.operations, detail.impossible = len(plan.operations), len(plan.impossible)
    else:
        _make_plan(work, detail, job.parent, live)
    detail.before = live.snapshot_id


def _make_plan(work: Work, detail: PlanProgress, snapshot_id: str | None, live: Snapshot) -> None:
    """Make and store the plan of a job, and store its id in the job's details. Raise as ``plan_restore`` does."""
    plan = plan_restore(work, detail, snapshot_id or live.snapshot_id, live)
    store_plan(work, plan, reason=detail.reason)
    detail.plan, detail.operations, detail.impossible = plan.plan_id, len(plan.operations), len(plan.impossible)
