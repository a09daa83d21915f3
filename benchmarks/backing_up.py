"""Backs a directory up in full with the engine as a worker runs it, and says as JSON what that took.

A process of its own. Arguments: directory id, client id, secret; the settings come from the environment. The job's steps,
which beat and broker would hand out, are done here one after the other; everything below them is the product: sign-in,
Graph, budget, KMS, vault, store, catalog.
"""

import sys
import time

import msgspec

from benchmarks.measure import Measure, peak
from shared import wiring
from shared.domain.model import Asked, Job, JobKind, JobState, Phase, StepState, Tenant
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.jobs.perform import perform
from shared.engine.jobs.plan import steps_of
from shared.engine.onboarding import add_tenant
from shared.messages import StepMessage
from shared.ports.directory import Identity

_PHASES = {Phase.READ: "read", Phase.SECOND_ROUND: "second round", Phase.COMPACT: "compact", Phase.COMMIT: "commit"}


def back_up(directory_id: str, client_id: str, secret: str) -> Measure:
    """A tenant's first backup, from its first claim to its snapshot. Raises RuntimeError if it does not succeed."""
    wiring.migrate_catalog()
    context = wiring.worker_context(wiring.celery_app())
    identity = Identity(directory_id=directory_id, client_id=client_id, secret=Secret(secret.encode()))
    tenant = add_tenant(context, "measured", identity).tenant
    catalog = context.catalog.tenant(tenant.tenant_id)
    job, _ = catalog.jobs.ask(JobKind.BACKUP, asked=Asked.HAND, full=True)
    context.catalog.scheduler().give_steps(job, steps_of(job.kind))
    begun, worked = time.perf_counter(), time.process_time()
    spent = _perform_all(context, tenant, job)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - worked
    ended = catalog.jobs.get(job.job_id)
    if ended.state is not JobState.SUCCEEDED:
        raise RuntimeError(f"the backup ended as {ended.state}: {ended.message}")
    snapshot = catalog.snapshots.get("latest")
    blobs = [path for path in (wiring.settings().home / "store").rglob("*") if path.is_file()]
    users = next(report.records or 0 for report in snapshot.resources if report.resource == "users")
    counts = {"users": users, "stored": sum(path.stat().st_size for path in blobs)}
    return Measure(seconds=seconds, cpu_seconds=cpu_seconds, peak=peak(), counts=counts, steps=spent)


def _perform_all(context: Context, tenant: Tenant, job: Job) -> dict[str, float]:
    """Does the job's steps, phase by phase; seconds by phase, the users' steps apart from the small ones."""
    jobs = context.catalog.tenant(tenant.tenant_id).jobs
    spent: dict[str, float] = {}
    while not jobs.get(job.job_id).state.ended:
        step = min(
            (step for step in jobs.steps(job.job_id) if step.state is StepState.QUEUED), key=lambda step: step.phase
        )
        began = time.perf_counter()
        perform(
            context, StepMessage(tenant_id=tenant.tenant_id, job_id=job.job_id, step_id=step.step_id), "benchmark/1"
        )
        name = f"{_PHASES[step.phase]}, {step.name if step.name in ('users', 'commit', 'compact') else 'other streams'}"
        spent[name] = spent.get(name, 0.0) + time.perf_counter() - began
    return spent


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(back_up(*sys.argv[1:])))
