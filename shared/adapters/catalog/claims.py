"""Claim steps, and write what only the holder of a claim may write.

Each write locks the job's row first. Then it checks the claim's fencing number and its expiry by the database's clock.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from operator import itemgetter

from sqlalchemy import RowMapping

from shared.adapters.catalog.bundle_claims import (
    claim_rows,
    end_rows,
    insert_checkpoint,
    last_checkpoints,
    renew_rows,
)
from shared.adapters.catalog.job_writes import end_job, remove_checkpoints
from shared.adapters.catalog.notice_queue import queue_notice
from shared.adapters.catalog.schema import (
    checkpoint_runs,
    checkpoints,
    jobs,
    runs,
    snapshot_attempts,
    steps,
)
from shared.adapters.catalog.snapshots import keep_snapshot, newest, run_of, snapshot_of, snapshot_row
from shared.adapters.catalog.step_writes import (
    NO_TROUBLE,
    finish_step,
    lock_claim,
    open_next_phase,
    plain_progress,
    requeue,
)
from shared.adapters.catalog.tenancy import Tenancy, sealed_of
from shared.domain.errors import Answer, ClaimLost, Code, Refuse, Retry
from shared.domain.jobs import (
    Claim,
    Details,
    JobState,
    ResourceProgress,
    stored_details,
)
from shared.domain.jobs.backoff import TroubleTimes, is_progress, retry_wait, trouble_times
from shared.domain.model import RunRef, Snapshot
from shared.domain.notice_sources import of_completeness
from shared.domain.notices import Happening
from shared.ports.catalog.claims import Checkpoint, Renewal, StreamEnd, StreamsEnded, TroubleDuration


class SqlClaims:
    """``ports.catalog.claims.Claims`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def claim(self, job_id: str, step_id: str, holder: str, seconds: float) -> Claim | None:
        """Claim a queued step for ``seconds``. Return None if it cannot be claimed."""
        with self._tenancy.write() as rows:
            return next(iter(claim_rows(rows, job_id, step_id, holder, seconds, bundle=False)), None)

    def claim_bundle(self, job_id: str, step_id: str, holder: str, seconds: float) -> list[Claim]:
        """Claim a queued step with all due steps of its bundle for ``seconds``. Return no claim if it cannot be claimed."""
        with self._tenancy.write() as rows:
            return claim_rows(rows, job_id, step_id, holder, seconds, bundle=True)

    def renew(self, claim: Claim, progress: Sequence[ResourceProgress] | None = None) -> Renewal:
        """Renew the claim and store the progress. The result says whether the job is to be cancelled. Raises ClaimLost."""
        renewal = self.renew_all([claim], {} if progress is None else {claim.step_id: progress})
        if renewal.lost:
            raise ClaimLost
        return renewal

    def renew_all(self, claims: Sequence[Claim], progress: Mapping[str, Sequence[ResourceProgress]]) -> Renewal:
        """Renew claims on steps of one job, and store progress by step. The result names the claims that are lost."""
        with self._tenancy.write() as rows:
            return renew_rows(rows, claims, progress)

    def end_streams(self, ends: Sequence[StreamEnd]) -> StreamsEnded:
        """End reading steps of one job, and open the next phase after the last one. The result names the lost claims."""
        with self._tenancy.write() as rows:
            return end_rows(rows, ends)

    def checkpoint(self, claim: Claim, checkpoint: Checkpoint, progress: Sequence[ResourceProgress]) -> None:
        """Store a checkpoint with its run and the progress, and end the step's trouble. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            _, step = lock_claim(rows, claim)
            last = last_checkpoints(rows, checkpoints.c.step_id == claim.step_id)
            insert_checkpoint(rows, claim, checkpoint, last.get(claim.step_id, 0) + 1)
            rows.update(
                steps,
                steps.c.step_id == claim.step_id,
                progress=plain_progress(progress),
                claims_lost=0,
                **(NO_TROUBLE if is_progress(step["fresh_starts"]) else {}),
            )

    def checkpoints(self, claim: Claim, *, step_only: bool = True) -> list[Checkpoint]:
        """Return the checkpoints of the step, or of the whole job, in the order in which they were written."""
        own_checkpoints = checkpoints.c.step_id == claim.step_id if step_only else checkpoints.c.job_id == claim.job_id
        with self._tenancy.read() as rows:
            written = sorted(rows.find(checkpoints, own_checkpoints), key=itemgetter("phase", "step_id", "number"))
            if not written:
                return []
            with_runs = (
                rows.query(checkpoint_runs, own_checkpoints)
                .join(
                    checkpoints,
                    (checkpoints.c.tenant_id == checkpoint_runs.c.tenant_id)
                    & (checkpoints.c.row_id == checkpoint_runs.c.row_id),
                )
                .join(
                    runs,
                    (runs.c.tenant_id == checkpoint_runs.c.tenant_id) & (runs.c.run_id == checkpoint_runs.c.run_id),
                )
                .with_only_columns(checkpoint_runs.c.row_id, runs)
            )
            run_of = {row["row_id"]: row for row in rows.all(with_runs)}
        return [_checkpoint_of(row, run_of.get(row["row_id"])) for row in written]

    def drop_checkpoints(self, claim: Claim) -> None:
        """Remove the step's checkpoints and progress. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            remove_checkpoints(rows, checkpoints.c.step_id == claim.step_id)
            rows.update(steps, steps.c.step_id == claim.step_id, progress=[])

    def start_over(self, claim: Claim) -> int:
        """Remove the step's checkpoints for a fresh start. Return the number of earlier ones. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            _, step = lock_claim(rows, claim)
            remove_checkpoints(rows, checkpoints.c.step_id == claim.step_id)
            before: int = step["fresh_starts"]
            rows.update(steps, steps.c.step_id == claim.step_id, progress=[], fresh_starts=before + 1)
        return before

    def release_step(
        self, claim: Claim, *, after: float, trouble: Retry | None, alone: bool = False
    ) -> TroubleDuration:
        """Queue the step again in ``after`` seconds. Return how long its trouble has lasted. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            _, step = lock_claim(rows, claim)
            if trouble is None:
                requeue(rows, steps.c.step_id == claim.step_id, after=after)
                return TroubleDuration()
            since, alone_since = trouble_times(_trouble_before(step), step["retry_at"], rows.now, alone=alone)
            lasted = TroubleDuration(
                *((rows.now - (started_at or rows.now)).total_seconds() for started_at in (since, alone_since))
            )
            after = retry_wait(after, lasted.seconds)
            requeue(
                rows,
                steps.c.step_id == claim.step_id,
                after=after,
                trouble=trouble.code,
                trouble_message=trouble.message,
                trouble_since=since,
                alone_since=alone_since,
                retry_at=rows.now + timedelta(seconds=after),
            )
            return lasted

    def release_claim(self, holder: str) -> int:
        """Queue all running steps of this holder again. Return how many."""
        with self._tenancy.write() as rows:
            return requeue(rows, steps.c.holder == holder)

    def report_progress(self, claim: Claim, detail: Details, *, progress: bool = False) -> None:
        """Store the job's detail; with ``progress`` also end the step's trouble. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            rows.update(jobs, jobs.c.job_id == claim.job_id, detail=stored_details(detail))
            if progress:
                rows.update(steps, steps.c.step_id == claim.step_id, claims_lost=0, **NO_TROUBLE)

    def finish(
        self,
        claim: Claim,
        *,
        answer: Answer | None = None,
        request_id: str | None = None,
        progress: Sequence[ResourceProgress] | None = None,
        state: JobState = JobState.SUCCEEDED,
        code: Code | None = None,
        message: str | None = None,
        detail: Details | None = None,
    ) -> bool:
        """Finish the step, and open the next phase or end the job. Return True if a phase was opened. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            job, step = lock_claim(rows, claim)
            final_progress = step["progress"] if progress is None else plain_progress(progress)
            finish_step(rows, claim, answer=answer, request_id=request_id, progress=final_progress)
            if job["open_steps"] > 1:
                rows.update(jobs, jobs.c.job_id == claim.job_id, open_steps=job["open_steps"] - 1)
                return False
            if open_next_phase(rows, job):
                if detail is not None:
                    rows.update(jobs, jobs.c.job_id == claim.job_id, detail=stored_details(detail))
                return True
            end_job(rows, job, state, code, message, detail=detail)
            return False

    def fail(
        self,
        claim: Claim,
        code: Code,
        message: str,
        *,
        state: JobState = JobState.FAILED,
        detail: Details | None = None,
    ) -> None:
        """End the job with a code and a message. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            job, _ = lock_claim(rows, claim)
            end_job(rows, job, state, code, message, detail=detail)

    def note_attempt(self, claim: Claim, snapshot_id: str) -> None:
        """Record that the job is about to write a snapshot's manifest. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            rows.insert(snapshot_attempts, snapshot_id=snapshot_id, job_id=claim.job_id, noted_at=rows.now)

    def commit(
        self, claim: Claim, snapshot: Snapshot, runs: Sequence[RunRef], state: JobState, message: str | None
    ) -> None:
        """Store the snapshot as the newest, and end the job. Raises ClaimLost.

        Raises Refuse ``BUSY`` if another backup has committed since the parent was pinned, and ``NO_SUCH_SNAPSHOT`` if
        the parent was removed.
        """
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            job, _ = lock_claim(rows, claim)
            if snapshot.parent is not None:
                snapshot_row(rows, snapshot.parent)
            last = newest(rows)
            if (last and last["snapshot_id"]) != job["parent"]:
                raise Refuse(Code.BUSY, "Another backup has made a snapshot in the meantime. Request the backup again.")
            keep_snapshot(rows, snapshot, runs)
            queue_notice(rows, _less_complete(snapshot, last))
            finish_step(rows, claim)
            end_job(rows, job, state, None, message, snapshot=snapshot.snapshot_id)


def _less_complete(snapshot: Snapshot, last: RowMapping | None) -> Happening | None:
    """Return the notice that a snapshot lacks resources which the one before had, or None."""
    if last is None:
        return None
    lacking, lacking_before = (
        {report.resource for report in each.resources if report.lacking} for each in (snapshot, snapshot_of(last))
    )
    return of_completeness(snapshot.job_id, snapshot.snapshot_id, lacking_before, lacking)


def _trouble_before(step: RowMapping) -> TroubleTimes | None:
    """Return the times of the trouble that the step is in, or None."""
    since = step["trouble_since"]
    return None if since is None else TroubleTimes(since=since, alone_since=step["alone_since"])


def _checkpoint_of(row: RowMapping, run: RowMapping | None) -> Checkpoint:
    """Return the checkpoint in a row."""
    return Checkpoint(
        phase=row["phase"],
        stream=row["stream"],
        sealed=sealed_of(row),
        run=None if run is None else run_of(run),
    )
