"""Restore deleted users as a worker does, and print the measurements as JSON.

Runs as a separate process in the home of a backup.
Arguments: client id and secret of the application that restores. Settings come from the environment. The steps of the restore
and of its backups run one after the other in this process, as in ``benchmarks.backing_up``.
"""

import sys
import time

import msgspec

from benchmarks.backing_up import run_all
from benchmarks.measure import Measure, peak
from shared import wiring
from shared.domain.jobs import Job, JobKind, JobState, Origin, RestoreProgress, StepState, steps_of
from shared.domain.model import CredentialKind
from shared.domain.restore.scope import Scope
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.jobs.runner import run_step
from shared.engine.tenants.onboarding import update_restore_identity
from shared.messages import StepMessage
from shared.ports.catalog.restores import OperationState
from tests.tables import SMALL


def restore(client_id: str, secret: str) -> Measure:
    """Measure a restore of all users from the tenant's first snapshot. Raise RuntimeError if it does not succeed."""
    context = wiring.worker_context(wiring.celery_app())
    tenant = context.catalog.tenants()[0]
    update_restore_identity(context, tenant.name, client_id, Secret(secret.encode()), CredentialKind.SECRET)
    catalog = context.catalog.tenant(tenant.tenant_id)
    first = catalog.snapshots.all()[-1].snapshot_id
    detail = RestoreProgress(scope=Scope(resources=("users",)))
    job, _ = catalog.jobs.request(JobKind.RESTORE, origin=Origin.HAND, snapshot=first, detail=detail)
    context.catalog.scheduler().offer_steps(job, steps_of(job.kind, SMALL))
    started_at = time.perf_counter()
    spent, cpu = _run(context, job)
    ended = catalog.jobs.get(job.job_id)
    if ended.state is not JobState.SUCCEEDED:
        raise RuntimeError(f"the restore ended as {ended.state}: {ended.message}")
    done = sum(result.state is OperationState.DONE for result in catalog.restores.results(job.job_id))
    return Measure(
        seconds=time.perf_counter() - started_at,
        cpu_seconds=cpu["write"],
        peak=peak(),
        counts={"operations": done},
        steps=spent,
    )


def _run(context: Context, job: Job) -> tuple[dict[str, float], dict[str, float]]:
    """Run the steps of a restore, and the backups that they wait for. Return wall-clock and CPU seconds by step."""
    jobs = context.catalog.tenant(job.tenant_id).jobs
    spent: dict[str, float] = {}
    cpu: dict[str, float] = {}
    while not jobs.get(job.job_id).state.ended:
        for backup in jobs.recent():
            if backup.kind is JobKind.BACKUP and not backup.state.ended:
                context.catalog.scheduler().offer_steps(backup, steps_of(backup.kind, SMALL))
                run_all(context, backup)
        for step in (each for each in jobs.steps(job.job_id) if each.state is StepState.QUEUED):
            started_at, cpu_before = time.perf_counter(), time.process_time()
            message = StepMessage(tenant_id=job.tenant_id, job_id=job.job_id, step_id=step.step_id)
            run_step(context, message, "benchmark/1")
            spent[step.name] = spent.get(step.name, 0.0) + time.perf_counter() - started_at
            cpu[step.name] = cpu.get(step.name, 0.0) + time.process_time() - cpu_before
    return spent, cpu


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(restore(*sys.argv[1:])))
