"""Plan a restore as a worker does, and print the measurements as JSON. Runs as a separate process in the home of a backup.

Argument: the kind of run. Settings come from the environment.

- ``prepare``: request a plan of everything, and make the backup that the plan needs.
- ``plan``: make the requested plan, from both snapshots to the sealed plan in SQL.
"""

import sys
import time
from collections import Counter

import msgspec

from benchmarks.backing_up import run_all
from benchmarks.measure import Measure, peak
from shared import wiring
from shared.domain.jobs import Job, JobKind, JobState, Origin, PlanProgress, steps_of
from shared.engine.context import Context
from shared.engine.jobs.runner import run_step
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.restore.stored_plans import stored_plan
from shared.messages import StepMessage
from tests.tables import SMALL


def prepare(context: Context) -> Measure:
    """Request a plan of the first snapshot, and make the backup of the directory that it waits for."""
    tenant = context.catalog.tenants()[0]
    jobs = context.catalog.tenant(tenant.tenant_id).jobs
    first = context.catalog.tenant(tenant.tenant_id).snapshots.all()[-1].snapshot_id
    job, _ = jobs.request(JobKind.PLAN, origin=Origin.HAND, snapshot=first, detail=PlanProgress())
    context.catalog.scheduler().offer_steps(job, steps_of(job.kind, SMALL))
    started_at, cpu_before = time.perf_counter(), time.process_time()
    _run_step(context, job)
    detail = jobs.get(job.job_id).detail
    if not isinstance(detail, PlanProgress) or detail.backup is None:
        raise RuntimeError("the plan requested no backup")
    backup = jobs.get(detail.backup)
    context.catalog.scheduler().offer_steps(backup, steps_of(backup.kind, SMALL))
    run_all(context, backup)
    return _measured(started_at, cpu_before, {})


def plan(context: Context) -> Measure:
    """Measure the making of the requested plan. Raise RuntimeError if it fails."""
    tenant = context.catalog.tenants()[0]
    catalog = context.catalog.tenant(tenant.tenant_id)
    job = next(each for each in catalog.jobs.recent() if each.kind is JobKind.PLAN)
    started_at, cpu_before = time.perf_counter(), time.process_time()
    _run_step(context, job)
    ended = catalog.jobs.get(job.job_id)
    if ended.state is not JobState.SUCCEEDED or not isinstance(ended.detail, PlanProgress):
        raise RuntimeError(f"the plan ended as {ended.state}: {ended.message}")
    measure = _measured(started_at, cpu_before, {})
    with ProcessKeys(context, catalog) as keys:
        made = stored_plan(catalog, keys, ended.detail.plan or "")
    counts = Counter(str(each.action) for each in made.operations)
    return msgspec.structs.replace(
        measure,
        counts={"operations": len(made.operations), "impossible": len(made.impossible), **dict(counts.most_common())},
    )


def _measured(started_at: float, cpu_before: float, counts: dict[str, int]) -> Measure:
    return Measure(
        seconds=time.perf_counter() - started_at,
        cpu_seconds=time.process_time() - cpu_before,
        peak=peak(),
        counts=counts,
    )


def _run_step(context: Context, job: Job) -> None:
    """Run the job's only step, once."""
    (step,) = context.catalog.tenant(job.tenant_id).jobs.steps(job.job_id)
    run_step(context, StepMessage(tenant_id=job.tenant_id, job_id=job.job_id, step_id=step.step_id), "benchmark/1")


if __name__ == "__main__":
    run = {"prepare": prepare, "plan": plan}[sys.argv[1]]
    sys.stdout.buffer.write(msgspec.json.encode(run(wiring.worker_context(wiring.celery_app()))))
