"""Get a snapshot of the directory as it is now, from a backup job."""

from datetime import datetime

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobKind, JobState, Origin, PlanProgress
from shared.domain.model import Snapshot
from shared.engine.steps.work import WaitFor, Work

_MADE_A_SNAPSHOT = (JobState.SUCCEEDED, JobState.SUCCEEDED_WITH_WARNINGS)


def snapshot_since(work: Work, detail: PlanProgress, since: datetime) -> Snapshot:
    """Return the snapshot of a backup that began at ``since`` or later.

    Request the backup if there is none, and store its job's id in ``detail``. Raise WaitFor until the backup has ended.
    If it failed, raise Refuse with its code.
    """
    catalog = work.catalog
    while True:
        if detail.backup is None:
            job, _ = catalog.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
            detail.backup = job.job_id
            catalog.claims.report_progress(work.claim, detail)
        job = catalog.jobs.get(detail.backup)
        if not job.state.ended:
            raise WaitFor(work.context.limits.backup_look_seconds)
        began_at = job.started_at or job.finished_at
        if began_at is not None and began_at >= since:
            return _snapshot_of(work, job)
        detail.backup = None  # the backup that ran at the request began before it


def _snapshot_of(work: Work, backup: Job) -> Snapshot:
    """Return the snapshot that an ended backup made. Raise Refuse with the code of a backup that made none."""
    if backup.state in _MADE_A_SNAPSHOT and backup.snapshot is not None:
        return work.catalog.snapshots.get(backup.snapshot)
    message = f"The backup that this needs has failed: {backup.message} See 'entrakeep jobs show {backup.job_id}'."
    raise Refuse(backup.code or Code.CANCELLED, message)
