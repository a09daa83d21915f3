"""The proof that the previous key opens no data key: it pauses, continues from its position and sees late key objects."""

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
    """A kill of the worker."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    """Yield a tenant with a backup and many further data keys."""
    world = EngineWorld(tmp_path, lease=5.0, backups=1)
    with ProcessKeys(world.context, world.catalog) as keys:
        for _ in range(KEYS - 2):
            job = world.request(JobKind.VERIFY)
            keys.job_key(job.job_id)
            world.catalog.jobs.cancel(job.job_id)
    world.catalog.customer_keys.allow()
    world.limit(worker_seen_seconds=3600.0)  # a proof in parts takes many time slices
    yield world
    world.close()


def finish(world: EngineWorld, job: Job) -> Job:
    world.work(500)
    return world.catalog.jobs.get(job.job_id)


def objects(world: EngineWorld) -> list[WrappedKey]:
    tenant = world.tenant.tenant_id
    names = list(world.store.names(key_objects_prefix(tenant)))
    return [decode_key_object(world.store.blobs[name], tenant, name) for name in names]


def parts(world: EngineWorld) -> set[str]:
    """Return the first two digits of the ids of data keys."""
    return {key.data_key_id[:2] for key in objects(world)}


def check_whole(world: EngineWorld) -> None:
    """Check that the tenant's own key, and not the previous one, wraps and opens every data key in SQL and the store."""
    assert {key.data_key_id for key in world.catalog.keys.all()} <= {key.data_key_id for key in objects(world)}
    for key in [*world.catalog.keys.all(), *objects(world)]:
        assert key.arn == OWN
        world.keys.decrypt(OWN, key.wrapped, key.context, key.data_key_id)
    assert world.download() == world.directory.records()


def create_key_object(world: EngineWorld, arn: str, part: str) -> tuple[str, bytes]:
    """Create a key object under a KMS key in this part. Return its name and text."""
    scratch = MemoryStore()
    while True:
        tenant, job = world.tenant.tenant_id, world.catalog.jobs.recent(1)[0].job_id
        _, key = create_data_key(world.keys, scratch, tenant, arn, Purpose.BACKUP, 1, world.clock.time, job)
        blob = key_object_blob(tenant, key.data_key_id, 1)
        if key.data_key_id.startswith(part):
            return blob, scratch.blobs[blob]


