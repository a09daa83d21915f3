"""Moves a tenant's data keys to another KMS key, as a worker does, and says as JSON what that took. A process of its own.

Arguments: directory id, client id, secret, how many data keys; settings come from the environment. The tenant is given a key
of its own first, and data keys under it, of jobs that are not there; then ``key update`` to a third KMS key is measured.
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
from shared.domain.limits import Limits
from shared.domain.model import Job, JobState, Purpose, Tenant, WrappedKey
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.jobs.perform import perform
from shared.engine.jobs.plan import steps_of
from shared.engine.key_management.asking import ask_enable, ask_update
from shared.engine.onboarding import add_tenant
from shared.messages import StepMessage
from shared.ports.catalog import TenantCatalog
from shared.ports.directory import Identity
from shared.vault.keyring import birth

_LIMITS = Limits(key_steady_seconds=0.5)
"""The checks of a key wait for ten seconds, which has nothing to do with how many data keys there are."""
_PARTS = {"key-moved": "move", "generation-erased": "erase older generations"}
"""What the last passing of a point is the end of."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """``seconds`` are wall clock from the switch of the tenant's key to the end of the job, ``parts`` those by what was done,
    ``calls`` those that KMS got meanwhile, by operation, and those for the checks before the switch."""

    data_keys: int
    seconds: float
    cpu_seconds: float
    parts: dict[str, float]
    calls: dict[str, int]


class Watch:
    """When the key was switched, and when each point was passed last. A step that gives itself back passes by the switch
    again."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forgets what was passed so far."""
        self.switched: float | None = None
        self._passed: dict[str, float] = {}

    def __call__(self, point: str) -> None:
        now = time.perf_counter()
        self._passed[point] = now
        if point == "key-switched" and self.switched is None:
            self.switched = now

    def parts(self, begun: float, ended: float) -> dict[str, float]:
        """Seconds by what was done, in order."""
        found, before = {}, begun
        for point, part in _PARTS.items():
            found[part] = self._passed[point] - before
            before = self._passed[point]
        return found | {"prove": ended - before}


def move(directory_id: str, client_id: str, secret: str, many: str) -> Moved:
    """Raises RuntimeError if the tenant's key is not changed."""
    wiring.migrate_catalog()
    watch = Watch()
    context = wiring.worker_context(wiring.celery_app(), limits=_LIMITS, at=watch)
    identity = Identity(directory_id=directory_id, client_id=client_id, secret=Secret(secret.encode()))
    tenant = add_tenant(context, "measured", identity).tenant
    catalog = context.catalog.tenant(tenant.tenant_id)
    owner = boto3.session.Session(region_name=tenant.key_arn.split(":")[3]).client("kms")
    first, second = (owner.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    catalog.customer_keys.allow()
    _perform_all(context, catalog, ask_enable(catalog, first, "measured"))
    _add_data_keys(context, catalog.tenant(), int(many) - 1)
    watch.begin()
    before, worked = _calls(owner), time.process_time()
    _perform_all(context, catalog, ask_update(catalog, second))
    ended, cpu_seconds = time.perf_counter(), time.process_time() - worked
    after = _calls(owner)
    begun, moved = watch.switched, catalog.keys.state().data_keys
    if begun is None or moved != {second: int(many)}:
        raise RuntimeError(f"data keys are left behind: {moved}")
    return Moved(
        data_keys=int(many),
        seconds=ended - begun,
        cpu_seconds=cpu_seconds,
        parts=watch.parts(begun, ended),
        calls=dict((after - before).most_common()),
    )


def _add_data_keys(context: Context, tenant: Tenant, many: int) -> None:
    """Data keys made by KMS, with their key objects, told to SQL in one transaction."""
    keys = [_born(context, tenant) for _ in range(many)]
    engine = create_engine(wiring.settings().database)
    with engine.begin() as connection:
        rows = [{"tenant_id": tenant.tenant_id, **msgspec.structs.asdict(key)} for key in keys]
        connection.execute(insert(data_keys), rows)
    engine.dispose()


def _born(context: Context, tenant: Tenant) -> WrappedKey:
    now, job_id = context.clock.now(), str(uuid.uuid4())
    arn, epoch = tenant.key_arn, tenant.key_epoch
    key, wrapped = birth(context.keys, context.store, tenant.tenant_id, arn, Purpose.BACKUP, epoch, now, job_id)
    key.drop()
    return wrapped


def _perform_all(context: Context, catalog: TenantCatalog, job: Job) -> None:
    """The job's one step, as often as it gives itself back. Raises RuntimeError if the job does not succeed, or meets
    trouble."""
    context.catalog.scheduler().give_steps(job, steps_of(job.kind))
    (step,) = catalog.jobs.steps(job.job_id)
    message = StepMessage(tenant_id=job.tenant_id, job_id=job.job_id, step_id=step.step_id)
    while not catalog.jobs.get(job.job_id).state.ended:
        perform(context, message, "benchmark/1")
        (step,) = catalog.jobs.steps(job.job_id)
        if step.trouble is not None:
            raise RuntimeError(f"the change of key is in trouble: {step.trouble.message}")
    ended = catalog.jobs.get(job.job_id)
    if ended.state is not JobState.SUCCEEDED:
        raise RuntimeError(f"the change of key ended as {ended.state}: {ended.message}")


def _calls(kms: Any) -> Counter[str]:
    """Calls that KMS got so far, by operation."""
    counted: Counter[str] = Counter()
    for row in httpx.get(f"{kms.meta.endpoint_url}/_sim/requests", trust_env=False, timeout=60).json():
        if row["service"] == "kms":
            counted[row["action"]] += row["count"]
    return counted


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(move(*sys.argv[1:])))
