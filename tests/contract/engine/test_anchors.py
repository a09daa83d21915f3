"""The audit trail is anchored in the store after each job and key event. This detects a store restored from an older copy."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from shared.domain.audit import Action
from shared.domain.errors import Code, StoreTrouble
from shared.domain.jobs import JobKind, JobState
from shared.engine.audit import refused_broken, verify_audit
from shared.engine.requests.customer_keys import request_enable
from shared.engine.snapshots.download import download
from shared.engine.upkeep.rebuild import rebuild
from shared.vault.names import head_blob, heads_prefix
from tests.contract.engine.stories import copy_database
from tests.contract.engine.world import EngineWorld

OWN = "arn:aws:kms:eu-central-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-0000000000aa"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=30.0, backups=1)
    world.clock.time += timedelta(hours=1)
    yield world
    world.close()


def heads(world: EngineWorld) -> list[int]:
    prefix = heads_prefix(world.tenant.tenant_id)
    return sorted(int(name.removeprefix(prefix)) for name in world.store.names(prefix))


def newest(world: EngineWorld) -> int:
    return world.catalog.audit.position().newest


def test_the_head_is_in_the_store_after_each_job(world: EngineWorld) -> None:
    assert heads(world)[-1] == newest(world) == 2
    world.run_job(JobKind.VERIFY)
    assert heads(world)[-1] == newest(world) == 4
    download(world.context, world.tenant, "latest", BytesIO())
    assert heads(world)[-1] == newest(world) == 6
    assert refused_broken(verify_audit(world.context, world.tenant.tenant_id)).heads == len(heads(world))


def test_a_key_switch_is_anchored_in_the_store_before_a_data_key_moves(world: EngineWorld) -> None:
    world.catalog.customer_keys.allow()
    anchored: list[bool] = []

    def on_point(point: str) -> None:
        if point == "key-rewrapped" and not anchored:
            anchored.append(heads(world)[-1] == newest(world))

    world.on_point = on_point
    request_enable(world.catalog, OWN, "ada")
    world.work()
    assert anchored == [True]


def test_a_job_succeeds_although_the_store_rejects_the_audit_head(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_new = world.store.put_new

    def reject_heads(name: str, data: bytes) -> bool:
        if "/audit/" in name:
            raise StoreTrouble("The store is away.")
        return put_new(name, data)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "put_new", reject_heads)
        assert world.run_job(JobKind.VERIFY).state is JobState.SUCCEEDED
    assert heads(world)[-1] < newest(world)
    world.catalog.audit.append(Action.KEY_ANSWERED)
    assert world.run_job(JobKind.VERIFY).state is JobState.SUCCEEDED
    assert heads(world)[-1] == newest(world)


def test_a_store_restored_from_an_older_copy_is_detected(world: EngineWorld) -> None:
    older = dict(world.store.blobs)
    world.directory.put("users", "users/later")
    world.back_up()
    anchored = newest(world)
    world.store.blobs = older
    job = world.run_job(JobKind.SWEEP)
    assert (job.state, job.code) == (JobState.FAILED, Code.AUDIT_BROKEN)
    assert f"event {anchored} was anchored in the store, and its hash is no longer there" in (job.message or "")
    verdict = verify_audit(world.context, world.tenant.tenant_id)
    assert verdict.fault is not None
    assert verdict.fault.number == anchored
    verified = world.run_job(JobKind.VERIFY)
    assert {each.reason for each in verified.detail.damaged} >= {"BLOB_MISSING", "AUDIT_BROKEN"}
    assert set(world.store.blobs) == set(older)


def test_a_rebuild_accepts_a_store_restored_from_an_older_copy(world: EngineWorld) -> None:
    older = dict(world.store.blobs)
    world.back_up()
    world.store.blobs = older
    rebuild(world.context, world.tenant.tenant_id)
    assert world.run_job(JobKind.SWEEP).state is JobState.SUCCEEDED
    assert verify_audit(world.context, world.tenant.tenant_id).fault is None


def test_events_of_an_older_catalog_before_its_rebuild_count_as_lost_and_not_as_forged(
    world: EngineWorld, tmp_path: Path
) -> None:
    dump = copy_database(world.database, tmp_path / "dump.sqlite3")
    for _ in range(2):
        world.run_job(JobKind.VERIFY)
    lost = newest(world)
    older = world.with_catalog(dump)
    assert older.run_job(JobKind.VERIFY).state is JobState.FAILED
    assert verify_audit(older.context, world.tenant.tenant_id).fault is not None
    rebuild(older.context, world.tenant.tenant_id)
    verdict = refused_broken(verify_audit(older.context, world.tenant.tenant_id))
    assert verdict.lost == [(4, lost)]
    assert older.run_job(JobKind.SWEEP).state is JobState.SUCCEEDED
    assert older.run_job(JobKind.VERIFY).state is JobState.SUCCEEDED
    older.close()


def test_a_head_with_a_huge_number_does_not_end_the_audit_trail(world: EngineWorld, tmp_path: Path) -> None:
    tenant_id, number = world.tenant.tenant_id, 2**40
    text = json.loads(world.store.blobs[head_blob(tenant_id, 2)]) | {"number": number}
    world.store.blobs[head_blob(tenant_id, number)] = json.dumps(text).encode()
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    other.context.store.recognise()
    outcome = rebuild(other.context, tenant_id)
    assert (outcome.trouble, outcome.snapshots) == (None, 1)
    assert newest(other) == 3
    other.close()