def test_the_proof_pauses_after_each_part_and_proves_no_part_twice(world: EngineWorld) -> None:
    world.limit(step_seconds=0.0)
    points: Counter[str] = Counter()
    opened: Counter[str] = Counter()
    decrypt = world.keys.decrypt

    def counted(arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> object:
        opened[data_key_id] += points["part-proved"] > 0 and arn == OWN
        return decrypt(arn, wrapped, context, data_key_id)

    def on_point(name: str) -> None:
        points[name] += 1
        points["turn"] += name == "claimed" and points["part-proved"] > 0

    world.on_point = on_point
    world.keys.decrypt = counted  # type: ignore[method-assign, assignment]
    assert finish(world, request_enable(world.catalog, OWN, "ada")).state is JobState.SUCCEEDED
    world.on_point = lambda _: None
    assert points["part-proved"] == points["turn"] == len(parts(world))
    assert set(opened.values()) <= {0, 1}
    check_whole(world)


@pytest.mark.parametrize("step_seconds", [0.0, 300.0])
def test_a_late_key_object_in_a_proved_part_is_detected_and_rewrapped(world: EngineWorld, step_seconds: float) -> None:
    """Its data key was created under the previous key, and it is stored when half the proof is done."""
    world.limit(step_seconds=step_seconds)
    points: list[str] = []
    late: list[str] = []

    def on_point(name: str) -> None:
        points.append(name)
        if points.count("part-proved") == len(parts(world)) // 2 and not late:
            blob, text = create_key_object(world, ARN, min(parts(world)))
            world.store.put_new(blob, text)
            late.append(data_key_of(blob))

    job = request_enable(world.catalog, OWN, "ada")
    world.on_point = on_point
    assert finish(world, job).state is JobState.SUCCEEDED
    world.on_point = lambda _: None
    assert [key.generation for key in objects(world) if key.data_key_id == late[0]] == [2]
    check_whole(world)


def test_a_late_key_object_in_a_proved_part_must_open_too(world: EngineWorld, caplog: pytest.LogCaptureFixture) -> None:
    """It names the tenant's own key, but KMS did not make its wrapping."""
    points: list[str] = []
    late: list[str] = []

    def on_point(name: str) -> None:
        points.append(name)
        if points.count("part-proved") == len(parts(world)) and not late:
            blob, text = create_key_object(world, OWN, min(parts(world)))
            key = decode_key_object(text, world.tenant.tenant_id, blob)
            damaged = msgspec.structs.replace(key, wrapped=b"damaged")
            world.store.put_new(blob, encode_key_object(world.tenant.tenant_id, damaged))
            late.append(key.data_key_id)

    job = request_enable(world.catalog, OWN, "ada")
    world.on_point = on_point
    failed = finish(world, job)
    assert (failed.state, failed.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert [
        each.__dict__["blob"] for each in caplog.records if each.levelname == "ERROR" and "blob" in each.__dict__
    ] == late
    assert world.catalog.keys.state().old_key_free is False


@pytest.mark.parametrize("point", ["generation-erased", "part-proved"])
def test_repeated_kills_of_a_worker_after_progress_do_not_fail_the_job(world: EngineWorld, point: str) -> None:
    points: list[str] = []
    kills = 0

    def on_point(name: str) -> None:
        nonlocal kills
        points.append(name)
        if name == point and points.count(point) % 3 == 0 and kills < 2 * world.context.limits.claims_lost:
            kills += 1
            raise Killed

    job = request_enable(world.catalog, OWN, "ada")
    world.on_point = on_point
    for _ in range(world.context.limits.claims_lost + 2):
        with pytest.raises(Killed):
            world.work()
        assert world.catalog.keys.state().old_key_free is False
        world.pass_time(3600)
    kills = 1000
    assert finish(world, job).state is JobState.SUCCEEDED
    world.on_point = lambda _: None
    check_whole(world)


def test_key_objects_of_a_cancelled_key_change_are_erased_by_the_change_back(world: EngineWorld) -> None:
    """A key object was stored under the other key, but its row was never updated."""
    assert finish(world, request_enable(world.catalog, OWN, "ada")).state is JobState.SUCCEEDED

    def on_point(name: str) -> None:
        if name == "key-rewrapped":
            raise Killed

    change = request_update(world.catalog, OTHER, "ada")
    world.on_point = on_point
    with pytest.raises(Killed):
        world.work()
    world.on_point = lambda _: None
    assert OTHER in {key.arn for key in objects(world)}
    world.catalog.jobs.cancel(change.job_id)
    world.pass_time(3600)
    assert finish(world, change).state is JobState.CANCELLED
    assert finish(world, request_update(world.catalog, OWN, "ada")).state is JobState.SUCCEEDED
    check_whole(world)


def _remove(world: EngineWorld, _: WrappedKey, blob: str) -> None:
    del world.store.blobs[blob]


def _replace(world: EngineWorld, key: WrappedKey, blob: str) -> None:
    """Store another wrapping by KMS, which SQL does not know."""
    wrapped = world.keys.reencrypt(key.arn, key.wrapped, key.context, key.arn, key.data_key_id).wrapped
    text = encode_key_object(world.tenant.tenant_id, msgspec.structs.replace(key, wrapped=wrapped))
    world.store.blobs[blob] = text


@pytest.mark.parametrize(
    ("change", "code"), [(_remove, Code.BLOB_MISSING), (_replace, Code.BLOB_DAMAGED)], ids=["missing", "another"]
)
def test_a_key_object_that_differs_from_sql_is_named_and_keeps_the_previous_key_needed(
    world: EngineWorld, change: Callable[[EngineWorld, WrappedKey, str], None], code: Code
) -> None:
    blobs: list[str] = []

    def on_point(name: str) -> None:
        if name == "part-proved" and not blobs:
            key = world.catalog.keys.all()[-1]
            blobs.append(key_object_blob(world.tenant.tenant_id, key.data_key_id, key.generation))
            change(world, key, blobs[0])

    job = request_enable(world.catalog, OWN, "ada")
    world.on_point = on_point
    failed = finish(world, job)
    assert (failed.state, failed.code) == (JobState.FAILED, code)
    assert blobs[0] in str(failed.message)
    world.pass_time(3600)
    assert world.catalog.keys.state().old_key_free is False


def test_a_copy_of_a_key_object_is_named_and_keeps_the_previous_key_needed(world: EngineWorld) -> None:
    """A tool that synchronises files made the copy. It opens under the previous key, as the key object did."""
    blob = next(iter(world.store.names(key_objects_prefix(world.tenant.tenant_id))))
    text = world.store.blobs[blob]
    world.store.blobs |= {f"{blob} (1)": text, f"{blob}.DS_Store": b"x"}
    job = finish(world, request_enable(world.catalog, OWN, "ada"))
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_UNKNOWN)
    assert [each.blob for each in job.detail.left] == [f"{blob} (1)"]
    assert world.catalog.keys.state().old_key_free is False
    del world.store.blobs[f"{blob} (1)"]
    retry, _ = world.catalog.jobs.request(JobKind.KEY_ENABLE, origin=Origin.HAND, detail=job.detail, retried=job.job_id)
    assert finish(world, retry).state is JobState.SUCCEEDED
    del world.store.blobs[f"{blob}.DS_Store"]
    check_whole(world)
