"""Claims on steps, and everything that only the holder of a claim may write.

Each write locks the job's row first, then checks the claim's fencing number and its end by the database's clock.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import RowMapping, func, select

from shared.adapters.catalog.jobs import KNOWN_KINDS, NO_TROUBLE, end_job, plain_progress, remove_checkpoints, requeue
from shared.adapters.catalog.schema import (
    checkpoint_runs,
    checkpoints,
    jobs,
    runs,
    snapshot_attempts,
    snapshot_runs,
    snapshots,
    steps,
)
from shared.adapters.catalog.snapshots import found, newest, run_of
from shared.adapters.catalog.tenancy import Changes, Tenancy
from shared.domain.errors import Answer, ClaimLost, Code, Refuse, Retry
from shared.domain.model import Claim, JobKind, JobState, ResourceProgress, RunRef, Sealed, Snapshot, StepState
from shared.ports.catalog import Checkpoint, Lasting, Renewal

_SLOWEST = 60.0
"""Longest wait between two tries in trouble that lasts, unless the other side asks for more."""
_APART = 900.0
"""Seconds after the time for another try from which on nobody has tried: such a time counts for no patience."""
_FRESH_STARTS = 2
"""Fresh starts after which a checkpoint is no sign that trouble is over."""


class SqlClaims:
    """``ports.catalog.Claims`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def claim(self, job_id: str, step_id: str, holder: str, seconds: float) -> Claim | None:
        with self._tenancy.write() as rows:
            job = rows.one(jobs, jobs.c.job_id == job_id, lock=True)
            step = rows.one(steps, steps.c.job_id == job_id, steps.c.step_id == step_id)
            if job is None or step is None or job["kind"] not in KNOWN_KINDS:
                return None
            if JobState(job["state"]).ended or job["cancel"]:
                return None
            if step["state"] != StepState.QUEUED or step["phase"] != job["open_phase"]:
                return None
            fence = step["fence"] + 1
            rows.update(
                steps,
                steps.c.step_id == step_id,
                state=StepState.RUNNING,
                fence=fence,
                holder=holder,
                claim_until=rows.now + timedelta(seconds=seconds),
                began_at=step["began_at"] or rows.now,
                sends=0,
            )
            if job["state"] == JobState.QUEUED:
                rows.update(jobs, jobs.c.job_id == job_id, state=JobState.RUNNING, started_at=rows.now)
        return Claim(
            tenant_id=rows.tenant_id,
            job_id=job_id,
            step_id=step_id,
            kind=JobKind(job["kind"]),
            phase=step["phase"],
            name=step["name"],
            fence=fence,
            seconds=seconds,
            fresh_starts=step["fresh_starts"],
        )

    def renew(self, claim: Claim, progress: Sequence[ResourceProgress] | None = None) -> Renewal:
        with self._tenancy.write() as rows:
            job, _ = held(rows, claim)
            until = rows.now + timedelta(seconds=claim.seconds)
            told = {} if progress is None else {"progress": plain_progress(progress)}
            rows.update(steps, steps.c.step_id == claim.step_id, claim_until=until, **told)
        return Renewal(cancel=job["cancel"])

    def checkpoint(self, claim: Claim, checkpoint: Checkpoint, progress: Sequence[ResourceProgress]) -> None:
        sealed = checkpoint.sealed
        with self._tenancy.write() as rows:
            _, step = held(rows, claim)
            last = select(func.max(checkpoints.c.number)).where(
                checkpoints.c.tenant_id == rows.tenant_id, checkpoints.c.step_id == claim.step_id
            )
            rows.insert(
                checkpoints,
                row_id=sealed.row_id,
                job_id=claim.job_id,
                step_id=claim.step_id,
                number=(rows.connection.execute(last).scalar() or 0) + 1,
                phase=checkpoint.phase,
                stream=checkpoint.stream,
                data_key_id=sealed.data_key_id,
                data=sealed.data,
            )
            if checkpoint.run is not None:
                _keep_run(rows, checkpoint.run)
                rows.insert(checkpoint_runs, row_id=sealed.row_id, run_id=checkpoint.run.run_id)
            rows.update(
                steps,
                steps.c.step_id == claim.step_id,
                progress=plain_progress(progress),
                claims_lost=0,
                **(NO_TROUBLE if step["fresh_starts"] < _FRESH_STARTS else {}),
            )

    def checkpoints(self, claim: Claim, *, step_only: bool = True) -> list[Checkpoint]:
        mine = checkpoints.c.step_id == claim.step_id if step_only else checkpoints.c.job_id == claim.job_id
        with self._tenancy.read() as rows:
            written = sorted(rows.find(checkpoints, mine), key=itemgetter("phase", "step_id", "number"))
            if not written:
                return []
            named = (
                rows.query(checkpoint_runs, mine)
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
            run_of = {row["row_id"]: row for row in rows.all(named)}
        return [_checkpoint_of(row, run_of.get(row["row_id"])) for row in written]

    def drop_checkpoints(self, claim: Claim) -> None:
        with self._tenancy.write() as rows:
            held(rows, claim)
            remove_checkpoints(rows, checkpoints.c.step_id == claim.step_id)
            rows.update(steps, steps.c.step_id == claim.step_id, progress=[])

    def start_over(self, claim: Claim) -> int:
        with self._tenancy.write() as rows:
            _, step = held(rows, claim)
            remove_checkpoints(rows, checkpoints.c.step_id == claim.step_id)
            before: int = step["fresh_starts"]
            rows.update(steps, steps.c.step_id == claim.step_id, progress=[], fresh_starts=before + 1)
        return before

    def give_back(self, claim: Claim, *, after: float, trouble: Retry | None, alone: bool = False) -> Lasting:
        with self._tenancy.write() as rows:
            _, step = held(rows, claim)
            if trouble is None:
                requeue(rows, steps.c.step_id == claim.step_id, after=after)
                return Lasting()
            since, alone_since = _trouble_since(step, rows.now, alone=alone)
            lasted = Lasting(*((rows.now - (begun or rows.now)).total_seconds() for begun in (since, alone_since)))
            after = max(after, min(lasted.seconds / 4, _SLOWEST))
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

    def release(self, holder: str) -> int:
        with self._tenancy.write() as rows:
            return requeue(rows, steps.c.holder == holder)

    def tell(self, claim: Claim, detail: Any, *, progress: bool = False) -> None:
        with self._tenancy.write() as rows:
            held(rows, claim)
            rows.update(jobs, jobs.c.job_id == claim.job_id, detail=detail)
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
        detail: Any = None,
    ) -> bool:
        with self._tenancy.write() as rows:
            job, step = held(rows, claim)
            told = step["progress"] if progress is None else plain_progress(progress)
            _step_done(rows, claim, answer=answer, request_id=request_id, progress=told)
            if job["open_steps"] > 1:
                rows.update(jobs, jobs.c.job_id == claim.job_id, open_steps=job["open_steps"] - 1)
                return False
            if _opened(rows, job):
                return True
            end_job(rows, job, state, code, message, **_told(detail))
            return False

    def fail(
        self, claim: Claim, code: Code, message: str, *, state: JobState = JobState.FAILED, detail: Any = None
    ) -> None:
        with self._tenancy.write() as rows:
            job, _ = held(rows, claim)
            end_job(rows, job, state, code, message, **_told(detail))

    def note_attempt(self, claim: Claim, snapshot_id: str) -> None:
        with self._tenancy.write() as rows:
            held(rows, claim)
            rows.insert(snapshot_attempts, snapshot_id=snapshot_id, job_id=claim.job_id, noted_at=rows.now)

    def commit(
        self, claim: Claim, snapshot: Snapshot, runs: Sequence[RunRef], state: JobState, message: str | None
    ) -> None:
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            job, _ = held(rows, claim)
            if snapshot.parent is not None:
                found(rows, snapshot.parent)
            last = newest(rows)
            if (last and last["snapshot_id"]) != job["parent"]:
                raise Refuse(Code.BUSY, "Another backup has made a snapshot meanwhile. Ask again.")
            keep_snapshot(rows, snapshot, runs)
            _step_done(rows, claim)
            end_job(rows, job, state, None, message, snapshot=snapshot.snapshot_id)


def _told(detail: Any) -> dict[str, Any]:
    """What is not told stays as it was."""
    return {} if detail is None else {"detail": detail}


def _trouble_since(step: RowMapping, now: datetime, *, alone: bool) -> tuple[datetime, datetime | None]:
    """Return since when the step has been in trouble, and since when Graph has answered other streams meanwhile.

    Both are moved on by a time in which nobody tried, perhaps because no worker ran.
    """
    since: datetime | None = step["trouble_since"]
    retry_at: datetime | None = step["retry_at"]
    if since is None or retry_at is None:
        return now, now if alone else None
    idle = now - retry_at
    idle = idle if idle > timedelta(seconds=_APART) else timedelta()
    before: datetime | None = step["alone_since"]
    return since + idle, (now if before is None else before + idle) if alone else None


def held(rows: Changes, claim: Claim) -> tuple[RowMapping, RowMapping]:
    """The job's and the step's row, the job's locked. Raises ``ClaimLost`` if the claim does not stand.

    No step of an ended job is running, so that the step's own state says enough.
    """
    job = rows.one(jobs, jobs.c.job_id == claim.job_id, lock=True)
    step = rows.one(
        steps,
        steps.c.step_id == claim.step_id,
        steps.c.job_id == claim.job_id,
        steps.c.state == StepState.RUNNING.value,
        steps.c.fence == claim.fence,
        steps.c.claim_until > rows.now,
    )
    if job is None or step is None:
        raise ClaimLost
    return job, step


def _step_done(rows: Changes, claim: Claim, **values: Any) -> None:
    rows.update(
        steps,
        steps.c.step_id == claim.step_id,
        state=StepState.DONE,
        ended_at=rows.now,
        holder=None,
        claim_until=None,
        **NO_TROUBLE,
        **values,
    )


def _opened(rows: Changes, job: RowMapping) -> bool:
    """Opens the next phase that has steps; False if there is none."""
    later = rows.find(steps, steps.c.job_id == job["job_id"], steps.c.phase > job["open_phase"])
    if not later:
        return False
    phase = min(row["phase"] for row in later)
    open_phase(rows, job["job_id"], phase, sum(row["phase"] == phase for row in later))
    return True


def open_phase(rows: Changes, job_id: str, phase: int, count: int) -> None:
    """The phase's steps may be claimed, and their messages are due."""
    rows.update(jobs, jobs.c.job_id == job_id, open_phase=phase, open_steps=count)
    rows.update(steps, steps.c.job_id == job_id, steps.c.phase == phase, send_at=rows.now)


def _keep_run(rows: Changes, run: RunRef) -> None:
    if rows.one(runs, runs.c.run_id == run.run_id) is None:
        rows.insert(runs, run_id=run.run_id, job_id=run.job_id, stream=run.stream, blobs=run.blobs)


def keep_snapshot(rows: Changes, snapshot: Snapshot, named: Sequence[RunRef]) -> None:
    """The snapshot's row, as the newest, with those of its runs."""
    values = msgspec.structs.asdict(snapshot) | {"resources": msgspec.to_builtins(snapshot.resources)}
    rows.insert(snapshots, number=rows.number(snapshots), going=False, **values)
    for position, run in enumerate(named):
        _keep_run(rows, run)
        rows.insert(snapshot_runs, snapshot_id=snapshot.snapshot_id, run_id=run.run_id, position=position)


def _checkpoint_of(row: RowMapping, run: RowMapping | None) -> Checkpoint:
    return Checkpoint(
        phase=row["phase"],
        stream=row["stream"],
        sealed=Sealed(row_id=row["row_id"], data_key_id=row["data_key_id"], data=row["data"]),
        run=None if run is None else run_of(run),
    )
