"""The birth of a job's data key: KMS makes one a job, whoever of its steps lacks it first, and whatever becomes of them."""

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

LEASE = 60.0
SLOW = {"match": {"service": "kms", "action": "GenerateDataKey"}, "what": "slow", "seconds": 0.5}
"""Long enough for all steps of a phase to come to the birth while it goes on."""


class Killed(BaseException):
    """What a worker that is killed leaves undone."""


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator, pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | {"AWS_REGION": REGION, "AWS_ENDPOINT_URL_KMS": simulator.url}).items():
            patch.setenv(name, value)
        yield simulator


@pytest.fixture
def world(aws: AwsSimulator, tmp_path: Path) -> Iterator[EngineWorld]:
    arn = aws.new_key()
    made = EngineWorld(tmp_path, AwsKeys(LEASE, arn), arn, LEASE)
    aws.post("reset-counters")
    yield made
    aws.clear_faults()
    made.close()


def made(aws: AwsSimulator) -> int:
    """How many data keys KMS has made since the tenant was added."""
    return sum(
        row["count"] for row in aws.get("requests") if row["action"] == "GenerateDataKey" and row["code"] == "OK"
    )


def begun(world: EngineWorld) -> Job:
    """A backup, with a message for each step that may be claimed."""
    job = world.ask()
    world.limit(tenant_steps=100)
    world.scheduler.record_heartbeat("w", 100)
    world.tick()
    assert len(world.messages.taken) > 4
    return job


def work_on(world: EngineWorld) -> None:
    """Does all steps of the phase at the same time."""
    taken, world.messages.taken = world.messages.taken, []
    with ThreadPoolExecutor(len(taken)) as pool:
        list(pool.map(world.perform, taken))


def test_steps_that_begin_at_the_same_moment_have_one_data_key_made_for_all_of_them(
    world: EngineWorld, aws: AwsSimulator
) -> None:
    for backups in (1, 2):
        world.directory.put("users", f"users/later-{backups}")
        job = begun(world)
        aws.fault(SLOW)
        work_on(world)
        aws.clear_faults()
        world.work()
        assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED
        assert made(aws) == backups
    assert world.download() == world.directory.records()


def test_a_data_key_that_kms_does_not_make_at_once_is_made_once_it_does(world: EngineWorld, aws: AwsSimulator) -> None:
    job = begun(world)
    aws.fault(SLOW | {"what": "error", "code": "ThrottlingException", "status": 400, "times": 4}, SLOW)
    work_on(world)
    world.work()
    assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert made(aws) == 1


@pytest.mark.parametrize("point", ["key-object-stored", "key-row-stored"])
def test_another_step_has_one_made_where_the_first_was_killed_in_between(
    world: EngineWorld, aws: AwsSimulator, point: str
) -> None:
    job = begun(world)
    first, *others = world.messages.taken

    def killed(reached: str) -> None:
        if reached == point:
            raise Killed

    world.at = killed
    with pytest.raises(Killed):
        world.perform(first)
    world.at = lambda _: None
    world.messages.taken = others
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(work_on, world)
        if point == "key-object-stored":
            with pytest.raises(TimeoutError):
                waiting.result(1.0)
            assert made(aws) == 1
            world.pass_time(world.context.limits.claim_seconds)
        waiting.result(30)
    world.pass_time(3600)
    world.work()
    assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED
    born = 2 if point == "key-object-stored" else 1
    assert made(aws) == born
    assert len(list(world.store.names(key_objects_prefix(world.tenant.tenant_id)))) == born + 1


def test_of_two_that_both_gave_birth_all_the_same_one_stands(world: EngineWorld, aws: AwsSimulator) -> None:
    """As when one took so long that another was let."""
    job = world.ask()
    with ProcessKeys(world.context, world.of) as one, ProcessKeys(world.context, world.of) as other:
        born: list[str] = []

        def meanwhile(point: str) -> None:
            if point == "key-object-stored" and not born:
                born.append("")
                world.pass_time(world.context.limits.claim_seconds)
                born[0] = other.job_key(job.job_id).id

        world.at = meanwhile
        assert one.job_key(job.job_id).id == born[0] == other.job_key(job.job_id).id
        assert one.find(born[0]).id == born[0]
    row = world.of.keys.find(Purpose.BACKUP, job.job_id)
    assert row is not None
    assert row.data_key_id == born[0]
    assert made(aws) == 2


def test_whoever_waits_for_a_birth_ends_with_the_job(world: EngineWorld, aws: AwsSimulator) -> None:
    job = world.ask()
    assert world.of.keys.reserve_data_key(job.job_id, 30.0)
    with ProcessKeys(world.context, world.of) as keys, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(keys.job_key, job.job_id)
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        world.of.jobs.cancel(job.job_id)
        with pytest.raises(ClaimLost):
            waiting.result(10)
    assert made(aws) == 0


def test_whoever_waits_for_a_birth_ends_with_the_lease(world: EngineWorld) -> None:
    job = world.ask()
    assert world.of.keys.reserve_data_key(job.job_id, 30.0)
    keys = ProcessKeys(world.context, world.of)
    keys.secrets()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(keys.job_key, job.job_id)
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        keys.__exit__()
        with pytest.raises(KeyTrouble):
            waiting.result(10)
