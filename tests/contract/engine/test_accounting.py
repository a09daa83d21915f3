"""Verify names each blob under a tenant's prefix that the catalog does not know or that is damaged."""

import json
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings

from shared.domain.errors import KeyRefused
from shared.domain.jobs import JobKind, JobState, VerifyRequest
from shared.domain.model import Purpose
from shared.vault.keyring import create_data_key
from shared.vault.names import certificate_blob, chunk_blob, head_blob, heads_prefix, key_object_blob, manifest_blob
from tests.contract.engine.stories import STORIES, Story, copy_database, play_story
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

UNKNOWN, HASH = "11111111-1111-4111-8111-111111111111", "ab" * 32


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=5.0, backups=1)
    world.limit(settled_hours=0.0)
    world.clock.time += timedelta(hours=1)
    assert world.run_job(JobKind.SWEEP).state is JobState.SUCCEEDED
    yield world
    world.close()


def damage(world: EngineWorld, **scope: object) -> list[tuple[str, str]]:
    job = world.run_job(JobKind.VERIFY, **scope)  # type: ignore[arg-type]
    assert (job.state is JobState.SUCCEEDED) == (not job.detail.damaged)
    return [(each.blob, each.reason) for each in job.detail.damaged]


@pytest.mark.parametrize("shallow", [True, False])
def test_verify_names_blobs_that_the_catalog_does_not_know(world: EngineWorld, shallow: bool) -> None:
    tenant, snapshot = world.tenant.tenant_id, world.catalog.snapshots.get("latest")
    planted = [
        manifest_blob(tenant, UNKNOWN),
        chunk_blob(tenant, snapshot.job_id, HASH),
        certificate_blob(tenant),
    ]
    world.store.blobs |= dict.fromkeys([*planted, chunk_blob(tenant, UNKNOWN, HASH)], b"x")
    expected = {*planted, f"{tenant}/jobs/{UNKNOWN}/"}
    damaged_blobs = damage(world, detail=VerifyRequest(shallow=shallow))
    assert set(damaged_blobs) == {(blob, "BLOB_UNKNOWN") for blob in expected}
    assert len(damaged_blobs) == 4


@pytest.mark.parametrize("scope", [{"snapshot": "latest"}, {"detail": VerifyRequest(shallow=True)}, {}])
def test_a_planted_generation_of_a_key_object_is_named(world: EngineWorld, scope: dict[str, object]) -> None:
    tenant, snapshot = world.tenant.tenant_id, world.catalog.snapshots.get("latest")
    garbage = key_object_blob(tenant, snapshot.data_key_id, 9)
    sound = key_object_blob(tenant, snapshot.data_key_id, 2)
    first = json.loads(world.store.blobs[key_object_blob(tenant, snapshot.data_key_id, 1)])
    world.store.blobs[garbage] = b"garbage"
    world.store.blobs[sound] = json.dumps({**first, "generation": 2}).encode()
    assert damage(world, **scope) == [(sound, "BLOB_UNKNOWN"), (garbage, "BLOB_DAMAGED")]


@pytest.mark.parametrize("job", [UNKNOWN, None])
def test_a_planted_data_key_is_named(world: EngineWorld, job: str | None) -> None:
    tenant = world.tenant.tenant_id
    _, planted = create_data_key(world.keys, world.store, tenant, ARN, Purpose.BACKUP, 1, world.clock.time, job)
    assert damage(world) == [(key_object_blob(tenant, planted.data_key_id, 1), "BLOB_UNKNOWN")]


def test_verify_compares_the_key_object_of_the_credentials_with_sql(world: EngineWorld) -> None:
    secrets = next(key for key in world.catalog.keys.all() if key.purpose == Purpose.SECRETS)
    blob = key_object_blob(world.tenant.tenant_id, secrets.data_key_id, 1)
    world.store.blobs[blob] = world.store.blobs[blob].replace(b'"epoch":1', b'"epoch":2')
    assert damage(world) == [(blob, "BLOB_DAMAGED")]


def test_a_forged_head_of_the_audit_trail_is_named(world: EngineWorld) -> None:
    blob = head_blob(world.tenant.tenant_id, 1)
    prefix = heads_prefix(world.tenant.tenant_id)
    number = max(int(name.removeprefix(prefix)) for name in world.store.names(prefix))
    head = world.store.blobs[head_blob(world.tenant.tenant_id, number)]
    world.store.blobs[blob] = head.replace(b'"number":%d' % number, b'"number":1')
    assert damage(world) == [(blob, "AUDIT_BROKEN")]


def test_strays_are_reported_and_damage_nothing(world: EngineWorld) -> None:
    strays = [f"{world.tenant.tenant_id}/{name}" for name in (".DS_Store", "snapshots/")]
    world.store.blobs |= dict.fromkeys(strays, b"")
    job = world.run_job(JobKind.VERIFY)
    assert (job.state, job.detail.strays) == (JobState.SUCCEEDED, strays)


def test_verify_with_a_catalog_restored_from_an_older_dump_names_newer_blobs(
    world: EngineWorld, tmp_path: Path
) -> None:
    dump = copy_database(world.database, tmp_path / "dump.sqlite3")
    world.back_up()
    snapshot = world.catalog.snapshots.get("latest")
    older = world.with_catalog(dump)
    older.keys.trouble = KeyRefused(ARN, "The key is disabled.")
    damaged_blobs = damage(older, detail=VerifyRequest(shallow=True))
    tenant = world.tenant.tenant_id
    assert (manifest_blob(tenant, snapshot.snapshot_id), "BLOB_UNKNOWN") in damaged_blobs
    assert (key_object_blob(tenant, snapshot.data_key_id, 1), "BLOB_UNKNOWN") in damaged_blobs
    older.close()


@given(story=STORIES)
@example(story=[("crash", "key-object-stored"), ("crash", "key-object-stored"), ("backup", "")])
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_verify_accounts_for_every_blob_after_any_story(story: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=5.0)
        world.limit(settled_hours=0.0)
        play_story(world, [("backup", ""), *story])
        assert damage(world) == []
        play_story(world, [("sweep", "")])
        assert damage(world, detail=VerifyRequest(shallow=True)) == []
        world.close()
