"""The steps that plan a restore, and that check a plan before it is carried out."""

from shared.domain.jobs import PlanProgress, RestoreProgress
from shared.engine.restore.fresh_backup import snapshot_since
from shared.engine.steps.work import Work


def plan_step(work: Work) -> bool:
    """Plan a restore of the job's snapshot from the directory as it is now. Return False: the job ends."""
    job = work.catalog.jobs.get(work.claim.job_id)
    detail = job.detail if isinstance(job.detail, PlanProgress) else PlanProgress()
    snapshot_since(work, detail, job.created_at)
    return work.catalog.claims.finish(work.claim, detail=detail)


def check_step(work: Work) -> bool:
    """Make the plan of a restore, or check that the given one still fits. Return True if the next phase opened."""
    job = work.catalog.jobs.get(work.claim.job_id)
    detail = job.detail if isinstance(job.detail, RestoreProgress) else RestoreProgress()
    live = snapshot_since(work, detail, job.created_at)
    detail.before = live.snapshot_id
    return work.catalog.claims.finish(work.claim, detail=detail)
