"""The audit trail of the engine: events name their actors, and heads in the bucket reveal a changed database."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from shared.domain.audit import INSTALLATION, NOTHING_BEFORE, Action, canonical, event_of, hash_of
from shared.domain.errors import Alarm, Code, EntrakeepError, KeyRefused, Refuse, StoreTrouble
from shared.domain.jobs import Job, JobKind, JobState, SweepResult
from shared.engine.audit import keep_head, refused_broken, verify_audit
from shared.engine.audit_reading import all_entries
from shared.engine.snapshots.browse import browse
from shared.engine.snapshots.download import download
from shared.engine.tenants.onboarding import remove_tenant
from shared.engine.upkeep.rebuild import rebuild, rebuild_installation, stored_tenants
from shared.vault.names import head_blob, heads_prefix
from tests.contract.catalog.recording import recorded
from tests.contract.engine.stories import copy_database
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

TRIGGERS = ("audit_events_are_not_changed", "audit_events_are_not_removed")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=5.0)
    yield world
    world.close()


def events(world: EngineWorld) -> list[tuple[str, str, dict[str, object]]]:
    """Return the actor, the action and the detail of each event."""
    trail = [event_of(entry) for entry in all_entries(world.catalog.audit)]
    return [(event.actor, event.action, event.detail) for event in trail]


def test_the_head_of_the_installations_chain_is_stored_when_a_tenant_is_added_or_removed(world: EngineWorld) -> None:
    assert list(world.store.names(heads_prefix(INSTALLATION))) == [head_blob(INSTALLATION, 1)]
    remove_tenant(world.context, "acme")
    verdict = refused_broken(verify_audit(world.context, INSTALLATION))
    assert (verdict.events, verdict.heads) == (2, 2)
    tamper(world, f"DELETE FROM audit_events WHERE tenant_id = '{INSTALLATION}' AND number = 2")
    with pytest.raises(Refuse) as caught:
        refused_broken(verify_audit(world.context, INSTALLATION))
    assert caught.value.code is Code.AUDIT_BROKEN


def test_a_rebuild_continues_the_installations_chain_after_its_stored_head(world: EngineWorld, tmp_path: Path) -> None:
    world.back_up()
    other = world.with_catalog(tmp_path / "other.sqlite3")
    other.context.store.recognise()
    assert stored_tenants(other.context) == [world.tenant.tenant_id]
    for _ in range(2):
        rebuild_installation(other.context)
        verdict = refused_broken(verify_audit(other.context, INSTALLATION))
        assert (verdict.events, verdict.lost, verdict.heads) == (1, [(1, 1)], 2)
    rebuild(other.context, world.tenant.tenant_id)
    remove_tenant(other.context, "acme")
    assert refused_broken(verify_audit(other.context, INSTALLATION)).events == 2
    other.close()


def sweep(world: EngineWorld) -> Job:
    return world.run_job(JobKind.SWEEP)


def heads(world: EngineWorld) -> list[int]:
    prefix = heads_prefix(world.tenant.tenant_id)
    return sorted(int(name.removeprefix(prefix)) for name in world.store.names(prefix))


def tamper(world: EngineWorld, *statements: str) -> None:
    """Change the database as an attacker with access to its file can."""
    with sqlite3.connect(world.database) as connection:
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def rewrite_chain(world: EngineWorld, actor: str = "somebody else") -> None:
    """Change the actor of the first event and recompute every hash, so that the chain is consistent."""
    entries, previous = list(all_entries(world.catalog.audit)), NOTHING_BEFORE
    for entry in entries:
        fields = {**json.loads(entry.line), "previous": previous}
        line = canonical({**fields, "actor": actor} if entry.number == 1 else fields)
        previous = hash_of(line)
        values = f"line = '{line}', hash = '{previous}'"
        tamper(world, f"UPDATE audit_events SET {values} WHERE number = {entry.number}")
    tamper(world, f"UPDATE audit_heads SET hash = '{previous}'")


def find_fault(world: EngineWorld) -> tuple[int, str] | None:
    fault = verify_audit(world.context, world.tenant.tenant_id).fault
    return None if fault is None else (fault.number, fault.reason)


def test_events_name_the_worker_that_ended_a_job_and_the_schedule_for_work_of_beat(world: EngineWorld) -> None:
    world.back_up()
    assert world.run_job(JobKind.VERIFY).state is JobState.SUCCEEDED
    world.catalog.jobs.begin_foreground(JobKind.BROWSE, "latest", "browse", 0)
    world.tick()
    actors = [(actor, action) for actor, action, _ in events(world)]
    assert actors[2:] == [
        ("-", "verify.asked"),
        ("w", "verify.ended"),
        ("-", "browse.begun"),
        ("schedule", "browse.ended"),
    ]


def test_events_of_download_and_browse_count_the_records_given_out(world: EngineWorld) -> None:
    world.back_up()
    count = download(world.context, world.tenant, "latest", BytesIO())
    list(browse(world.context, world.tenant, "latest", ["users"]))
    shown = browse(world.context, world.tenant, "latest", search="users/1")
    next(shown)
    shown.close()  # type: ignore[attr-defined]
    ended = [detail for _, action, detail in events(world) if action.endswith(".ended")]
    good: dict[str, object] = {"state": "succeeded", "code": None}
    assert ended == [
        {**good, "records": count},
        {**good, "records": 4},
        {"state": "failed", "code": "INTERRUPTED", "records": 1},
    ]


def test_a_revocation_and_the_recovery_of_a_key_each_append_one_event(world: EngineWorld) -> None:
    world.back_up()
    world.keys.trouble = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")
    for _ in range(2):
        assert world.run_job().code is Code.KEY_ACCESS_REVOKED
    world.keys.trouble = None
    world.back_up()
    key_events = [(actor, action, detail) for actor, action, detail in events(world) if action.startswith("key.")]
    assert key_events == [("w", "key.refused", {"arn": ARN, "jobs": 1}), ("w", "key.answered", {"arn": ARN})]


def test_a_sweep_stores_the_newest_head_with_the_hash_of_the_event_line(world: EngineWorld) -> None:
    assert sweep(world).state is JobState.SUCCEEDED
    assert heads(world) == [1]
    sweep(world)
    assert heads(world) == [1]
    world.catalog.audit.append(Action.KEY_ANSWERED)
    sweep(world)
    assert heads(world) == [1, 2]
    text = json.loads(world.store.blobs[head_blob(world.tenant.tenant_id, 2)])
    (_, entry) = all_entries(world.catalog.audit)
    assert text == {
        "format": "entrakeep/1",
        "tenant_id": world.tenant.tenant_id,
        "number": 2,
        "at": event_of(entry).at,
        "hash": hashlib.sha256(entry.line.encode()).hexdigest(),
    }
    verdict = refused_broken(verify_audit(world.context, world.tenant.tenant_id))
    assert (verdict.events, verdict.heads, verdict.lost) == (2, 2, [])


@pytest.mark.parametrize("news", [True, False])
@pytest.mark.parametrize("rebuilt", [True, False])
def test_the_daily_head_reads_the_whole_trail_once(
    world: EngineWorld, tmp_path: Path, news: bool, rebuilt: bool
) -> None:
    world.back_up()
    sweep(world)
    if rebuilt:
        world = world.with_catalog(tmp_path / "empty.sqlite3")
        rebuild(world.context, world.tenant.tenant_id)
        sweep(world)
    if news:
        world.catalog.audit.append(Action.KEY_ANSWERED)
    statements: list[dict[str, Any]] = []
    with recorded(statements):
        keep_head(world.context, world.catalog)
    read = [
        each["with"] for each in statements if "FROM audit_events" in each.get("say", "") and "max(" not in each["say"]
    ]
    assert [after for _, after, *_ in read].count(0) == 1
    if rebuilt:
        world.close()


def test_a_head_that_another_worker_stored_first_must_be_identical(world: EngineWorld) -> None:
    sweep(world)
    other = world.with_catalog(copy_database(world.database, world.database.with_name("other.sqlite3")))
    for each, arn in ((world, "one"), (other, "another")):
        each.catalog.audit.append(Action.KEY_ANSWERED, arn=arn)
    put_new = world.store.put_new

    def put_after_other(name: str, data: bytes) -> bool:
        world.store.put_new = put_new  # type: ignore[method-assign]
        keep_head(other.context, other.catalog)
        return put_new(name, data)

    world.store.put_new = put_after_other  # type: ignore[method-assign]
    with pytest.raises(Refuse, match="event 2 is not the one whose hash is in the store"):
        keep_head(world.context, world.catalog)
    keep_head(other.context, other.catalog)
    other.close()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "UPDATE audit_events SET line = replace(line, 'acme', 'evil')",
            (1, "is not what it was when its hash was made"),
        ),
        ("UPDATE audit_events SET line = x'ff00' WHERE number = 2", (2, "is not what it was when its hash was made")),
        ("DELETE FROM audit_events WHERE number = 2", (2, "is missing")),
        ("DELETE FROM audit_events WHERE number > 1", (2, "is missing")),
        ("DELETE FROM audit_events", (1, "is missing")),
    ],
)
def test_the_next_sweep_detects_a_changed_database_and_completes_its_other_work(
    world: EngineWorld, statement: str, expected: tuple[int, str]
) -> None:
    for _ in range(3):
        world.catalog.audit.append(Action.KEY_ANSWERED)
    sweep(world)
    before = dict(world.store.blobs)
    tamper(world, statement)
    assert find_fault(world) == expected
    job = sweep(world)
    assert (job.state, job.code) == (JobState.FAILED, Code.AUDIT_BROKEN)
    assert job.detail == SweepResult(removed=0)
    assert f"event {expected[0]} {expected[1]}." in (job.message or "")
    assert world.store.blobs == before


def test_a_rewritten_chain_is_detected_only_with_a_head_in_the_bucket(world: EngineWorld) -> None:
    for _ in range(3):
        world.catalog.audit.append(Action.KEY_ANSWERED)
    rewrite_chain(world)
    assert find_fault(world) is None
    sweep(world)
    rewrite_chain(world, "nobody")
    assert find_fault(world) == (4, "is not the one whose hash is in the store")
    assert sweep(world).code is Code.AUDIT_BROKEN


def test_a_damaged_head_is_named_and_not_overwritten(world: EngineWorld) -> None:
    sweep(world)
    blob = head_blob(world.tenant.tenant_id, 1)
    for text in (b"", b"{}", world.store.blobs[blob].replace(b'"number":1', b'"number":2')):
        world.store.blobs[blob] = text
        job = sweep(world)
        assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
        assert world.store.blobs[blob] == text
        with pytest.raises(Alarm) as caught:
            verify_audit(world.context, world.tenant.tenant_id)
        assert caught.value.blob == blob


def test_a_sweep_ignores_other_blobs_among_the_heads(world: EngineWorld) -> None:
    for name in ("01", "x", "²", "-1"):
        world.store.blobs[f"{heads_prefix(world.tenant.tenant_id)}{name}"] = b"?"
    assert sweep(world).state is JobState.SUCCEEDED


def test_the_removal_of_a_tenant_stores_the_last_head_of_its_trail(world: EngineWorld) -> None:
    remove_tenant(world.context, "acme")
    assert heads(world) == [2]
    assert [action for _, action, _ in events(world)] == ["tenant.added", "tenant.removed"]
    assert find_fault(world) is None


def test_a_tenant_can_be_removed_while_the_store_is_unreachable(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreTrouble("The store is away.")

    monkeypatch.setattr(world.store, "put_new", fail)
    remove_tenant(world.context, "acme")
    assert world.context.catalog.tenants() == []
    assert events(world)[-1][1] == "tenant.removed"


def test_the_trail_of_a_rebuilt_catalog_continues_after_the_newest_head(world: EngineWorld, tmp_path: Path) -> None:
    world.back_up()
    sweep(world)
    (number,) = heads(world)
    world.catalog.audit.append(Action.KEY_ANSWERED)
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    assert rebuild(other.context, world.tenant.tenant_id).trouble is None
    (entry,) = all_entries(other.catalog.audit)
    event = event_of(entry)
    assert (event.number, event.action) == (number + 1, "catalog.rebuilt")
    assert event.detail["head"] == number
    verdict = refused_broken(verify_audit(other.context, world.tenant.tenant_id))
    assert verdict.lost == [(1, number)]
    for _ in range(2):
        other.catalog.audit.append(Action.KEY_ANSWERED)
        assert sweep(other).state is JobState.SUCCEEDED
    assert refused_broken(verify_audit(other.context, world.tenant.tenant_id)).heads == 3
    tamper(other, f"DELETE FROM audit_events WHERE number = {number + 1}")
    assert find_fault(other) == (1, "is missing")
    other.close()


def test_the_trail_of_an_older_dump_continues_after_the_newest_head(world: EngineWorld, tmp_path: Path) -> None:
    world.back_up()
    dump = copy_database(world.database, tmp_path / "dump.sqlite3")
    for _ in range(3):
        world.catalog.audit.append(Action.KEY_ANSWERED)
    sweep(world)
    other = world.with_catalog(dump)
    assert sweep(other).code is Code.AUDIT_BROKEN
    assert find_fault(other) == (3, "is missing")
    rebuild(other.context, world.tenant.tenant_id)
    assert sweep(other).state is JobState.SUCCEEDED
    verdict = refused_broken(verify_audit(other.context, world.tenant.tenant_id))
    assert verdict.lost == [(3, 5)]
    other.close()


def test_a_rebuilt_trail_begins_with_the_rebuild_if_the_bucket_has_no_head(world: EngineWorld, tmp_path: Path) -> None:
    world.back_up()
    for name in list(world.store.names(heads_prefix(world.tenant.tenant_id))):
        world.store.delete(name)
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    rebuild(other.context, world.tenant.tenant_id)
    assert [(action, detail.get("head")) for _, action, detail in events(other)] == [("catalog.rebuilt", None)]
    assert find_fault(other) is None
    other.close()


def test_a_rebuild_skips_a_damaged_head_and_names_it(world: EngineWorld, tmp_path: Path) -> None:
    world.back_up()
    sweep(world)
    world.catalog.audit.append(Action.KEY_ANSWERED)
    sweep(world)
    first, second = heads(world)
    blob = head_blob(world.tenant.tenant_id, second)
    world.store.blobs[blob] = b"?"
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert [(each.blob, each.reason) for each in outcome.broken] == [(blob, Code.BLOB_DAMAGED)]
    (entry,) = all_entries(other.catalog.audit)
    assert entry.number == first + 1
    other.close()


def test_a_broken_trail_is_refused_with_its_own_code(world: EngineWorld) -> None:
    tamper(world, "DELETE FROM audit_events")
    with pytest.raises(EntrakeepError) as caught:
        refused_broken(verify_audit(world.context, world.tenant.tenant_id))
    assert isinstance(caught.value, Refuse)
    assert caught.value.code is Code.AUDIT_BROKEN
