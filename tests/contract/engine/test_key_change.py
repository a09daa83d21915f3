"""Changes of a tenant's KMS key: every data key moves, jobs continue, and no wrapping of the previous key remains."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.adapters.catalog import sqlite
from shared.domain.errors import Alarm, Code, KeyRefused, KeyTrouble, Refuse
from shared.domain.jobs import Job, JobKind, JobState, KeyChangeProgress, KeyChecks, UnmovedKey
from shared.domain.limits import Limits
from shared.domain.model import KeyMode, Purpose
from shared.engine.key_management import terms as terms_module
from shared.engine.key_management.terms import present_terms
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.requests.customer_keys import request_enable, request_update
from shared.engine.upkeep.rebuild import rebuild
from shared.vault.keyring import check_key_object, create_data_key, decode_key_object
from shared.vault.names import heads_prefix, key_object_blob, key_objects_prefix
from tests.accepted import accept
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

FIRST, SECOND = (f"arn:aws:kms:eu-central-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-00000000000{n}" for n in (1, 2))
EARLIER_TERMS = (Path(terms_module.__file__).parent / "terms-1.txt").read_bytes()


class Killed(BaseException):
    """A kill of the worker."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=3.0, backups=2)
    world.catalog.customer_keys.allow()
    yield world
    world.close()


def finish(world: EngineWorld, job: Job) -> Job:
    world.work()
    return world.catalog.jobs.get(job.job_id)


def enable(world: EngineWorld, arn: str = FIRST) -> Job:
    job = finish(world, request_enable(world.catalog, arn, "ada"))
    assert job.state is JobState.SUCCEEDED, job
    return job


def update(world: EngineWorld, arn: str = SECOND) -> Job:
    job = finish(world, request_update(world.catalog, arn, "ada"))
    assert job.state is JobState.SUCCEEDED, job
    return job


def objects(world: EngineWorld) -> list[str]:
    return list(world.store.names(key_objects_prefix(world.tenant.tenant_id)))


def arns_in_store(world: EngineWorld) -> set[str]:
    """Return the KMS keys that key objects in the store name."""
    tenant = world.tenant.tenant_id
    return {decode_key_object(world.store.blobs[blob], tenant, blob).arn for blob in objects(world)}


def check_whole(world: EngineWorld, arn: str) -> None:
    """Check that every data key is under this KMS key, in SQL and in the store, and works with it alone."""
    assert (world.catalog.tenant().key_arn, world.catalog.tenant().key_mode) == (arn, KeyMode.CUSTOMER)
    keys = world.catalog.keys.all()
    assert {key.arn for key in keys} == arns_in_store(world) == {arn}
    assert len(world.rows("data_keys")) == len(objects(world)) == len(keys)
    for key in keys:
        check_key_object(world.store, world.tenant.tenant_id, key)
    world.keys.refusing = {each: KeyRefused(each, "No.") for each in (ARN, FIRST, SECOND) if each != arn}
    world.back_up()
    assert world.download() == world.directory.records()
    assert world.run_job(JobKind.VERIFY).state is JobState.SUCCEEDED
    world.keys.refusing = {}


def test_enabling_a_key_moves_every_data_key_and_leaves_none_that_the_provider_key_opens(world: EngineWorld) -> None:
    before = {key.data_key_id: key for key in world.catalog.keys.all()}
    stored = {blob: world.store.blobs[blob] for blob in objects(world)}
    job = enable(world)
    assert job.detail.moved == len(before) == 3
    assert (job.detail.before, job.detail.to_move, job.detail.left) == (ARN, 0, [])
    for key in world.catalog.keys.all():
        with pytest.raises(Alarm):
            world.keys.decrypt(ARN, key.wrapped, key.context, key.data_key_id)
        assert (key.generation, key.key_epoch, key.created_at) == (2, 2, before[key.data_key_id].created_at)
    assert not set(stored) & set(world.store.blobs)
    check_whole(world, FIRST)


def in_files(world: EngineWorld, wanted: set[bytes]) -> set[bytes]:
    """Return those of the wrappings that a file of the database contains."""
    texts = [file.read_bytes() for file in world.database.parent.glob(f"{world.database.name}*")]
    return {each for each in wanted if any(each in text for text in texts)}


def test_the_files_of_the_database_contain_no_wrapping_of_the_previous_key(world: EngineWorld) -> None:
    before = {key.wrapped for key in world.catalog.keys.all()}
    assert in_files(world, before) == before
    assert "no deleted wrapped data key" in enable(world).detail.database
    assert in_files(world, before) == set()


