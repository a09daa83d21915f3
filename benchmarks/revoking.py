"""Takes a key away while a backup runs, again and again, and says as JSON how long the backup went on. A process of its own.

Arguments: directory id, client id, secret, trials; settings come from the environment. In each trial the step that reads
users waits for a page that Graph keeps to itself; at a random moment of half a key lease, which is how often a lease is
renewed, the KMS key is disabled, and afterwards enabled again.
"""

import logging
import random
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import boto3
import httpx
import msgspec

from shared import wiring
from shared.domain.errors import Code
from shared.domain.model import Asked, JobKind, Tenant
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.jobs.perform import perform
from shared.engine.jobs.plan import steps_of
from shared.engine.onboarding import add_tenant
from shared.messages import StepMessage
from shared.ports.directory import Identity

_LOOK = 0.005
"""Seconds between two looks into SQL."""
_LONGEST = 60.0


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from just before KMS was told to disable the key, of each trial: until the job had ended in SQL, and until its
    step had let go of everything. ``lease`` is the key lease, in seconds."""

    lease: float
    ended: list[float]
    let_go: list[float]


class Trials:
    """A tenant, its directory and its KMS key."""

    def __init__(self, context: Context, tenant: Tenant, graph: httpx.Client) -> None:
        self._context, self._tenant, self._graph = context, tenant, graph
        self._jobs = context.catalog.tenant(tenant.tenant_id).jobs
        self._owner = boto3.session.Session(region_name=tenant.key_arn.split(":")[3]).client("kms")

    def once(self) -> tuple[float, float]:
        """Raises RuntimeError if the job ends in another way than by the refusal."""
        arn, lease = self._tenant.key_arn, self._context.lease_seconds
        with self._silent(lease * 2):
            step = self._begun()
            working = threading.Thread(target=perform, args=(self._context, step, "benchmark/1"))
            working.start()
            _until(self._waits)
            time.sleep(random.uniform(0.0, lease / 2))
            begun = time.perf_counter()
            self._owner.disable_key(KeyId=arn)
            _until(lambda: self._jobs.get(step.job_id).state.ended)
            ended = time.perf_counter() - begun
            working.join()
            let_go = time.perf_counter() - begun
        self._owner.enable_key(KeyId=arn)
        job = self._jobs.get(step.job_id)
        if job.code is not Code.KEY_ACCESS_REVOKED:
            raise RuntimeError(f"the backup ended as {job.state}: {job.message}")
        return ended, let_go

    @contextmanager
    def _silent(self, seconds: float) -> Iterator[None]:
        """The next page of users comes only after so many seconds."""
        slow = {"match": {"path": "/v1.0/users/delta"}, "what": "slow", "seconds": seconds, "times": 1}
        self._graph.post("/_sim/faults", json=[slow]).raise_for_status()
        yield
        self._graph.delete("/_sim/faults").raise_for_status()

    def _waits(self) -> bool:
        (fault,) = self._graph.get("/_sim/faults").raise_for_status().json()
        return bool(fault["fired"])

    def _begun(self) -> StepMessage:
        job, _ = self._jobs.ask(JobKind.BACKUP, asked=Asked.HAND)
        self._context.catalog.scheduler().give_steps(job, steps_of(job.kind))
        step = next(step for step in self._jobs.steps(job.job_id) if step.name == "users")
        return StepMessage(tenant_id=job.tenant_id, job_id=job.job_id, step_id=step.step_id)


def revoke(directory_id: str, client_id: str, secret: str, trials: str) -> Stopped:
    """So many trials, one after the other."""
    wiring.migrate_catalog()
    context, settings = wiring.worker_context(wiring.celery_app()), wiring.settings()
    identity = Identity(directory_id=directory_id, client_id=client_id, secret=Secret(secret.encode()))
    tenant = add_tenant(context, "measured", identity).tenant
    trust = ssl.create_default_context(cafile=settings.ca_bundle)
    with httpx.Client(base_url=settings.graph_url, verify=trust, timeout=60, trust_env=False) as graph:
        of = Trials(context, tenant, graph)
        times = [of.once() for _ in range(int(trials))]
    return Stopped(
        lease=context.lease_seconds, ended=[ended for ended, _ in times], let_go=[let_go for _, let_go in times]
    )


def _until(true: Callable[[], bool]) -> None:
    """Raises RuntimeError if it does not come true."""
    end = time.monotonic() + _LONGEST
    while not true():
        if time.monotonic() > end:
            raise RuntimeError("what was waited for did not happen")
        time.sleep(_LOOK)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)  # that the key is refused is what is wanted here
    sys.stdout.buffer.write(msgspec.json.encode(revoke(*sys.argv[1:])))
