"""The proof that the key before opens nothing any more: it rests, goes on where it was, and overlooks nothing that came."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState, Origin
from shared.domain.model import Purpose, WrappedKey
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.requests.customer_keys import request_enable, request_update
from shared.vault.keyring import create_data_key, decode_key_object, encode_key_object
from shared.vault.names import data_key_of, key_object_blob, key_objects_prefix
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN, MemoryStore

OWN = "arn:aws:kms:eu-central-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
OTHER = "arn:aws:kms:eu-central-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-000000000002"
KEYS = 24


class Killed(BaseException):
    """What a worker that is killed leaves undone."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    """A tenant with a backup and many data keys more."""
    made = EngineWorld(tmp_path, lease=5.0)
    made.backed_up()
    with ProcessKeys(made.context, made.of) as keys:
        for _ in range(KEYS - 2):
            job = made.ask(JobKind.VERIFY)
            keys.job_key(job.job_id)
            made.of.jobs.cancel(job.job_id)
    made.of.customer_keys.allow()
    made.limit(worker_seen_seconds=3600.0)  # a proof by parts takes many turns
    yield made
    made.close()


def ended(world: EngineWorld, job: Job) -> Job:
    world.work(500)
    return world.of.jobs.get(job.job_id)


def objects(world: EngineWorld) -> list[WrappedKey]:
    tenant = world.tenant.tenant_id
    names = list(world.store.names(key_objects_prefix(tenant)))
    return [decode_key_object(world.store.blobs[name], tenant, name) for name in names]


def parts(world: EngineWorld) -> set[str]:
    """The first two digits of the ids of data keys."""
    return {key.data_key_id[:2] for key in objects(world)}


def whole(world: EngineWorld) -> None:
    """Every data key opens under the tenant's own key, in SQL and in the store, and none under the one before."""
    assert {key.data_key_id for key in world.of.keys.all()} <= {key.data_key_id for key in objects(world)}
    for key in [*world.of.keys.all(), *objects(world)]:
        assert key.arn == OWN
        world.keys.decrypt(OWN, key.wrapped, key.context, key.data_key_id)
    assert world.download() == world.directory.records()


def born(world: EngineWorld, arn: str, part: str) -> tuple[str, bytes]:
    """A key object under a KMS key in this part: its name, and its text."""
    aside = MemoryStore()
    while True:
        tenant, job = world.tenant.tenant_id, world.of.jobs.recent(1)[0].job_id
        _, key = create_data_key(world.keys, aside, tenant, arn, Purpose.BACKUP, 1, world.clock.time, job)
        blob = key_object_blob(tenant, key.data_key_id, 1)
        if key.data_key_id.startswith(part):
            return blob, aside.blobs[blob]