def test_an_open_reader_of_the_database_blocks_the_proof_until_it_ends(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LIMITS", Limits(purge_seconds=0.5))
    before = {key.wrapped for key in world.catalog.keys.all()}
    with closing(sqlite3.connect(world.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tenants").fetchone()
        job = finish(world, request_enable(world.catalog, FIRST, "ada"))
        assert (job.state, job.code) == (JobState.FAILED, Code.BUSY)
        assert "another program keeps on reading" in (job.message or "")
        assert in_files(world, before)
    update(world, FIRST)
    assert in_files(world, before) == set()


def test_repeated_key_changes_succeed_and_the_previous_key_becomes_free(world: EngineWorld) -> None:
    enable(world)
    world.back_up()
    update(world)
    world.pass_time(60)
    assert world.catalog.keys.state().old_key_free is True
    assert world.catalog.tenant().key_epoch == 3
    check_whole(world, SECOND)
    update(world, FIRST)
    check_whole(world, FIRST)


def test_a_key_change_without_permission_or_accepted_terms_changes_nothing(world: EngineWorld) -> None:
    before = dict(world.store.blobs)
    job = world.run_job(JobKind.KEY_ENABLE, detail=KeyChangeProgress(arn=FIRST))
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_NOT_ALLOWED)
    added = world.store.blobs.keys() - before.keys()
    assert all(name.startswith(heads_prefix(world.tenant.tenant_id)) for name in added)
    assert (world.catalog.tenant().key_arn, before.items() <= world.store.blobs.items()) == (ARN, True)


def test_an_acceptance_of_an_earlier_version_of_the_terms_stays_valid(world: EngineWorld) -> None:
    first = accept(world.catalog, FIRST, version="1", sha256=hashlib.sha256(EARLIER_TERMS).hexdigest())
    job = world.run_job(JobKind.KEY_ENABLE, detail=KeyChangeProgress(arn=FIRST))
    assert job.state is JobState.SUCCEEDED, job
    update(world)
    assert (world.catalog.tenant().key_mode, world.catalog.tenant().key_arn) == (KeyMode.CUSTOMER, SECOND)
    assert world.catalog.customer_keys.acceptances() == [first]


def test_enabling_a_key_now_accepts_the_current_version_of_the_terms(world: EngineWorld) -> None:
    enable(world)
    (accepted,) = world.catalog.customer_keys.acceptances()
    terms = present_terms()
    assert (accepted.accepted_by, accepted.arn) == ("ada", FIRST)
    assert (accepted.version, accepted.sha256) == (terms.version, terms.sha256)


@pytest.mark.parametrize("code", [Code.KEY_INVALID, Code.KEY_MISCONFIGURED])
def test_a_tenant_is_not_switched_to_a_key_that_no_longer_works(world: EngineWorld, code: Code) -> None:
    world.keys.refusing[FIRST] = KeyRefused(FIRST, "No.") if code is Code.KEY_INVALID else Refuse(code, "Ours.")
    job = finish(world, request_enable(world.catalog, FIRST, "ada"))
    assert (job.state, job.code) == (JobState.FAILED, code)
    assert world.catalog.tenant().key_mode is KeyMode.PROVIDER
    assert not world.catalog.jobs.request(JobKind.BACKUP, origin=job.origin)[0].state.ended


POINTS = ("key-switched", "key-rewrapped", "key-moved", "generation-erased", "generation-forgotten", "key-settled")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("nth", [1, 2])
def test_another_worker_completes_a_key_change_after_a_kill_at_any_point(
    world: EngineWorld, point: str, nth: int
) -> None:
    points: list[str] = []
    before = {key.wrapped for key in world.catalog.keys.all()}

    def on_point(name: str) -> None:
        points.append(name)
        if name == point and points.count(point) == nth:
            raise Killed

    job = request_enable(world.catalog, FIRST, "ada")
    world.on_point = on_point
    if nth == 1 or point not in ("key-switched", "key-settled"):
        with pytest.raises(Killed):
            world.work()
        assert world.download() == world.directory.records()
        world.pass_time(3600)
    assert finish(world, job).state is JobState.SUCCEEDED
    world.on_point = lambda _: None
    assert in_files(world, before) == set()
    check_whole(world, FIRST)


def test_a_key_change_continues_from_its_position_after_each_time_slice(world: EngineWorld) -> None:
    world.limit(step_seconds=0.0)
    claims = 0

    def on_point(name: str) -> None:
        nonlocal claims
        claims += name == "claimed"

    world.on_point = on_point
    job = request_enable(world.catalog, FIRST, "ada")
    world.work(9)
    assert world.catalog.jobs.get(job.job_id).state is JobState.RUNNING
    world.work(100)
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert claims > 9  # one move, one generation erased or forgotten, or one part proved each
    check_whole(world, FIRST)


def test_a_refusal_of_the_previous_key_midway_keeps_moved_data_keys_working_until_a_retry(world: EngineWorld) -> None:
    enable(world)
    snapshots = world.catalog.snapshots.all()
    refusal = KeyRefused(FIRST, "The key is disabled. Its owner must enable it.")

    def on_point(name: str) -> None:
        if name == "key-moved" and len(world.catalog.customer_keys.keys_to_move()) == 1:
            world.keys.refusing[FIRST] = refusal

    world.on_point = on_point
    job = finish(world, request_update(world.catalog, SECOND, "ada"))
    world.on_point = lambda _: None
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    assert job.message is not None
    assert f"entrakeep jobs retry {job.job_id}" in job.message
    assert "2 data keys were moved, 1 wait" in job.message
    # The newest moved first: both snapshots need the oldest, of which the first backup's chunks are sealed.
    assert job.detail.snapshots == [each.snapshot_id for each in snapshots]
    state = world.catalog.keys.state()
    assert (state.updating, state.old_key_free) == (True, False)
    assert state.refusal is not None
    assert state.refusal.arn == FIRST
    with pytest.raises(KeyRefused):
        world.download()
    full = world.request(full=True)
    assert finish(world, full).state is JobState.SUCCEEDED
    assert world.download() == world.directory.records()
    world.keys.refusing = {}
    repeated = finish(world, request_update(world.catalog, SECOND, "ada"))
    assert (repeated.state, repeated.detail.moved) == (JobState.SUCCEEDED, 1)
    assert world.catalog.keys.state().refusal is None
    check_whole(world, SECOND)


def test_a_refusal_of_the_new_key_midway_stops_all_jobs_until_access_returns(world: EngineWorld) -> None:
    world.on_point = lambda name: (
        name == "key-moved" and world.keys.refusing.setdefault(FIRST, KeyRefused(FIRST, "No."))
    )  # type: ignore[func-returns-value,return-value]
    job = finish(world, request_enable(world.catalog, FIRST, "ada"))
    world.on_point = lambda _: None
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    assert world.run_job().code is Code.KEY_ACCESS_REVOKED
    world.keys.refusing = {}
    enable(world)
    assert world.catalog.keys.state().refusal is None
    check_whole(world, FIRST)


def test_backups_and_downloads_work_while_data_keys_move(world: EngineWorld) -> None:
    busy: list[str] = []

    def on_point(name: str) -> None:
        if name in ("key-switched", "key-moved", "generation-erased") and "at work" not in busy:
            busy.append("at work")
            assert world.download() == world.directory.records()
            with ProcessKeys(world.context, world.catalog) as keys:
                other = world.catalog.jobs.request(JobKind.VERIFY, origin=job.origin)[0]
                key = keys.job_key(other.job_id)
                assert world.catalog.keys.get(key.id).arn == FIRST
                world.catalog.jobs.cancel(other.job_id)
            busy.remove("at work")
            busy.append(name)

    job = request_enable(world.catalog, FIRST, "ada")
    world.on_point = on_point
    assert finish(world, job).state is JobState.SUCCEEDED
    world.on_point = lambda _: None
    assert {"key-switched", "key-moved", "generation-erased"} <= set(busy)
    check_whole(world, FIRST)


def test_a_data_key_created_during_a_key_change_leaves_no_wrapping_of_the_previous_key(world: EngineWorld) -> None:
    """Its key object is stored just before the proof and never reaches SQL. It is rewrapped and left to the sweep."""
    tenant = world.tenant.tenant_id

    def on_point(name: str) -> None:
        if name == "generation-erased" and len(objects(world)) < 8:
            world.on_point = lambda _: None
            create_data_key(
                world.keys, world.store, tenant, ARN, Purpose.BACKUP, 1, world.clock.time, world.request().job_id
            )

    job = request_enable(world.catalog, FIRST, "ada")
    world.on_point = on_point
    assert finish(world, job).state is JobState.SUCCEEDED
    assert arns_in_store(world) == {FIRST}


def create_for_another_tenant(world: EngineWorld) -> tuple[str, bytes]:
    """Create a data key of another tenant. Return its key object's name and text."""
    _, key = create_data_key(world.keys, world.store, "another", ARN, Purpose.BACKUP, 1, world.clock.time, None)
    blob = key_object_blob("another", key.data_key_id, 1)
    return blob, world.store.blobs.pop(blob)


def test_a_key_object_copied_from_another_tenant_is_named_and_not_moved(world: EngineWorld) -> None:
    blob, text = create_for_another_tenant(world)
    planted = blob.replace("another", world.tenant.tenant_id)
    world.store.blobs[planted] = text
    job = finish(world, request_enable(world.catalog, FIRST, "ada"))
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert job.detail.left == [UnmovedKey(blob=planted, reason=Code.BLOB_DAMAGED)]
    assert world.download() == world.directory.records()
    del world.store.blobs[planted]
    assert finish(world, request_enable(world.catalog, FIRST, "ada")).state is JobState.SUCCEEDED
    check_whole(world, FIRST)


def test_a_wrapped_key_of_another_tenant_in_a_row_is_not_moved(world: EngineWorld) -> None:
    fresh = world.keys.generate(ARN, {"tenant": "another", "purpose": "backup"})
    secrets = world.catalog.keys.find(Purpose.SECRETS, None)
    assert secrets is not None
    world.change("data_keys", wrapped=fresh.wrapped)
    job = finish(world, request_enable(world.catalog, FIRST, "ada"))
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert len(job.detail.left) == 3
    assert arns_in_store(world) == {ARN}


def test_a_key_change_fails_if_the_bucket_has_jobs_that_sql_does_not_know(world: EngineWorld) -> None:
    world.store.put(f"{world.tenant.tenant_id}/jobs/{world.tenant.tenant_id}/{'0' * 64}", b"x")
    job = finish(world, request_enable(world.catalog, FIRST, "ada"))
    assert (job.state, job.code) == (JobState.FAILED, Code.CATALOG_OUTDATED)
    assert world.catalog.tenant().key_mode is KeyMode.PROVIDER


def test_a_cancelled_key_change_leaves_both_keys_working_and_can_be_repeated(world: EngineWorld) -> None:
    job = request_enable(world.catalog, FIRST, "ada")
    world.limit(renew_seconds=0.05)

    def on_point(name: str) -> None:
        if name == "key-switched":
            world.catalog.jobs.cancel(job.job_id)
            time.sleep(0.5)

    world.on_point = on_point
    assert finish(world, job).state is JobState.CANCELLED
    world.on_point = lambda _: None
    assert world.download() == world.directory.records()
    enable(world)
    check_whole(world, FIRST)


def test_a_rebuilt_catalog_knows_a_key_that_changed_after_the_last_backup(world: EngineWorld, tmp_path: Path) -> None:
    enable(world)
    other = world.with_catalog(tmp_path / "rebuilt.sqlite3")
    assert rebuild(other.context, world.tenant.tenant_id).trouble is None
    tenant = other.catalog.tenant()
    assert (tenant.key_arn, tenant.key_mode, tenant.key_epoch) == (FIRST, KeyMode.CUSTOMER, 2)
    world.keys.refusing[ARN] = KeyRefused(ARN, "No.")
    assert other.download() == world.directory.records()
    other.close()


def test_the_detail_of_a_key_change_contains_no_secret(world: EngineWorld) -> None:
    job: Any = msgspec.to_builtins(enable(world).detail)
    assert set(job) == {
        *(
            "arn",
            "check",
            "asked_by",
            "before",
            "moved",
            "to_move",
            "snapshots",
            "left",
            "forgotten",
            "database",
            "proved",
        )
    }
    assert job["proved"] == {}


def test_trouble_with_a_checked_key_does_not_mark_the_tenants_own_key_unreachable(world: EngineWorld) -> None:
    world.keys.refusing[FIRST] = KeyTrouble("KMS does not answer.")
    job = world.run_job(JobKind.KEY_CHECK, detail=KeyChecks(arn=FIRST))
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_UNREACHABLE)
    assert world.catalog.keys.state().unreachable is None


def test_a_data_key_that_is_swept_during_a_key_change_is_skipped(world: EngineWorld) -> None:
    world.limit(settled_hours=0.0)
    cancelled = world.request()
    with ProcessKeys(world.context, world.catalog) as keys:
        keys.job_key(cancelled.job_id)
    world.catalog.jobs.cancel(cancelled.job_id)

    def on_point(name: str) -> None:
        if name == "key-switched":
            world.on_point = lambda _: None
            world.request(JobKind.SWEEP)
            world.work()

    job = request_enable(world.catalog, FIRST, "ada")
    world.on_point = on_point
    assert finish(world, job).state is JobState.SUCCEEDED
    check_whole(world, FIRST)
