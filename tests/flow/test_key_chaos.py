"""Many data keys move to another KMS key while worker, beat and Redis are killed at every tenth."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from signal import SIGKILL

import pytest

from shared.domain.jobs import Job, JobKind, JobState
from shared.domain.model import Tenant
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.requests.customer_keys import request_enable, request_update
from shared.ports.catalog.keys import KeyState
from shared.vault.keyring import check_key_object, decode_key_object, unwrap
from shared.vault.names import key_objects_prefix
from tests.flow.faults import FOLDER, Faults, alive
from tests.flow.nursery import Nursery
from tests.flow.stack import LEASE, TOP, Stack, running_stack, same, until
from tests.parts import RedisServer

pytestmark = [pytest.mark.flow, pytest.mark.timeout(700)]

KEYS, CHAOS_KEYS = 150, 500
"""Number of data keys: enough for one fault at each kind of point, and for a long job."""
WORDS = {
    "beat": ("beat", "--scheduler", "tests.flow.chaos_parts:Beat", "--pidfile=", "-l", "info"),
    "worker": ("worker", "-c", "1", "-l", "info", "-Q", "manual", "--without-mingle", "--without-gossip"),
}


class Chaos:
    """A stack whose parts a worker kills during its work, and which are restarted."""

    def __init__(self, stack: Stack, nursery: Nursery, folder: Path) -> None:
        self.stack, self.faults = stack, Faults(folder)
        self._nursery, self._folder = nursery, folder
        self._processes: dict[str, int] = {}
        self.starts = dict.fromkeys((*WORDS, "redis"), 0)
        self._know("redis", stack.redis.process.pid)

    def restart_parts(self) -> None:
        """Restart every dead part."""
        if self.stack.redis.process.poll() is not None:
            port = int(self.stack.redis.url.rpartition(":")[2].partition("/")[0])
            self.stack.redis.process = RedisServer(port, self._folder).process
            self._know("redis", self.stack.redis.process.pid)
        for part, words in WORDS.items():
            if part not in self._processes or not alive(self._processes[part]):
                self._know(part, self._nursery.begin(self._folder / f"{part}.log", *words))

    def stop(self) -> None:
        """End worker and beat until the next ``restart_parts``."""
        for part in WORDS:
            os.killpg(self._processes.pop(part), SIGKILL)

    def _know(self, part: str, process: int) -> None:
        self._processes[part] = process
        self.starts[part] += 1
        self.faults.record_process(part, process)


class Watch:
    """Compares what ``key show`` reports of the previous key with the stored data."""

    def __init__(self, stack: Stack, tenant: Tenant, arn: str) -> None:
        self._stack, self._tenant, self._arn = stack, tenant, arn
        self._not_moved = time.monotonic()

    def check(self) -> KeyState | None:
        """Return the reported state. It is None before the switch to the new key."""
        looked = time.monotonic()
        catalog = self._stack.catalog_of(self._tenant)
        if catalog.tenant().key_arn != self._arn:
            return None
        state = catalog.keys.state()
        if set(state.data_keys) != {self._arn}:
            self._not_moved = looked
        if state.old_key_free:
            assert set(state.data_keys) == {self._arn}
            assert time.monotonic() - self._not_moved >= LEASE
            assert rows_elsewhere(self._stack, self._tenant, self._arn) == 0
            assert stored_elsewhere(self._stack, self._tenant, self._arn) == []
        return state


def rows_elsewhere(stack: Stack, tenant: Tenant, arn: str) -> int:
    """Return the number of data key rows, of any generation, that another KMS key wraps."""
    with closing(sqlite3.connect(stack.home / "catalog.sqlite3")) as catalog:
        query = "SELECT count(*) FROM data_keys WHERE tenant_id = ? AND arn <> ?"
        (count,) = catalog.execute(query, (tenant.tenant_id, arn)).fetchone()
        return int(count)


def stored_elsewhere(stack: Stack, tenant: Tenant, arn: str) -> list[str]:
    """Return the names of the key objects that another KMS key wraps."""
    store, tenant_id = stack.context.store, tenant.tenant_id
    names = list(store.names(key_objects_prefix(tenant_id), deleted=True))
    return [name for name in names if decode_key_object(store.get(name) or b"", tenant_id, name).arn != arn]


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    folder = tmp_path_factory.mktemp("chaos")
    with running_stack(folder, "--users", "4", store=f"file://{folder}/store") as stack:
        environment = {**stack.environment, FOLDER: str(folder)}
        with Nursery("tests.flow.chaos_parts", environment, TOP) as nursery:
            yield Chaos(stack, nursery, folder)


@pytest.fixture(scope="module")
def tenant(chaos: Chaos) -> Tenant:
    """Connect a tenant with a backup and its own KMS key."""
    stack = chaos.stack
    chaos.faults.plan()
    tenant = stack.add("acme")
    catalog = stack.catalog_of(tenant)
    assert_succeeds(chaos, stack.ask(tenant))
    catalog.customer_keys.allow()
    assert_succeeds(chaos, request_enable(catalog, stack.aws.new_key(), "ada"))
    return tenant


def fill(chaos: Chaos, tenant: Tenant, data_keys: int) -> None:
    """Create data keys until the tenant has this many, while neither beat nor a worker runs."""
    stack, catalog = chaos.stack, chaos.stack.catalog_of(tenant)
    chaos.stop()
    with ProcessKeys(stack.context, catalog) as keys:
        for _ in range(data_keys - len(catalog.keys.all())):
            job = stack.ask(tenant, JobKind.VERIFY)
            keys.job_key(job.job_id)
            catalog.jobs.cancel(job.job_id)
    assert len(catalog.keys.all()) >= data_keys


def assert_succeeds(chaos: Chaos, job: Job, watch: Watch | None = None) -> None:
    """Restart killed parts until the job has ended. Assert that it succeeded."""
    jobs = chaos.stack.context.catalog.tenant(job.tenant_id).jobs
    until(lambda: ended(chaos, watch, jobs.get(job.job_id)), f"job {job.job_id} ends", 600)
    assert jobs.get(job.job_id).state is JobState.SUCCEEDED, jobs.get(job.job_id)


def ended(chaos: Chaos, watch: Watch | None, job: Job) -> bool:
    for _ in range(20):
        chaos.restart_parts()
        time.sleep(0.01)
    if watch is not None:
        watch.check()
    return job.state.ended


@pytest.mark.parametrize(
    ("parts", "data_keys"),
    [
        pytest.param(("worker", "beat", "redis"), KEYS, id="in-turn"),
        *(pytest.param((part,), CHAOS_KEYS, id=part, marks=pytest.mark.chaos) for part in ("worker", "beat", "redis")),
    ],
)
def test_a_key_change_completes_although_parts_are_killed_and_frees_the_previous_key_last(
    chaos: Chaos, tenant: Tenant, parts: tuple[str, ...], data_keys: int
) -> None:
    fill(chaos, tenant, data_keys)
    stack, catalog = chaos.stack, chaos.stack.catalog_of(tenant)
    before = {key.data_key_id for key in catalog.keys.all()}
    old, new = stack.key(tenant), stack.aws.new_key()
    starts = sum(chaos.starts[part] for part in parts)
    watch = Watch(stack, tenant, new)
    chaos.faults.plan(*parts)
    assert_succeeds(chaos, request_update(catalog, new, "ada"), watch)
    assert chaos.faults.strikes() >= data_keys // 10
    assert sum(chaos.starts[part] for part in parts) - starts >= chaos.faults.strikes() - 1
    until(lambda: (state := watch.check()) and state.old_key_free, "the old key may be disabled", 2 * LEASE + 10)

    stack.aws.client("kms").disable_key(KeyId=old)
    keys = catalog.keys.all()
    assert {key.data_key_id for key in keys} >= before
    for key in keys:
        assert key.arn == new
        unwrap(stack.context.keys, key).drop()
        check_key_object(stack.context.store, tenant.tenant_id, key)
    same(stack.download(tenant), stack.graph.records())
