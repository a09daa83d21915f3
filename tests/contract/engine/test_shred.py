"""A tenant whose data keys are destroyed is forgotten, and nothing of it opens any more."""

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
    made = EngineWorld(tmp_path, lease=5.0)
    made.backed_up()
    made.clock.time += timedelta(hours=1)
    made.directory.put("users", "users/more")
    made.backed_up()
    yield made
    made.close()


def key_objects(world: EngineWorld) -> list[str]:
    return list(world.store.names(key_objects_prefix(world.tenant.tenant_id), deleted=True))


def test_the_data_keys_go_and_the_certificate_says_what_was_made_unreadable(world: EngineWorld) -> None:
    snapshots = world.of.snapshots.all()
    keys = sorted(key.data_key_id for key in world.of.keys.all())
    tenant = world.tenant.tenant_id
    tenant_blobs = [name for name in world.store.blobs if name.startswith(tenant)]
    sealed = [name for name in tenant_blobs if "/jobs/" in name or "/snapshots/" in name]
    certificate = shred_tenant(world.context, "acme")
    assert key_objects(world) == []
    assert world.context.catalog.tenants() == []
    assert (certificate.tenant, certificate.arns, certificate.data_keys) == ("acme", [ARN], keys)
    told = {each.snapshot: each.data_key for each in certificate.unreadable}
    assert told == {each.snapshot_id: each.data_key_id for each in snapshots}
    assert (certificate.blobs, certificate.locked, certificate.locked_until) == (len(sealed), 0, None)
    kept = world.store.get(certificate_blob(world.tenant.tenant_id))
    assert msgspec.json.decode(kept or b"", type=Certificate) == certificate


def test_a_certificate_of_before_sql_was_put_back_is_not_taken_for_this_one(world: EngineWorld) -> None:
    blob = certificate_blob(world.tenant.tenant_id)
    keys = sorted(key.data_key_id for key in world.of.keys.all())
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


def test_nothing_of_it_is_brought_back_by_a_rebuild(world: EngineWorld) -> None:
    tenant_id = world.tenant.tenant_id
    shred_tenant(world.context, "acme")
    assert stored_tenants(world.context) == []
    outcome = rebuild(world.context, tenant_id)
    assert (outcome.tenant, outcome.snapshots, outcome.data_keys) == (None, 0, 0)
    assert {each.reason for each in outcome.broken} == {Code.BLOB_MISSING}


def test_the_audit_trail_stays_and_tells_of_it(world: EngineWorld) -> None:
    shred_tenant(world.context, "acme")
    verdict = verify_audit(world.context, world.tenant.tenant_id)
    assert verdict.fault is None
    told = [event_of(entry) for entry in world.of.audit.recent(2)]
    assert [event.action for event in told] == [Action.TENANT_SHREDDED, Action.TENANT_REMOVED]
    assert told[0].detail == {"data_keys": 3, "snapshots": 2}


def test_while_a_job_goes_on_nothing_is_destroyed_and_no_other_begins(world: EngineWorld) -> None:
    due = world.clock.time + timedelta(days=1)
    world.of.schedules.set(Schedule(cron="0 3 * * *", timezone="UTC", paused=False, next_due=due))
    world.ask()
    before = key_objects(world)
    with pytest.raises(Refuse) as refused:
        shred_tenant(world.context, "acme")
    assert refused.value.code is Code.BUSY
    assert key_objects(world) == before
    schedule = world.of.schedules.get()
    assert schedule is not None
    assert schedule.paused
    world.work()
    shred_tenant(world.context, "acme")
    assert key_objects(world) == []


