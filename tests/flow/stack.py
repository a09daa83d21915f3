"""The whole product on real parts: both simulators, Redis, beat and a worker as processes, the engine in the test."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from pathlib import Path

import pytest

from console.parts import Nodes, celery_parts, flower_answers
from shared import wiring
from shared.domain.jobs import Job, JobKind, JobState, Origin
from shared.domain.model import Schedule, Snapshot, Tenant
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.snapshots.download import download
from shared.engine.tenants.onboarding import add_tenant, remove_tenant
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.directory import Identity
from tests.parts import (
    ACCOUNT,
    CLIENT,
    DIRECTORY,
    REGION,
    SECRET,
    AwsSimulator,
    GraphSimulator,
    RedisServer,
    aws_simulator,
    free_port,
    graph_simulator,
    redis_server,
)
from tests.tables import small

TOP = Path(__file__).resolve().parents[2]
BUCKET = "backups"
LEASE = 4
"""Seconds of a key lease."""
_LINE = re.compile(rb'\{"key": "([^"]+)", "value": (.*)\}\n')
_GOOD = (JobState.SUCCEEDED,)


def until(true: Callable[[], object], condition: str, seconds: float = 45.0, pause: float = 0.05) -> None:
    """Wait until ``true()`` is true, with this pause between calls."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"never came true: {condition}"
        time.sleep(pause)


