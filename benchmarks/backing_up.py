"""Back up a directory with the engine as a worker runs it, and print the measurements as JSON. Runs as a separate process.

Arguments: directory id, client id, secret, then the kind of run. Settings come from the environment.

- ``full``: a tenant's first backup.
- ``staged``: the same, with CPU time by stage.
- ``changes``: a further backup of the tenant whose backup this home already has.
- ``again``: a further full backup of that tenant.

The job's steps, which scheduler and broker would distribute, run one after the other in this process. Everything below them
is the product: sign-in, Graph, budget, KMS, vault, store, catalog.
"""

import sys
import time
from contextlib import nullcontext

import msgspec

from benchmarks.measure import Measure, peak, size_of
from benchmarks.stages import Stages
from shared import wiring
from shared.domain.jobs import Job, JobKind, JobState, Origin, Phase, StepState, steps_of
from shared.domain.model import Snapshot
from shared.domain.resources import STREAMS
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.jobs.runner import run_step
from shared.engine.tenants.onboarding import add_tenant
from shared.messages import StepMessage
from shared.ports.directory import Identity
from tests.tables import SMALL, small

HEAVY = ("users", "groups")
"""The streams of most objects in the measured directory."""
_PHASES = {Phase.READ: "read", Phase.SECOND_ROUND: "second round"}


def back_up(directory_id: str, client_id: str, secret: str, how: str) -> Measure:
    """Measure one backup, from its first claim to its snapshot. Raises RuntimeError if it does not succeed."""
    wiring.migrate_catalog()
    context = wiring.worker_context(wiring.celery_app())
    if how in ("changes", "again"):
        tenant = context.catalog.tenants()[0]
    else:
        identity = Identity(directory_id=directory_id, client_id=client_id, secret=Secret(secret.encode()))
        tenant = add_tenant(context, "measured", identity, choice=small()).tenant
    catalog = context.catalog.tenant(tenant.tenant_id)
    job, _ = catalog.jobs.request(JobKind.BACKUP, origin=Origin.HAND, full=how != "changes")
    context.catalog.scheduler().offer_steps(job, steps_of(job.kind, SMALL))
    store = wiring.settings().home / "store"
    stored_before = size_of(store)
    stages = Stages() if how == "staged" else None
    with stages or nullcontext():
        started_at, cpu_before = time.perf_counter(), time.process_time()
        steps = run_all(context, job)
        seconds, cpu_seconds = time.perf_counter() - started_at, time.process_time() - cpu_before
    finished = catalog.jobs.get(job.job_id)
    if finished.state is not JobState.SUCCEEDED:
        raise RuntimeError(f"the backup ended as {finished.state}: {finished.message}")
    return Measure(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak=peak(),
        counts=_counts(catalog.snapshots.get("latest")) | {"stored": size_of(store) - stored_before},
        steps=steps,
        stages=stages.by_stage(cpu_seconds) if stages else {},
    )


def run_all(context: Context, job: Job) -> dict[str, float]:
    """Run the job's steps, phase by phase. Return seconds by label."""
    jobs = context.catalog.tenant(job.tenant_id).jobs
    spent: dict[str, float] = {}
    while not jobs.get(job.job_id).state.ended:
        queued = (step for step in jobs.steps(job.job_id) if step.state is StepState.QUEUED)
        step = min(queued, key=lambda step: (step.phase, step.name not in HEAVY))
        started_at = time.perf_counter()
        run_step(context, StepMessage(tenant_id=job.tenant_id, job_id=job.job_id, step_id=step.step_id), "benchmark/1")
        name = _label(step.phase, step.name)
        spent[name] = spent.get(name, 0.0) + time.perf_counter() - started_at
    return spent


def _label(phase: int, name: str) -> str:
    if phase not in _PHASES:
        return name
    return f"{_PHASES[phase]}, {name if phase == Phase.READ and name in HEAVY else 'other streams'}"


def _counts(snapshot: Snapshot) -> dict[str, int]:
    """Return the snapshot's objects and links, and the records of each resource that the heavy streams feed."""
    heavy = {resource for name in HEAVY for resource in STREAMS[name].resources}
    records = {report.resource: report.records or 0 for report in snapshot.resources if report.resource in heavy}
    return {"objects": snapshot.objects, "links": snapshot.links} | records


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(back_up(*sys.argv[1:])))
