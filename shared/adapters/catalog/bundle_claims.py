"""Claim, renew and end several steps of one job in one transaction: a bundle has a step for each of many streams."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, RowMapping, bindparam, func, or_, select, update

from shared.adapters.catalog.job_writes import end_job, remove_checkpoints
from shared.adapters.catalog.schema import checkpoint_runs, checkpoints, jobs, steps
from shared.adapters.catalog.snapshots import keep_run
from shared.adapters.catalog.step_writes import NO_TROUBLE, open_next_phase, plain_progress
from shared.adapters.catalog.tenancy import Changes
from shared.adapters.catalog.unknown_steps import may_run_step
from shared.domain.errors import ClaimLost
from shared.domain.jobs import Claim, JobState, ResourceProgress, StepState
from shared.ports.catalog.claims import Checkpoint, Renewal, StreamEnd, StreamsEnded

_CHANGED = ("answer", "request_id", "progress")
"""The columns that differ between the steps of one ``end_rows``."""


def claim_rows(rows: Changes, job_id: str, step_id: str, holder: str, seconds: float, *, bundle: bool) -> list[Claim]:
    """Claim a queued step of the open phase; with ``bundle`` also all due steps of its bundle. Return the claims."""
    job = rows.one(jobs, jobs.c.job_id == job_id, lock=True)
    step = rows.one(steps, steps.c.job_id == job_id, steps.c.step_id == step_id)
    if job is None or step is None or JobState(job["state"]).ended or job["cancel"]:
        return []
    if step["state"] != StepState.QUEUED or step["phase"] != job["open_phase"] or not may_run_step(rows, job, step):
        return []
    chosen = [step]
    if bundle and step["bundle"] is not None:
        chosen += [other for other in _due_beside(rows, step) if may_run_step(rows, job, other)]
    rows.update(
        steps,
        steps.c.step_id.in_([each["step_id"] for each in chosen]),
        state=StepState.RUNNING,
        fence=steps.c.fence + 1,
        holder=holder,
        claim_until=rows.now + timedelta(seconds=seconds),
        began_at=func.coalesce(steps.c.began_at, rows.now),
        sends=0,
    )
    if job["state"] == JobState.QUEUED:
        rows.update(jobs, jobs.c.job_id == job_id, state=JobState.RUNNING, started_at=rows.now)
    return [
        Claim(
            tenant_id=rows.tenant_id,
            job_id=job_id,
            step_id=each["step_id"],
            kind=job["kind"],
            phase=each["phase"],
            name=each["name"],
            fence=each["fence"] + 1,
            seconds=seconds,
            fresh_starts=each["fresh_starts"],
        )
        for each in chosen
    ]


def _due_beside(rows: Changes, step: RowMapping) -> Sequence[RowMapping]:
    """Return the other steps of the bundle that a message was sent for or may be sent for, by name."""
    query = rows.query(
        steps,
        steps.c.job_id == step["job_id"],
        steps.c.phase == step["phase"],
        steps.c.bundle == step["bundle"],
        steps.c.step_id != step["step_id"],
        steps.c.state == StepState.QUEUED.value,
        or_(steps.c.sends > 0, steps.c.send_at <= rows.now),
    )
    return rows.all(query.order_by(steps.c.name))


def renew_rows(rows: Changes, claims: Sequence[Claim], progress: Mapping[str, Sequence[ResourceProgress]]) -> Renewal:
    """Extend the claims that are valid, and store the progress of their steps. Name the others in the answer."""
    job, valid = _lock_valid(rows, claims)
    seconds = min(claim.seconds for claim in claims)
    kept = [claim.step_id for claim in claims if claim.step_id in valid]
    if kept:
        rows.update(steps, steps.c.step_id.in_(kept), claim_until=rows.now + timedelta(seconds=seconds))
    reported = [
        {"row": step_id, "progress": plain_progress(progress[step_id])} for step_id in kept if step_id in progress
    ]
    _update_each(rows, ("progress",), reported)
    return Renewal(cancel=job["cancel"], lost=_without(claims, valid))


def end_rows(rows: Changes, ends: Sequence[StreamEnd]) -> StreamsEnded:
    """End the steps whose claims are valid, and open the next phase after the last one. Name the others in the answer."""
    claims = [end.claim for end in ends]
    job, valid = _lock_valid(rows, claims)
    ended = [end for end in ends if end.claim.step_id in valid]
    discarded = [end.claim.step_id for end in ended if end.discard]
    if discarded:
        remove_checkpoints(rows, checkpoints.c.step_id.in_(discarded))
    _store_last(rows, ended)
    _finish(rows, ended, valid)
    opened = False
    if ended and job["open_steps"] > len(ended):
        rows.update(jobs, jobs.c.job_id == job["job_id"], open_steps=job["open_steps"] - len(ended))
    elif ended:
        opened = open_next_phase(rows, job)
        if not opened:
            end_job(rows, job, JobState.SUCCEEDED)
    return StreamsEnded(opened=opened, lost=_without(claims, valid))


def insert_checkpoint(rows: Changes, claim: Claim, checkpoint: Checkpoint, number: int) -> None:
    """Insert a step's checkpoint of this number, with its run."""
    sealed = checkpoint.sealed
    rows.insert(
        checkpoints,
        row_id=sealed.row_id,
        job_id=claim.job_id,
        step_id=claim.step_id,
        number=number,
        phase=checkpoint.phase,
        stream=checkpoint.stream,
        data_key_id=sealed.data_key_id,
        data=sealed.data,
    )
    if checkpoint.run is not None:
        keep_run(rows, checkpoint.run)
        rows.insert(checkpoint_runs, row_id=sealed.row_id, run_id=checkpoint.run.run_id)


