"""A shredded tenant is removed, and none of its blobs can be opened."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from shared.adapters.catalog import sqlite
from shared.domain.audit import Action, event_of
from shared.domain.errors import Code, Refuse
from shared.domain.limits import Limits
from shared.domain.model import Purpose, Schedule
from shared.engine.audit import verify_audit
from shared.engine.tenants.onboarding import add_tenant
from shared.engine.tenants.shred import Certificate, shred_tenant, unfinished_shred
from shared.engine.upkeep.rebuild import rebuild, stored_tenants
from shared.ports.blobs import FOR_EVER
from shared.vault.keyring import create_data_key
from shared.vault.names import certificate_blob, key_objects_prefix, shredding_blob
from tests.contract.engine.stories import Killed
from tests.contract.engine.world import DIRECTORY, EngineWorld, identity
from tests.unit.vault.parts import ARN


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=5.0, backups=2)
    yield world
    world.close()


def key_objects(world: EngineWorld) -> list[str]:
    return list(world.store.names(key_objects_prefix(world.tenant.tenant_id), deleted=True))


def test_a_shred_destroys_the_data_keys_and_certifies_what_became_unreadable(world: EngineWorld) -> None:
    snapshots = world.catalog.snapshots.all()
    keys = sorted(key.data_key_id for key in world.catalog.keys.all())
    tenant = world.tenant.tenant_id
    tenant_blobs = [name for name in world.store.blobs if name.startswith(tenant)]
    sealed = [name for name in tenant_blobs if "/jobs/" in name or "/snapshots/" in name]
    certificate = shred_tenant(world.context, "acme")
    assert key_objects(world) == []
    assert world.context.catalog.tenants() == []
    assert (certificate.tenant, certificate.arns, certificate.data_keys) == ("acme", [ARN], keys)
    unreadable = {each.snapshot: each.data_key for each in certificate.unreadable}
    assert unreadable == {each.snapshot_id: each.data_key_id for each in snapshots}
    assert (certificate.blobs, certificate.locked, certificate.locked_until) == (len(sealed), 0, None)
    blob = world.store.get(certificate_blob(world.tenant.tenant_id))
    assert msgspec.json.decode(blob or b"", type=Certificate) == certificate


def test_a_certificate_of_an_earlier_shred_is_replaced(world: EngineWorld) -> None:
    blob = certificate_blob(world.tenant.tenant_id)
    keys = sorted(key.data_key_id for key in world.catalog.keys.all())
    before = Certificate(
        tenant="acme",
        tenant_id=world.tenant.tenant_id,
        directory_id=DIRECTORY,
        at=world.clock.time - timedelta(days=1),
        by="ada",
        arns=[ARN],
        data_keys=["others"],
        unreadable=[],
        blobs=0,
        locked=0,
        locked_until=None,
    )
    world.store.put(blob, msgspec.json.encode(before))
    certificate = shred_tenant(world.context, "acme")
    assert (certificate.data_keys, certificate.blob) == (keys, blob)
    assert msgspec.json.decode(world.store.get(blob) or b"", type=Certificate) == certificate


def test_a_rebuild_restores_nothing_of_a_shredded_tenant(world: EngineWorld) -> None:
    tenant_id = world.tenant.tenant_id
    shred_tenant(world.context, "acme")
    assert stored_tenants(world.context) == []
    outcome = rebuild(world.context, tenant_id)
    assert (outcome.tenant, outcome.snapshots, outcome.data_keys) == (None, 0, 0)
    assert {each.reason for each in outcome.broken} == {Code.BLOB_MISSING}


def test_the_audit_trail_remains_and_has_the_events_of_the_shred(world: EngineWorld) -> None:
    shred_tenant(world.context, "acme")
    verdict = verify_audit(world.context, world.tenant.tenant_id)
    assert verdict.fault is None
    events = [event_of(entry) for entry in world.catalog.audit.recent(2)]
    assert [event.action for event in events] == [Action.TENANT_SHREDDED, Action.TENANT_REMOVED]
    assert events[0].detail == {"data_keys": 3, "snapshots": 2}


def test_a_running_job_blocks_the_shred_which_pauses_the_schedule(world: EngineWorld) -> None:
    due = world.clock.time + timedelta(days=1)
    world.catalog.schedules.set(Schedule(cron="0 3 * * *", timezone="UTC", paused=False, next_due=due))
    world.request()
    before = key_objects(world)
    with pytest.raises(Refuse) as caught:
        shred_tenant(world.context, "acme")
    assert caught.value.code is Code.BUSY
    assert key_objects(world) == before
    schedule = world.catalog.schedules.get()
    assert schedule is not None
    assert schedule.paused
    world.work()
    shred_tenant(world.context, "acme")
    assert key_objects(world) == []


def test_an_open_reader_of_the_database_blocks_the_certificate_until_it_ends(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LIMITS", Limits(purge_seconds=0.5))
    with closing(sqlite3.connect(world.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tenants").fetchone()
        with pytest.raises(Refuse) as caught:
            shred_tenant(world.context, "acme")
        assert (caught.value.code, "same command again" in caught.value.message) == (Code.BUSY, True)
        assert world.store.get(certificate_blob(world.tenant.tenant_id)) is None
    assert shred_tenant(world.context, "acme").database is not None


POINTS = ("shred-noted", "keys-erased", "tenant-forgotten", "certificate-stored", "shred-audited")


def kill_at(world: EngineWorld, point: str) -> None:
    """Start a shred and kill it at this point."""

    def on_point(name: str) -> None:
        if name == point:
            world.on_point = lambda _: None
            raise Killed

    world.on_point = on_point
    with pytest.raises(Killed):
        shred_tenant(world.context, "acme")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("by_id", [False, True], ids=["by-name", "by-id"])
def test_a_killed_shred_is_completed_by_the_next_one(world: EngineWorld, point: str, by_id: bool) -> None:
    tenant_id = world.tenant.tenant_id
    keys = sorted(key.data_key_id for key in world.catalog.keys.all())
    snapshots = {each.snapshot_id for each in world.catalog.snapshots.all()}
    wrapped = {key.wrapped for key in world.catalog.keys.all()}
    kill_at(world, point)
    name = tenant_id if by_id and world.context.catalog.tenants() == [] else "acme"
    certificate = shred_tenant(world.context, name)
    assert (certificate.data_keys, certificate.arns) == (keys, [ARN])
    assert {each.snapshot for each in certificate.unreadable} == snapshots
    assert "no deleted wrapped data key" in (certificate.database or "")
    texts = [file.read_bytes() for file in world.database.parent.glob(f"{world.database.name}*")]
    assert [each for each in wrapped if any(each in text for text in texts)] == []
    assert key_objects(world) == []
    blob = world.store.get(certificate.blob)
    assert msgspec.json.decode(blob or b"", type=Certificate) == certificate
    assert world.store.get(shredding_blob(tenant_id)) is None
    events = [event_of(entry).action for entry in world.catalog.audit.recent(100)]
    assert events.count(Action.TENANT_SHREDDED) == events.count(Action.TENANT_REMOVED) == 1
    assert verify_audit(world.context, tenant_id).fault is None
    with pytest.raises(Refuse) as caught:
        shred_tenant(world.context, name)
    assert caught.value.code is Code.NO_SUCH_TENANT


def test_a_shred_that_was_killed_repeatedly_certifies_every_data_key(world: EngineWorld) -> None:
    keys = sorted(key.data_key_id for key in world.catalog.keys.all())
    for point in POINTS:
        kill_at(world, point)
    assert shred_tenant(world.context, "acme").data_keys == keys


def test_a_new_tenant_of_the_same_name_is_not_taken_for_one_with_an_unfinished_shred(world: EngineWorld) -> None:
    kill_at(world, "tenant-forgotten")
    fresh = add_tenant(world.context, "acme", identity()).tenant
    assert unfinished_shred(world.context, "acme") is None
    assert shred_tenant(world.context, world.tenant.tenant_id).tenant_id == world.tenant.tenant_id
    assert [tenant.tenant_id for tenant in world.context.catalog.tenants()] == [fresh.tenant_id]


def test_a_key_object_stored_while_the_tenant_is_removed_is_destroyed_and_certified(world: EngineWorld) -> None:
    """A job requested at that moment created the data key."""
    late: list[str] = []

    def on_point(name: str) -> None:
        if name == "tenant-forgotten":
            tenant = world.tenant
            _, key = create_data_key(
                world.keys, world.store, tenant.tenant_id, ARN, Purpose.BACKUP, 1, world.clock.time, "job"
            )
            late.append(key.data_key_id)

    world.on_point = on_point
    certificate = shred_tenant(world.context, "acme")
    assert set(late) < set(certificate.data_keys)
    assert key_objects(world) == []


def test_a_certificate_counts_locked_blobs_with_the_end_of_their_retention(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    future, past = world.clock.time + timedelta(days=30), world.clock.time - timedelta(days=1)
    ends: list[datetime | None] = [future, past, None]
    monkeypatch.setattr(world.store, "locked_until", lambda _: ends.pop() if ends else None)
    certificate = shred_tenant(world.context, "acme")
    assert (certificate.locked, certificate.locked_until) == (1, future)


def test_a_certificate_names_no_end_of_a_legal_hold(world: EngineWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.store, "locked_until", lambda _: FOR_EVER)
    certificate = shred_tenant(world.context, "acme")
    assert certificate.locked == certificate.blobs
    assert certificate.locked_until is None


def test_a_shred_is_refused_without_a_certificate_if_the_store_keeps_a_key_object(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.store, "erase", lambda _: None)
    with pytest.raises(Refuse) as caught:
        shred_tenant(world.context, "acme")
    assert caught.value.code is Code.STORE_FORBIDDEN
    assert world.store.get(certificate_blob(world.tenant.tenant_id)) is None
    monkeypatch.undo()
    assert shred_tenant(world.context, "acme").tenant_id == world.tenant.tenant_id
