"""Move a tenant's data keys to another KMS key as a worker does, and print the measurements as JSON.

Runs as a separate process. Arguments: directory id, client id, secret, number of data keys. Settings come from the
environment. The tenant first gets a KMS key of its own, and under it data keys of jobs that do not exist. Then ``key update``
to a third KMS key is measured.
"""

import sys
import time
import uuid
from collections import Counter
from typing import Any

import boto3
import httpx
import msgspec
from sqlalchemy import create_engine, insert

from shared import wiring
from shared.adapters.catalog.schema import data_keys
from shared.domain.jobs import Job, JobState, steps_of
from shared.domain.limits import Limits
from shared.domain.model import Purpose, Tenant, WrappedKey
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.jobs.runner import run_step
from shared.engine.requests.customer_keys import request_enable, request_update
from shared.engine.tenants.onboarding import add_tenant
from shared.messages import StepMessage
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.directory import Identity
from shared.ports.observer import Observer, Point
from shared.vault.keyring import create_data_key
from tests.tables import SMALL, small

_LIMITS = Limits(key_steady_seconds=0.5)
"""Shortens the wait of a key check, which is ten seconds by default and does not depend on the number of data keys."""
_PARTS = {Point.KEY_MOVED: "move", Point.GENERATION_ERASED: "erase older generations"}
"""The part of the work that ends when a point is passed for the last time, by point."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of one key update."""

    data_keys: int
    """Number of data keys of the tenant."""
    seconds: float
    """Wall clock from the switch of the tenant's key to the end of the job."""
    cpu_seconds: float
    """CPU time of all threads of the process, for the whole job."""
    parts: dict[str, float]
    """The same seconds, by part of the work."""
    calls: dict[str, int]
    """Calls to KMS, by operation, including those of the checks before the switch."""


class Watch(Observer):
    """A listener that records when the key was switched, and when each point was last passed.

    A step that is released and claimed again passes the switch again, so only the first switch counts.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget all recorded times."""
        self.switched: float | None = None
        self._passed: dict[Point, float] = {}

    def reach(self, point: Point) -> None:
        """Record the time."""
        now = time.perf_counter()
        self._passed[point] = now
        if point is Point.KEY_SWITCHED and self.switched is None:
            self.switched = now

    def parts(self, started_at: float, ended_at: float) -> dict[str, float]:
        """Return seconds by part of the work, in order."""
        parts, previous = {}, started_at
        for point, part in _PARTS.items():
            parts[part] = self._passed[point] - previous
            previous = self._passed[point]
        return parts | {"prove": ended_at - previous}


def move(directory_id: str, client_id: str, secret: str, many: str) -> Moved:
    """Measure a key update. Raises RuntimeError if it leaves data keys under the former key."""
    wiring.migrate_catalog()
    watch = Watch()
    context = wiring.worker_context(wiring.celery_app(), limits=_LIMITS, listeners=[watch])
    identity = Identity(directory_id=directory_id, client_id=client_id, secret=Secret(secret.encode()))
    tenant = add_tenant(context, "measured", identity, choice=small()).tenant
    catalog = context.catalog.tenant(tenant.tenant_id)
    owner = boto3.session.Session(region_name=tenant.key_arn.split(":")[3]).client("kms")
    first, second = (owner.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    catalog.customer_keys.allow()
    _run_all(context, catalog, request_enable(catalog, first, "measured"))
    _add_data_keys(context, catalog.tenant(), int(many) - 1)
    watch.begin()
    calls_before, cpu_before = _calls(owner), time.process_time()
    _run_all(context, catalog, request_update(catalog, second, "measured"))
    ended_at, cpu_seconds = time.perf_counter(), time.process_time() - cpu_before
    calls_after = _calls(owner)
    switched_at, moved = watch.switched, catalog.keys.state().data_keys
    if switched_at is None or moved != {second: int(many)}:
        raise RuntimeError(f"data keys are left behind: {moved}")
    return Moved(
        data_keys=int(many),
        seconds=ended_at - switched_at,
        cpu_seconds=cpu_seconds,
        parts=watch.parts(switched_at, ended_at),
        calls=dict((calls_after - calls_before).most_common()),
    )


def _add_data_keys(context: Context, tenant: Tenant, many: int) -> None:
    """Create data keys with KMS and store their key objects. Add all of them to SQL in one transaction."""
    keys = [_new_data_key(context, tenant) for _ in range(many)]
    engine = create_engine(wiring.settings().database)
    with engine.begin() as connection:
        rows = [{"tenant_id": tenant.tenant_id, **msgspec.structs.asdict(key)} for key in keys]
        connection.execute(insert(data_keys), rows)
    engine.dispose()


def _new_data_key(context: Context, tenant: Tenant) -> WrappedKey:
    now, job_id = context.clock.now(), str(uuid.uuid4())
    arn, epoch = tenant.key_arn, tenant.key_epoch
    key, wrapped = create_data_key(
        context.keys, context.store, tenant.tenant_id, arn, Purpose.BACKUP, epoch, now, job_id
    )
    key.drop()
    return wrapped


def _run_all(context: Context, catalog: TenantCatalog, job: Job) -> None:
    """Run the job's only step until the job has ended. Raises RuntimeError if the job fails or its step reports trouble."""
    context.catalog.scheduler().offer_steps(job, steps_of(job.kind, SMALL))
    (step,) = catalog.jobs.steps(job.job_id)
    message = StepMessage(tenant_id=job.tenant_id, job_id=job.job_id, step_id=step.step_id)
    while not catalog.jobs.get(job.job_id).state.ended:
        run_step(context, message, "benchmark/1")
        (step,) = catalog.jobs.steps(job.job_id)
        if step.trouble is not None:
            raise RuntimeError(f"the change of key is in trouble: {step.trouble.message}")
    finished = catalog.jobs.get(job.job_id)
    if finished.state is not JobState.SUCCEEDED:
        raise RuntimeError(f"the change of key ended as {finished.state}: {finished.message}")


def _calls(kms: Any) -> Counter[str]:
    """Return the number of calls to KMS so far, by operation."""
    counts: Counter[str] = Counter()
    for row in httpx.get(f"{kms.meta.endpoint_url}/_sim/requests", trust_env=False, timeout=60).json():
        if row["service"] == "kms":
            counts[row["action"]] += row["count"]
    return counts


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(move(*sys.argv[1:])))
