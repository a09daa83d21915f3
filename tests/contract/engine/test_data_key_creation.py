"""Creation of a job's data key: KMS makes one per job, even if several steps need it or a worker is killed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.adapters.kms import AwsKeys
from shared.domain.errors import ClaimLost, KeyTrouble
from shared.domain.jobs import Job, JobState
from shared.domain.model import Purpose
from shared.engine.keys.process_keys import ProcessKeys
from shared.vault.names import key_objects_prefix
from tests.contract.engine.kms_cases import ENVIRONMENT
from tests.contract.engine.world import EngineWorld
from tests.parts import REGION, AwsSimulator, aws_simulator
from tests.tables import SMALL

pytestmark = pytest.mark.streams(*SMALL)

LEASE = 60.0
SLOW = {"match": {"service": "kms", "action": "GenerateDataKey"}, "what": "slow", "seconds": 0.5}
"""Long enough for all steps of a phase to request the data key while KMS creates it."""


class Killed(BaseException):
    """A kill of the worker."""


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator, pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | {"AWS_REGION": REGION, "AWS_ENDPOINT_URL_KMS": simulator.url}).items():
            patch.setenv(name, value)
        yield simulator


@pytest.fixture
def world(aws: AwsSimulator, tmp_path: Path) -> Iterator[EngineWorld]:
    arn = aws.new_key()
    world = EngineWorld(tmp_path, AwsKeys(LEASE, arn), arn, LEASE)
    aws.post("reset-counters")
    yield world
    aws.clear_faults()
    world.close()


def created_data_keys(aws: AwsSimulator) -> int:
    """Return the number of data keys that KMS has made since the tenant was added."""
    return sum(
        row["count"] for row in aws.get("requests") if row["action"] == "GenerateDataKey" and row["code"] == "OK"
    )


def start_backup(world: EngineWorld) -> Job:
    """Start a backup, with a message for each step that may be claimed. Return the job."""
    job = world.request()
    world.limit(tenant_steps=100)
    world.scheduler.record_heartbeat("w", 100)
    world.tick()
    assert len(world.messages.queue) > 4
    return job


def run_together(world: EngineWorld) -> None:
    """Run all steps of the phase at the same time."""
    steps, world.messages.queue = world.messages.queue, []
    with ThreadPoolExecutor(len(steps)) as pool:
        list(pool.map(world.run_step, steps))


def test_steps_that_start_at_the_same_time_share_one_new_data_key(world: EngineWorld, aws: AwsSimulator) -> None:
    for backups in (1, 2):
        world.directory.put("users", f"users/later-{backups}")
        job = start_backup(world)
        aws.fault(SLOW)
        run_together(world)
        aws.clear_faults()
        world.work()
        assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
        assert created_data_keys(aws) == backups
    assert world.download() == world.directory.records()


def test_one_data_key_is_created_although_kms_throttles_at_first(world: EngineWorld, aws: AwsSimulator) -> None:
    job = start_backup(world)
    aws.fault(SLOW | {"what": "error", "code": "ThrottlingException", "status": 400, "times": 4}, SLOW)
    run_together(world)
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert created_data_keys(aws) == 1


@pytest.mark.parametrize("point", ["key-object-stored", "key-row-stored"])
def test_another_step_gets_a_data_key_after_a_kill_during_its_creation(
    world: EngineWorld, aws: AwsSimulator, point: str
) -> None:
    job = start_backup(world)
    first, *others = world.messages.queue

    def on_point(reached: str) -> None:
        if reached == point:
            raise Killed

    world.on_point = on_point
    with pytest.raises(Killed):
        world.run_step(first)
    world.on_point = lambda _: None
    world.messages.queue = others
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run_together, world)
        if point == "key-object-stored":
            with pytest.raises(TimeoutError):
                waiting.result(1.0)
            assert created_data_keys(aws) == 1
            world.pass_time(world.context.limits.claim_seconds)
        waiting.result(30)
    world.pass_time(3600)
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    expected = 2 if point == "key-object-stored" else 1
    assert created_data_keys(aws) == expected
    assert len(list(world.store.names(key_objects_prefix(world.tenant.tenant_id)))) == expected + 1


def test_two_concurrent_creations_of_a_data_key_leave_one_in_use(world: EngineWorld, aws: AwsSimulator) -> None:
    """The first creation takes so long that its reservation expires."""
    job = world.request()
    with ProcessKeys(world.context, world.catalog) as one, ProcessKeys(world.context, world.catalog) as other:
        ids: list[str] = []

        def on_point(point: str) -> None:
            if point == "key-object-stored" and not ids:
                ids.append("")
                world.pass_time(world.context.limits.claim_seconds)
                ids[0] = other.job_key(job.job_id).id

        world.on_point = on_point
        assert one.job_key(job.job_id).id == ids[0] == other.job_key(job.job_id).id
        assert one.find(ids[0]).id == ids[0]
    row = world.catalog.keys.find(Purpose.BACKUP, job.job_id)
    assert row is not None
    assert row.data_key_id == ids[0]
    assert created_data_keys(aws) == 2


def test_a_wait_for_a_data_key_ends_with_its_job(world: EngineWorld, aws: AwsSimulator) -> None:
    job = world.request()
    assert world.catalog.keys.reserve_data_key(job.job_id, 30.0)
    with ProcessKeys(world.context, world.catalog) as keys, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(keys.job_key, job.job_id)
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        world.catalog.jobs.cancel(job.job_id)
        with pytest.raises(ClaimLost):
            waiting.result(10)
    assert created_data_keys(aws) == 0


def test_a_wait_for_a_data_key_ends_with_its_lease(world: EngineWorld) -> None:
    job = world.request()
    assert world.catalog.keys.reserve_data_key(job.job_id, 30.0)
    keys = ProcessKeys(world.context, world.catalog)
    keys.secrets()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(keys.job_key, job.job_id)
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        keys.__exit__()
        with pytest.raises(KeyTrouble):
            waiting.result(10)