def last_checkpoints(rows: Changes, *where: ColumnElement[bool]) -> dict[str, int]:
    """Return the number of the last checkpoint of each step that has one and meets the conditions."""
    query = (
        select(checkpoints.c.step_id, func.max(checkpoints.c.number))
        .where(checkpoints.c.tenant_id == rows.tenant_id, *where)
        .group_by(checkpoints.c.step_id)
    )
    return {row[0]: row[1] for row in rows.connection.execute(query)}


def _lock_valid(rows: Changes, claims: Sequence[Claim]) -> tuple[RowMapping, dict[str, RowMapping]]:
    """Lock the job's row. Return it, and the steps by id whose claim is valid. Raises ClaimLost if there is no such job."""
    job = rows.one(jobs, jobs.c.job_id == claims[0].job_id, lock=True)
    if job is None:
        raise ClaimLost
    fences = {claim.step_id: claim.fence for claim in claims}
    running = rows.find(
        steps,
        steps.c.job_id == job["job_id"],
        steps.c.state == StepState.RUNNING.value,
        steps.c.step_id.in_(fences),
        steps.c.claim_until > rows.now,
    )
    return job, {step["step_id"]: step for step in running if step["fence"] == fences[step["step_id"]]}


def _without(claims: Sequence[Claim], valid: Mapping[str, RowMapping]) -> frozenset[str]:
    """Return the ids of the claims' steps that are not valid."""
    return frozenset(claim.step_id for claim in claims) - valid.keys()


def _store_last(rows: Changes, ends: Sequence[StreamEnd]) -> None:
    """Insert the last checkpoints of these steps."""
    with_checkpoint = [(end.claim, end.checkpoint) for end in ends if end.checkpoint is not None]
    if not with_checkpoint:
        return
    last = last_checkpoints(rows, checkpoints.c.step_id.in_([claim.step_id for claim, _ in with_checkpoint]))
    for claim, checkpoint in with_checkpoint:
        insert_checkpoint(rows, claim, checkpoint, last.get(claim.step_id, 0) + 1)


def _finish(rows: Changes, ends: Sequence[StreamEnd], before: Mapping[str, RowMapping]) -> None:
    """Mark the steps as done, and release their claims."""
    if not ends:
        return
    done = {"state": StepState.DONE, "ended_at": rows.now, "holder": None, "claim_until": None, **NO_TROUBLE}
    rows.update(steps, steps.c.step_id.in_([end.claim.step_id for end in ends]), **done)
    values = [
        {
            "row": end.claim.step_id,
            "answer": end.answer,
            "request_id": end.request_id,
            "progress": before[end.claim.step_id]["progress"] if end.progress is None else plain_progress(end.progress),
        }
        for end in ends
    ]
    _update_each(rows, _CHANGED, values)


def _update_each(rows: Changes, names: Sequence[str], values: Sequence[Mapping[str, object]]) -> None:
    """Set the named columns of each step whose id is in ``row``."""
    if values:
        own = steps.c.tenant_id == rows.tenant_id, steps.c.step_id == bindparam("row")
        rows.connection.execute(update(steps).where(*own).values({name: bindparam(name) for name in names}), values)