def test_the_proof_rests_behind_each_part_and_proves_none_twice(world: EngineWorld) -> None:
    world.limit(step_seconds=0.0)
    passed: Counter[str] = Counter()
    opened: Counter[str] = Counter()
    decrypt = world.keys.decrypt

    def counted(arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> object:
        opened[data_key_id] += passed["part-proved"] > 0 and arn == OWN
        return decrypt(arn, wrapped, context, data_key_id)

    def reached(name: str) -> None:
        passed[name] += 1
        passed["turn"] += name == "claimed" and passed["part-proved"] > 0

    world.at = reached
    world.keys.decrypt = counted  # type: ignore[method-assign, assignment]
    assert ended(world, request_enable(world.of, OWN, "ada")).state is JobState.SUCCEEDED
    world.at = lambda _: None
    assert passed["part-proved"] == passed["turn"] == len(parts(world))
    assert set(opened.values()) <= {0, 1}
    whole(world)


@pytest.mark.parametrize("step_seconds", [0.0, 300.0])
def test_a_key_object_that_comes_where_all_was_proved_is_found_and_wrapped_anew(
    world: EngineWorld, step_seconds: float
) -> None:
    """Of a data key that was being born under the key before, and is stored only when half the proof is done."""
    world.limit(step_seconds=step_seconds)
    passed: list[str] = []
    late: list[str] = []

    def reached(name: str) -> None:
        passed.append(name)
        if passed.count("part-proved") == len(parts(world)) // 2 and not late:
            blob, text = born(world, ARN, min(parts(world)))
            world.store.put_new(blob, text)
            late.append(data_key_of(blob))

    job = request_enable(world.of, OWN, "ada")
    world.at = reached
    assert ended(world, job).state is JobState.SUCCEEDED
    world.at = lambda _: None
    assert [key.generation for key in objects(world) if key.data_key_id == late[0]] == [2]
    whole(world)


def test_a_key_object_that_comes_where_all_was_proved_must_open_too(
    world: EngineWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a data key under the tenant's own key, whose wrapping is not what KMS made."""
    passed: list[str] = []
    late: list[str] = []

    def reached(name: str) -> None:
        passed.append(name)
        if passed.count("part-proved") == len(parts(world)) and not late:
            blob, text = born(world, OWN, min(parts(world)))
            key = decode_key_object(text, world.tenant.tenant_id, blob)
            damaged = msgspec.structs.replace(key, wrapped=b"damaged")
            world.store.put_new(blob, encode_key_object(world.tenant.tenant_id, damaged))
            late.append(key.data_key_id)

    job = request_enable(world.of, OWN, "ada")
    world.at = reached
    failed = ended(world, job)
    assert (failed.state, failed.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert [
        each.__dict__["blob"] for each in caplog.records if each.levelname == "ERROR" and "blob" in each.__dict__
    ] == late
    assert world.of.keys.state().old_key_free is False


@pytest.mark.parametrize("point", ["generation-erased", "part-proved"])
def test_a_worker_killed_again_and_again_behind_what_it_did_is_not_given_up(world: EngineWorld, point: str) -> None:
    passed: list[str] = []
    kills = 0

    def reached(name: str) -> None:
        nonlocal kills
        passed.append(name)
        if name == point and passed.count(point) % 3 == 0 and kills < 2 * world.context.limits.claims_lost:
            kills += 1
            raise Killed

    job = request_enable(world.of, OWN, "ada")
    world.at = reached
    for _ in range(world.context.limits.claims_lost + 2):
        with pytest.raises(Killed):
            world.work()
        assert world.of.keys.state().old_key_free is False
        world.pass_time(3600)
    kills = 1000
    assert ended(world, job).state is JobState.SUCCEEDED
    world.at = lambda _: None
    whole(world)


def test_what_a_change_to_another_key_left_is_erased_on_the_way_back(world: EngineWorld) -> None:
    """A key object that was stored under the other key, and whose row never followed."""
    assert ended(world, request_enable(world.of, OWN, "ada")).state is JobState.SUCCEEDED

    def reached(name: str) -> None:
        if name == "key-rewrapped":
            raise Killed

    there = request_update(world.of, OTHER)
    world.at = reached
    with pytest.raises(Killed):
        world.work()
    world.at = lambda _: None
    assert OTHER in {key.arn for key in objects(world)}
    world.of.jobs.cancel(there.job_id)
    world.pass_time(3600)
    assert ended(world, there).state is JobState.CANCELLED
    assert ended(world, request_update(world.of, OWN)).state is JobState.SUCCEEDED
    whole(world)


def _missing(world: EngineWorld, _: WrappedKey, blob: str) -> None:
    del world.store.blobs[blob]


def _another(world: EngineWorld, key: WrappedKey, blob: str) -> None:
    """One that KMS made too, and that SQL does not know."""
    anew = world.keys.reencrypt(key.arn, key.wrapped, key.context, key.arn, key.data_key_id).wrapped
    text = encode_key_object(world.tenant.tenant_id, msgspec.structs.replace(key, wrapped=anew))
    world.store.blobs[blob] = text


@pytest.mark.parametrize(
    ("change", "code"), [(_missing, Code.BLOB_MISSING), (_another, Code.BLOB_DAMAGED)], ids=["missing", "another"]
)
def test_a_key_object_that_is_not_what_sql_says_is_named_and_the_old_key_not_declared_free(
    world: EngineWorld, change: Callable[[EngineWorld, WrappedKey, str], None], code: Code
) -> None:
    blobs: list[str] = []

    def reached(name: str) -> None:
        if name == "part-proved" and not blobs:
            key = world.of.keys.all()[-1]
            blobs.append(key_object_blob(world.tenant.tenant_id, key.data_key_id, key.generation))
            change(world, key, blobs[0])

    job = request_enable(world.of, OWN, "ada")
    world.at = reached
    failed = ended(world, job)
    assert (failed.state, failed.code) == (JobState.FAILED, code)
    assert blobs[0] in str(failed.message)
    world.pass_time(3600)
    assert world.of.keys.state().old_key_free is False


def test_a_copy_of_a_key_object_is_named_and_the_old_key_not_declared_free(world: EngineWorld) -> None:
    """Made by a tool that synchronises files: it opens under the key before, as the key object did."""
    blob = next(iter(world.store.names(key_objects_prefix(world.tenant.tenant_id))))
    text = world.store.blobs[blob]
    world.store.blobs |= {f"{blob} (1)": text, f"{blob}.DS_Store": b"x"}
    job = ended(world, request_enable(world.of, OWN, "ada"))
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_UNKNOWN)
    assert [each.blob for each in job.detail.left] == [f"{blob} (1)"]
    assert world.of.keys.state().old_key_free is False
    del world.store.blobs[f"{blob} (1)"]
    again, _ = world.of.jobs.request(JobKind.KEY_ENABLE, origin=Origin.HAND, detail=job.detail, retried=job.job_id)
    assert ended(world, again).state is JobState.SUCCEEDED
    del world.store.blobs[f"{blob}.DS_Store"]
    whole(world)