class Stack:
    """Running parts and the operations of an operator. ``home`` has the catalog, the logs and temporary files."""

    def __init__(self, home: Path, graph: GraphSimulator, aws: AwsSimulator, redis: RedisServer, store: str) -> None:
        self.home, self.graph, self.aws, self.redis, self.store = home, graph, aws, redis, store
        self.flower_port = free_port()
        self.environment = wiring.child_environment()
        self.context: Context = wiring.command_context()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logged: dict[str, int] = {}
        self.sessions: set[int] = set()
        """Ids of the sessions of all started processes. A process that uses data keys shows nothing else of itself."""

    # -- processes

    def start(
        self, *names: str, application: str = "workers.app", environment: Mapping[str, str] | None = None
    ) -> None:
        """Start parts (``beat``, ``worker``, ``flower``). Return when they are ready."""
        nodes = Nodes(self.environment, ())
        parts = {part.name: part for part in celery_parts(self.environment, nodes, self.flower_port)}
        nodes.close()
        for name in names:
            argv = [application if word == "workers.app" else word for word in parts[name].argv]
            with (self.home / f"{name}.log").open("ab") as log:
                self._logged[name] = log.tell()
                self._running[name] = subprocess.Popen(
                    argv,
                    cwd=TOP,
                    env={**parts[name].environment, **(environment or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                self.sessions.add(self._running[name].pid)
        for name in names:
            until(lambda name=name: self._at_work(name), f"{name} is at work")  # type: ignore[misc]

    def _at_work(self, name: str) -> bool:
        assert self._running[name].poll() is None, (self.home / f"{name}.log").read_text()[-3000:]
        if name == "flower":
            return flower_answers(self.flower_port)
        if name == "beat":
            tick = self.context.catalog.scheduler().last_tick()
            return tick is not None and tick < 1
        return b" ready." in (self.home / "worker.log").read_bytes()[self._logged[name] :]

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part and all its children."""
        os.killpg(self._running[name].pid, number)

    def terminate(self, name: str, seconds: float = 10.0) -> None:
        """End a part as a supervisor does. Assert that it ends in time."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(seconds)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill(self, name: str) -> None:
        """Send SIGKILL to a part and all its children."""
        self.signal(name, signal.SIGKILL)
        self._running.pop(name).wait()

    @contextmanager
    def killed_alone(self, name: str) -> Iterator[None]:
        """Send SIGKILL to a part, and after the block to its remaining children."""
        process = self._running.pop(name)
        process.kill()
        process.wait()
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill every running part."""
        for name in list(self._running):
            self.kill(name)
        self.context.catalog.close()

    # -- operations of an operator

    def add(self, name: str, client: str = CLIENT, secret: str = SECRET, directory: str = DIRECTORY) -> Tenant:
        """Connect a directory. The new tenant replaces the one that the directory had."""
        for tenant in self.context.catalog.tenants():
            if tenant.directory_id == directory:
                remove_tenant(self.context, tenant.name)
        identity = Identity(directory_id=directory, client_id=client, secret=Secret(secret.encode()))
        return add_tenant(self.context, name, identity, readd=True, choice=small()).tenant

    def catalog_of(self, tenant: Tenant) -> TenantCatalog:
        return self.context.catalog.tenant(tenant.tenant_id)

    def ask(self, tenant: Tenant, kind: JobKind = JobKind.BACKUP, *, full: bool = False) -> Job:
        """Request a job by hand."""
        job, new = self.catalog_of(tenant).jobs.request(kind, origin=Origin.HAND, full=full)
        assert new
        return job

    def ended(self, job: Job, seconds: float = 60.0) -> Job:
        """Wait until the job has ended. Return it."""
        jobs = self.context.catalog.tenant(job.tenant_id).jobs
        until(lambda: jobs.get(job.job_id).state.ended, f"job {job.job_id} ends", seconds)
        return jobs.get(job.job_id)

    def backup(self, tenant: Tenant, *, full: bool = False, state: JobState = JobState.SUCCEEDED) -> Job:
        """Make a backup by hand. Assert that it ends in this state."""
        job = self.ended(self.ask(tenant, full=full))
        assert job.state is state, job
        return job

    def scheduled(self, tenant: Tenant) -> Job:
        """Make a backup that is due by its schedule. Return it once it has ended."""
        catalog = self.catalog_of(tenant)
        before = {job.job_id for job in catalog.jobs.recent()}
        due = self.context.clock.now()
        catalog.schedules.set(Schedule(cron="0 3 * * *", timezone="Europe/Berlin", paused=False, next_due=due))
        until(lambda: {job.job_id for job in catalog.jobs.recent()} - before, "the due time becomes a job")
        (job,) = (job for job in catalog.jobs.recent() if job.job_id not in before)
        assert (job.origin, job.due_at) == (Origin.SCHEDULE, due)
        return self.ended(job)

    def snapshot(self, tenant: Tenant, snapshot: str = "latest") -> Snapshot:
        return self.catalog_of(tenant).snapshots.get(snapshot)

    def download(self, tenant: Tenant, snapshot: str = "latest") -> dict[str, bytes]:
        """Return a snapshot's records, key to value. Assert that they are sorted."""
        sink = BytesIO()
        count = download(self.context, tenant, snapshot, sink)
        lines = [_LINE.fullmatch(line) for line in sink.getvalue().splitlines(keepends=True)]
        records = {line[1].decode(): line[2] for line in lines if line is not None}
        assert len(records) == len(lines) == count
        order = [(".".join(key.split("/")[::2]), key) for key in records]
        assert order == sorted(order)
        return records

    def key(self, tenant: Tenant) -> str:
        """Return the ARN of the tenant's KMS key."""
        return self.catalog_of(tenant).tenant().key_arn

    def blobs(self, tenant: Tenant) -> list[str]:
        return list(self.context.store.names(tenant.tenant_id))


def same(actual: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """Assert that two sets of records are equal. Name the first few differences."""
    wrong = [f"missing {key}: {expected[key]!r}" for key in sorted(expected.keys() - actual.keys())]
    wrong += [f"strange {key}: {actual[key]!r}" for key in sorted(actual.keys() - expected.keys())]
    both = sorted(actual.keys() & expected.keys())
    wrong += [f"{key}: {actual[key]!r} for {expected[key]!r}" for key in both if actual[key] != expected[key]]
    if wrong:
        pytest.fail("\n".join([f"{len(wrong)} records are not as in the directory", *wrong[:4]]), pytrace=False)


@contextmanager
def running_stack(folder: Path, *graph_options: str, store: str = f"s3://{BUCKET}/entrakeep") -> Iterator[Stack]:
    """Yield a stack of which only the simulators and Redis run. End every process of it afterwards."""
    home = folder / "home"
    (home / "tmp").mkdir(parents=True)
    with ExitStack() as parts:
        graph = parts.enter_context(graph_simulator(folder, *graph_options))
        aws = parts.enter_context(aws_simulator())
        redis = parts.enter_context(redis_server(folder))
        aws.new_bucket(BUCKET)
        settings = {
            "ENTRAKEEP_HOME": str(home),
            "ENTRAKEEP_BROKER_URL": redis.url,
            "ENTRAKEEP_STORE_URL": store,
            "ENTRAKEEP_PROVIDER_KEY_ARN": aws.new_key(),
            "ENTRAKEEP_GRAPH_URL": graph.url,
            "ENTRAKEEP_AUTHORITY_URL": graph.url,
            "ENTRAKEEP_CA_BUNDLE": str(graph.ca_file),
            "ENTRAKEEP_KEY_LEASE_SECONDS": str(LEASE),
            # No key is probed by default, because some tests count the calls to KMS.
            "ENTRAKEEP_KEY_PROBE_SECONDS": "86400",
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_REGION": REGION,
            "TMPDIR": str(home / "tmp"),
            **{f"AWS_ENDPOINT_URL_{service}": aws.url for service in ("KMS", "S3", "STS")},
        }
        patch = parts.enter_context(pytest.MonkeyPatch.context())
        for name in [name for name in os.environ if name.startswith(("AWS_", "ENTRAKEEP_"))]:
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(name, value)
        stack = Stack(home, graph, aws, redis, store)
        parts.callback(stack.close)
        yield stack