def test_a_reader_of_the_database_keeps_the_certificate_back_until_it_ends(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LIMITS", Limits(purge_seconds=0.5))
    with closing(sqlite3.connect(world.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tenants").fetchone()
        with pytest.raises(Refuse) as refused:
            shred_tenant(world.context, "acme")
        assert (refused.value.code, "same again" in refused.value.message) == (Code.BUSY, True)
        assert world.store.get(certificate_blob(world.tenant.tenant_id)) is None
    assert shred_tenant(world.context, "acme").database is not None


POINTS = ("shred-noted", "keys-erased", "tenant-forgotten", "certificate-stored", "shred-audited")


def killed_at(world: EngineWorld, point: str) -> None:
    """A shred that ends there."""

    def reached(name: str) -> None:
        if name == point:
            world.at = lambda _: None
            raise Killed

    world.at = reached
    with pytest.raises(Killed):
        shred_tenant(world.context, "acme")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("by_id", [False, True], ids=["by-name", "by-id"])
def test_one_that_was_killed_is_ended_by_the_next(world: EngineWorld, point: str, by_id: bool) -> None:
    tenant_id = world.tenant.tenant_id
    keys = sorted(key.data_key_id for key in world.of.keys.all())
    snapshots = {each.snapshot_id for each in world.of.snapshots.all()}
    wrapped = {key.wrapped for key in world.of.keys.all()}
    killed_at(world, point)
    name = tenant_id if by_id and world.context.catalog.tenants() == [] else "acme"
    certificate = shred_tenant(world.context, name)
    assert (certificate.data_keys, certificate.arns) == (keys, [ARN])
    assert {each.snapshot for each in certificate.unreadable} == snapshots
    assert "no deleted wrapped data key" in (certificate.database or "")
    texts = [file.read_bytes() for file in world.database.parent.glob(f"{world.database.name}*")]
    assert [each for each in wrapped if any(each in text for text in texts)] == []
    assert key_objects(world) == []
    kept = world.store.get(certificate.blob)
    assert msgspec.json.decode(kept or b"", type=Certificate) == certificate
    assert world.store.get(shredding_blob(tenant_id)) is None
    told = [event_of(entry).action for entry in world.of.audit.recent(100)]
    assert told.count(Action.TENANT_SHREDDED) == told.count(Action.TENANT_REMOVED) == 1
    assert verify_audit(world.context, tenant_id).fault is None
    with pytest.raises(Refuse) as refused:
        shred_tenant(world.context, name)
    assert refused.value.code is Code.NO_SUCH_TENANT


def test_one_that_was_killed_again_and_again_forgets_no_data_key(world: EngineWorld) -> None:
    keys = sorted(key.data_key_id for key in world.of.keys.all())
    for point in POINTS:
        killed_at(world, point)
    assert shred_tenant(world.context, "acme").data_keys == keys


def test_a_new_tenant_of_the_same_name_is_not_taken_for_one_whose_shred_is_to_be_ended(world: EngineWorld) -> None:
    killed_at(world, "tenant-forgotten")
    fresh = add_tenant(world.context, "acme", identity()).tenant
    assert unfinished_shred(world.context, "acme") is None
    assert shred_tenant(world.context, world.tenant.tenant_id).tenant_id == world.tenant.tenant_id
    assert [tenant.tenant_id for tenant in world.context.catalog.tenants()] == [fresh.tenant_id]


def test_a_key_object_that_comes_when_the_tenant_is_forgotten_is_destroyed_and_certified(world: EngineWorld) -> None:
    """Of a job that somebody asked for in that moment."""
    born: list[str] = []

    def reached(name: str) -> None:
        if name == "tenant-forgotten":
            tenant = world.tenant
            _, key = create_data_key(
                world.keys, world.store, tenant.tenant_id, ARN, Purpose.BACKUP, 1, world.clock.time, "job"
            )
            born.append(key.data_key_id)

    world.at = reached
    certificate = shred_tenant(world.context, "acme")
    assert set(born) < set(certificate.data_keys)
    assert key_objects(world) == []


def test_what_the_store_keeps_against_deletion_is_counted_with_its_end(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon, over = world.clock.time + timedelta(days=30), world.clock.time - timedelta(days=1)
    ends: list[datetime | None] = [soon, over, None]
    monkeypatch.setattr(world.store, "locked_until", lambda _: ends.pop() if ends else None)
    certificate = shred_tenant(world.context, "acme")
    assert (certificate.locked, certificate.locked_until) == (1, soon)


def test_a_legal_hold_has_no_end(world: EngineWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.store, "locked_until", lambda _: FOR_EVER)
    certificate = shred_tenant(world.context, "acme")
    assert certificate.locked == certificate.blobs
    assert certificate.locked_until is None


def test_a_key_object_that_the_store_keeps_is_a_refusal_and_no_certificate(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.store, "erase", lambda _: None)
    with pytest.raises(Refuse) as refused:
        shred_tenant(world.context, "acme")
    assert refused.value.code is Code.STORE_FORBIDDEN
    assert world.store.get(certificate_blob(world.tenant.tenant_id)) is None
    monkeypatch.undo()
    assert shred_tenant(world.context, "acme").tenant_id == world.tenant.tenant_id
