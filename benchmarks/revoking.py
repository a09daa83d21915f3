"""Revoke a key while a backup runs, several times, and print as JSON how long the backup continued.

Runs as a separate process. Arguments: directory id, client id, secret, number of trials. Settings come from the environment.
In each trial the step that reads users waits for a page that Graph delays. The KMS key is disabled at a random moment of half
a key lease, which is the interval at which leases are renewed. Afterwards it is enabled again.
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
from shared.domain.jobs import JobKind, Origin, steps_of
from shared.domain.model import Tenant
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.jobs.runner import run_step
from shared.engine.tenants.onboarding import add_tenant
from shared.messages import StepMessage
from shared.ports.directory import Identity
from tests.tables import SMALL, small

_POLL_SECONDS = 0.005
"""Seconds between two polls of SQL."""
_TIMEOUT_SECONDS = 60.0


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of each trial, counted from just before KMS received the request to disable the key."""

    lease: float
    """The key lease, in seconds."""
    ended: list[float]
    """Seconds until the job had ended in SQL."""
    let_go: list[float]
    """Seconds until its step had released everything."""


class Trials:
    """Trials with one tenant, its directory and its KMS key."""

    def __init__(self, context: Context, tenant: Tenant, graph: httpx.Client) -> None:
        self._context, self._tenant, self._graph = context, tenant, graph
        self._jobs = context.catalog.tenant(tenant.tenant_id).jobs
        self._owner = boto3.session.Session(region_name=tenant.key_arn.split(":")[3]).client("kms")

    def once(self) -> tuple[float, float]:
        """Run one trial. Return the seconds until the job had ended, and until its step had released everything.

        Raises RuntimeError if the job ends for another reason than the refusal of the key.
        """
        arn, lease = self._tenant.key_arn, self._context.lease_seconds
        with self._page_delayed(lease * 2):
            step = self._queued_step()
            working = threading.Thread(target=run_step, args=(self._context, step, "benchmark/1"))
            working.start()
            _wait_until(self._page_requested)
            time.sleep(random.uniform(0.0, lease / 2))
            disabled_at = time.perf_counter()
            self._owner.disable_key(KeyId=arn)
            _wait_until(lambda: self._jobs.get(step.job_id).state.ended)
            ended = time.perf_counter() - disabled_at
            working.join()
            let_go = time.perf_counter() - disabled_at
        self._owner.enable_key(KeyId=arn)
        job = self._jobs.get(step.job_id)
        if job.code is not Code.KEY_ACCESS_REVOKED:
            raise RuntimeError(f"the backup ended as {job.state}: {job.message}")
        return ended, let_go

    @contextmanager
    def _page_delayed(self, seconds: float) -> Iterator[None]:
        """Delay the next page of users by so many seconds."""
        slow = {"match": {"path": "/v1.0/users/delta"}, "what": "slow", "seconds": seconds, "times": 1}
        self._graph.post("/_sim/faults", json=[slow]).raise_for_status()
        yield
        self._graph.delete("/_sim/faults").raise_for_status()

    def _page_requested(self) -> bool:
        (fault,) = self._graph.get("/_sim/faults").raise_for_status().json()
        return bool(fault["fired"])

    def _queued_step(self) -> StepMessage:
        job, _ = self._jobs.request(JobKind.BACKUP, origin=Origin.HAND)
        self._context.catalog.scheduler().offer_steps(job, steps_of(job.kind, SMALL))
        step = next(step for step in self._jobs.steps(job.job_id) if step.name == "users")
        return StepMessage(tenant_id=job.tenant_id, job_id=job.job_id, step_id=step.step_id)


def revoke(directory_id: str, client_id: str, secret: str, trials: str) -> Stopped:
    """Run so many trials, one after the other. Return their times."""
    wiring.migrate_catalog()
    context, settings = wiring.worker_context(wiring.celery_app()), wiring.settings()
    identity = Identity(directory_id=directory_id, client_id=client_id, secret=Secret(secret.encode()))
    tenant = add_tenant(context, "measured", identity, choice=small()).tenant
    trust = ssl.create_default_context(cafile=settings.ca_bundle)
    with httpx.Client(base_url=settings.graph_url, verify=trust, timeout=60, trust_env=False) as graph:
        trial = Trials(context, tenant, graph)
        times = [trial.once() for _ in range(int(trials))]
    return Stopped(
        lease=context.lease_seconds, ended=[ended for ended, _ in times], let_go=[let_go for _, let_go in times]
    )


def _wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true. Raises RuntimeError after a minute."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the awaited condition did not become true within a minute")
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)  # the warnings about the refused key are expected
    sys.stdout.buffer.write(msgspec.json.encode(revoke(*sys.argv[1:])))
