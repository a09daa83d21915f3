"""Files and folder markers that people, consoles and tools leave in the store stop no job and are named once."""

import dataclasses
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.adapters.blobs import open_store
from shared.domain.jobs import JobKind, JobState
from shared.engine.audit import verify_audit
from shared.engine.store.marked_store import MarkedStore
from shared.engine.tenants.shred import shred_tenant
from shared.engine.upkeep.rebuild import rebuild, stored_tenants
from shared.vault.names import head_blob, key_objects_prefix
from tests.contract.engine.world import EngineWorld

UNKNOWN = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=5.0, backups=1)
    world.clock.time += timedelta(hours=1)
    world.limit(settled_hours=0.0)
    yield world
    world.close()


def add_strays(world: EngineWorld) -> set[str]:
    """Add strays everywhere. Return those under the tenant's id, none of which has the name of an audit head."""
    tenant, blobs = world.tenant.tenant_id, world.store.blobs
    copies = {f"{name} (1)": blob for name, blob in blobs.items() if name.startswith(tenant)}
    job = world.catalog.snapshots.get("latest").job_id
    markers = ["", "jobs/", "snapshots/", "keys/", "audit/", f"jobs/{UNKNOWN}/", f"jobs/{job}/"]
    files = ["README", "snapshots/README", "snapshots/.DS_Store", f"jobs/{job}/.DS_Store", "keys/Thumbs.db", "audit/x"]
    strays = copies | {f"{tenant}/{name}": b"" for name in (*markers, *files)}
    blobs |= strays
    blobs |= {"README": b"", ".DS_Store": b"", "lost+found/x": b""}
    return set(strays)


def test_a_sweep_skips_strays_and_names_them_in_one_log_line(
    world: EngineWorld, caplog: pytest.LogCaptureFixture
) -> None:
    strays = add_strays(world)
    with caplog.at_level(logging.WARNING):
        job = world.run_job(JobKind.SWEEP)
    assert job.state is JobState.SUCCEEDED, job
    assert job.detail.removed == 0
    named = set(job.detail.strays)
    assert named < strays
    assert {name.split("/")[1] for name in named} == {"jobs", "snapshots", "keys", "audit"}
    assert strays < set(world.store.blobs)
    assert len([record for record in caplog.records if "not Entrakeep's" in record.getMessage()]) == 1


def test_a_rebuild_skips_strays_and_reports_them(world: EngineWorld, tmp_path: Path) -> None:
    strays = add_strays(world)
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    assert stored_tenants(other.context) == [world.tenant.tenant_id]
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert (outcome.trouble, outcome.broken, outcome.snapshots) == (None, [], 1)
    assert set(outcome.strays) < strays
    assert f"{world.tenant.tenant_id}/snapshots/.DS_Store" in outcome.strays
    assert other.run_job(JobKind.SWEEP).state is JobState.SUCCEEDED
    other.close()


@pytest.mark.parametrize("text", [b"", b"a note", b"{}"])
def test_a_stray_beyond_the_end_of_the_audit_trail_is_skipped_and_the_days_head_is_stored(
    world: EngineWorld, text: bytes
) -> None:
    tenant = world.tenant.tenant_id
    stray = head_blob(tenant, 99999)
    world.store.blobs[stray] = text
    job = world.run_job(JobKind.SWEEP)
    assert (job.state, job.detail.strays) == (JobState.SUCCEEDED, [stray])
    verdict = verify_audit(world.context, tenant)
    assert (verdict.fault, verdict.heads) == (None, 1)
    assert world.store.blobs[stray] == text


def test_a_shred_also_destroys_copies_of_key_objects(world: EngineWorld) -> None:
    add_strays(world)
    keys = sorted(key.data_key_id for key in world.catalog.keys.all())
    sealed = len(world.catalog.snapshots.runs(world.catalog.snapshots.get("latest").snapshot_id)[0].blobs)
    certificate = shred_tenant(world.context, "acme")
    assert certificate.data_keys == keys
    assert list(world.store.names(key_objects_prefix(world.tenant.tenant_id))) == []
    assert len(certificate.unreadable) == 1
    assert certificate.blobs > sealed


def test_a_folder_with_files_of_a_file_manager_is_swept_rebuilt_and_shredded(
    world: EngineWorld, tmp_path: Path
) -> None:
    """Test files as the store, because their names follow other rules."""
    folder, tenant = tmp_path / "store", world.tenant.tenant_id
    store = open_store(folder.as_uri())
    for name, blob in world.store.blobs.items():
        store.put(name, blob)
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        (path / ".DS_Store").write_bytes(b"x")
        (path / "a copy (1)\n").write_bytes(b"x")
    (folder / tenant / "jobs" / UNKNOWN).mkdir()
    world.store = store  # type: ignore[assignment]
    marked = MarkedStore(store, world.context.catalog, world.context.limits, world.clock.monotonic)
    world.context = dataclasses.replace(world.context, store=marked)
    job = world.run_job(JobKind.SWEEP)
    assert job.state is JobState.SUCCEEDED, job
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    assert rebuild(other.context, tenant).snapshots == 1
    other.close()
    assert shred_tenant(world.context, "acme").unreadable
    assert [path for path in (folder / tenant / "keys").rglob("*") if path.is_file()] == []
