"""A tenant whose data keys are destroyed is forgotten, and nothing of it opens any more."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from shared.domain.audit import Action, event_of
from shared.domain.errors import Code, Refuse
from shared.domain.model import Schedule
from shared.engine.audit import verify_audit
from shared.engine.rebuild import rebuild, stored_tenants
from shared.engine.shred import Certificate, shred_tenant
from shared.ports.blobs import FOR_EVER
from shared.vault.names import certificate_blob, key_objects_prefix
from tests.contract.engine.stories import Killed
from tests.contract.engine.world import EngineWorld
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
    sealed = [name for name in world.store.blobs if "/keys/" not in name]
    certificate = shred_tenant(world.context, "acme")
    assert key_objects(world) == []
    assert world.context.catalog.tenants() == []
    assert (certificate.tenant, certificate.arns, certificate.data_keys) == ("acme", [ARN], keys)
    told = {each.snapshot: each.data_key for each in certificate.unreadable}
    assert told == {each.snapshot_id: each.data_key_id for each in snapshots}
    assert (certificate.blobs, certificate.locked, certificate.locked_until) == (len(sealed), 0, None)
    kept = world.store.get(certificate_blob(world.tenant.tenant_id))
    assert msgspec.json.decode(kept or b"", type=Certificate) == certificate


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


def test_one_that_was_killed_is_done_by_the_next(world: EngineWorld) -> None:
    keys = sorted(key.data_key_id for key in world.of.keys.all())

    def reached(name: str) -> None:
        if name == "keys-erased":
            world.at = lambda _: None
            raise Killed

    world.at = reached
    with pytest.raises(Killed):
        shred_tenant(world.context, "acme")
    assert shred_tenant(world.context, "acme").data_keys == keys


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
