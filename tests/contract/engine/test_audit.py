"""The audit trail of the engine: who does what, and a database that was changed is noticed against the bucket."""

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
from shared.engine.audit import all_entries, keep_head, refused_broken, verify_audit
from shared.engine.snapshots.browse import browse
from shared.engine.snapshots.download import download
from shared.engine.tenants.onboarding import remove_tenant
from shared.engine.upkeep.rebuild import rebuild, rebuild_installation, stored_tenants
from shared.vault.names import head_blob, heads_prefix
from tests.contract.catalog.recording import recorded
from tests.contract.engine.stories import copied
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

TRIGGERS = ("audit_events_are_not_changed", "audit_events_are_not_removed")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path, lease=5.0)
    yield made
    made.close()


def told(world: EngineWorld) -> list[tuple[str, str, dict[str, object]]]:
    """Who did what, and with what outcome."""
    events = [event_of(entry) for entry in all_entries(world.of.audit)]
    return [(event.actor, event.action, event.detail) for event in events]


def test_the_head_of_the_installations_chain_is_stored_when_a_tenant_comes_or_goes(world: EngineWorld) -> None:
    assert list(world.store.names(heads_prefix(INSTALLATION))) == [head_blob(INSTALLATION, 1)]
    remove_tenant(world.context, "acme")
    verdict = refused_broken(verify_audit(world.context, INSTALLATION))
    assert (verdict.events, verdict.heads) == (2, 2)
    tampered(world, f"DELETE FROM audit_events WHERE tenant_id = '{INSTALLATION}' AND number = 2")
    with pytest.raises(Refuse) as caught:
        refused_broken(verify_audit(world.context, INSTALLATION))
    assert caught.value.code is Code.AUDIT_BROKEN


def test_the_installations_chain_goes_on_behind_its_stored_head_after_a_rebuild(
    world: EngineWorld, tmp_path: Path
) -> None:
    world.backed_up()
    other = world.over(tmp_path / "other.sqlite3")
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


def pruned(world: EngineWorld) -> Job:
    return world.done(JobKind.SWEEP)


def heads(world: EngineWorld) -> list[int]:
    prefix = heads_prefix(world.tenant.tenant_id)
    return sorted(int(name.removeprefix(prefix)) for name in world.store.names(prefix))


def tampered(world: EngineWorld, *statements: str) -> None:
    """What somebody does who has the file."""
    with sqlite3.connect(world.database) as connection:
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def rewritten(world: EngineWorld, actor: str = "somebody else") -> None:
    """Another actor for the first event, and every hash made anew: a chain that fits itself."""
    entries, previous = list(all_entries(world.of.audit)), NOTHING_BEFORE
    for entry in entries:
        fields = {**json.loads(entry.line), "previous": previous}
        line = canonical({**fields, "actor": actor} if entry.number == 1 else fields)
        previous = hash_of(line)
        values = f"line = '{line}', hash = '{previous}'"
        tampered(world, f"UPDATE audit_events SET {values} WHERE number = {entry.number}")
    tampered(world, f"UPDATE audit_heads SET hash = '{previous}'")


def fault(world: EngineWorld) -> tuple[int, str] | None:
    found = verify_audit(world.context, world.tenant.tenant_id).fault
    return None if found is None else (found.number, found.reason)


def test_what_workers_end_they_have_done_and_beat_does_what_nobody_else_does(world: EngineWorld) -> None:
    world.backed_up()
    assert world.done(JobKind.VERIFY).state is JobState.SUCCEEDED
    world.of.jobs.begin_foreground(JobKind.BROWSE, "latest", "browse", 0)
    world.tick()
    actors = [(actor, action) for actor, action, _ in told(world)]
    assert actors[2:] == [
        ("-", "verify.asked"),
        ("w", "verify.ended"),
        ("-", "browse.begun"),
        ("schedule", "browse.ended"),
    ]


def test_a_download_and_a_browse_tell_how_many_records_went_out(world: EngineWorld) -> None:
    world.backed_up()
    count = download(world.context, world.tenant, "latest", BytesIO())
    list(browse(world.context, world.tenant, "latest", ["users"]))
    shown = browse(world.context, world.tenant, "latest", search="users/1")
    next(shown)
    shown.close()  # type: ignore[attr-defined]
    ended = [detail for _, action, detail in told(world) if action.endswith(".ended")]
    good: dict[str, object] = {"state": "succeeded", "code": None}
    assert ended == [
        {**good, "records": count},
        {**good, "records": 4},
        {"state": "failed", "code": "INTERRUPTED", "records": 1},
    ]


def test_a_revoked_key_is_told_of_once_and_so_is_its_coming_back(world: EngineWorld) -> None:
    world.backed_up()
    world.keys.trouble = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")
    for _ in range(2):
        assert world.done().code is Code.KEY_ACCESS_REVOKED
    world.keys.trouble = None
    world.backed_up()
    keyed = [(actor, action, detail) for actor, action, detail in told(world) if action.startswith("key.")]
    assert keyed == [("w", "key.refused", {"arn": ARN, "jobs": 1}), ("w", "key.answered", {"arn": ARN})]


def test_the_head_goes_into_the_bucket_every_day_and_is_what_anybody_can_hold_it_against(world: EngineWorld) -> None:
    assert pruned(world).state is JobState.SUCCEEDED
    assert heads(world) == [1]
    pruned(world)
    assert heads(world) == [1]
    world.of.audit.append(Action.KEY_ANSWERED)
    pruned(world)
    assert heads(world) == [1, 2]
    text = json.loads(world.store.blobs[head_blob(world.tenant.tenant_id, 2)])
    (_, entry) = all_entries(world.of.audit)
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
def test_the_whole_trail_is_read_once_for_the_days_head(
    world: EngineWorld, tmp_path: Path, news: bool, rebuilt: bool
) -> None:
    world.backed_up()
    pruned(world)
    if rebuilt:
        world = world.over(tmp_path / "empty.sqlite3")
        rebuild(world.context, world.tenant.tenant_id)
        pruned(world)
    if news:
        world.of.audit.append(Action.KEY_ANSWERED)
    said: list[dict[str, Any]] = []
    with recorded(said):
        keep_head(world.context, world.of)
    read = [each["with"] for each in said if "FROM audit_events" in each.get("say", "") and "max(" not in each["say"]]
    assert [after for _, after, *_ in read].count(0) == 1
    if rebuilt:
        world.close()


def test_a_head_that_another_worker_was_first_to_store_must_be_the_same_one(world: EngineWorld) -> None:
    pruned(world)
    other = world.over(copied(world.database, world.database.with_name("other.sqlite3")))
    for each, arn in ((world, "one"), (other, "another")):
        each.of.audit.append(Action.KEY_ANSWERED, arn=arn)
    put_new = world.store.put_new

    def late(name: str, data: bytes) -> bool:
        world.store.put_new = put_new  # type: ignore[method-assign]
        keep_head(other.context, other.of)
        return put_new(name, data)

    world.store.put_new = late  # type: ignore[method-assign]
    with pytest.raises(Refuse, match="event 2 is not the one whose hash is in the store"):
        keep_head(world.context, world.of)
    keep_head(other.context, other.of)
    other.close()


@pytest.mark.parametrize(
    ("statement", "found"),
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
def test_a_changed_database_is_noticed_at_the_next_prune_which_does_the_rest_of_its_work(
    world: EngineWorld, statement: str, found: tuple[int, str]
) -> None:
    for _ in range(3):
        world.of.audit.append(Action.KEY_ANSWERED)
    pruned(world)
    before = dict(world.store.blobs)
    tampered(world, statement)
    assert fault(world) == found
    job = pruned(world)
    assert (job.state, job.code) == (JobState.FAILED, Code.AUDIT_BROKEN)
    assert job.detail == SweepResult(removed=0)
    assert f"event {found[0]} {found[1]}." in (job.message or "")
    assert world.store.blobs == before


def test_a_chain_written_anew_is_noticed_against_the_bucket_and_without_it_is_not(world: EngineWorld) -> None:
    for _ in range(3):
        world.of.audit.append(Action.KEY_ANSWERED)
    rewritten(world)
    assert fault(world) is None
    pruned(world)
    rewritten(world, "nobody")
    assert fault(world) == (4, "is not the one whose hash is in the store")
    assert pruned(world).code is Code.AUDIT_BROKEN


def test_a_head_that_is_damaged_is_named_and_not_overwritten(world: EngineWorld) -> None:
    pruned(world)
    blob = head_blob(world.tenant.tenant_id, 1)
    for text in (b"", b"{}", world.store.blobs[blob].replace(b'"number":1', b'"number":2')):
        world.store.blobs[blob] = text
        job = pruned(world)
        assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
        assert world.store.blobs[blob] == text
        with pytest.raises(Alarm) as caught:
            verify_audit(world.context, world.tenant.tenant_id)
        assert caught.value.blob == blob


def test_what_else_lies_among_the_heads_is_none_of_ours(world: EngineWorld) -> None:
    for name in ("01", "x", "²", "-1"):
        world.store.blobs[f"{heads_prefix(world.tenant.tenant_id)}{name}"] = b"?"
    assert pruned(world).state is JobState.SUCCEEDED


def test_the_trail_of_a_removed_tenant_ends_in_the_bucket(world: EngineWorld) -> None:
    remove_tenant(world.context, "acme")
    assert heads(world) == [2]
    assert [action for _, action, _ in told(world)] == ["tenant.added", "tenant.removed"]
    assert fault(world) is None


def test_a_store_that_is_away_keeps_no_tenant(world: EngineWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreTrouble("The store is away.")

    monkeypatch.setattr(world.store, "put_new", away)
    remove_tenant(world.context, "acme")
    assert world.context.catalog.tenants() == []
    assert told(world)[-1][1] == "tenant.removed"


def test_the_trail_of_a_rebuilt_catalog_goes_on_behind_the_newest_head(world: EngineWorld, tmp_path: Path) -> None:
    world.backed_up()
    pruned(world)
    (number,) = heads(world)
    world.of.audit.append(Action.KEY_ANSWERED)
    other = world.over(tmp_path / "empty.sqlite3")
    assert rebuild(other.context, world.tenant.tenant_id).trouble is None
    (entry,) = all_entries(other.of.audit)
    event = event_of(entry)
    assert (event.number, event.action) == (number + 1, "catalog.rebuilt")
    assert event.detail["head"] == number
    verdict = refused_broken(verify_audit(other.context, world.tenant.tenant_id))
    assert verdict.lost == [(1, number)]
    for _ in range(2):
        other.of.audit.append(Action.KEY_ANSWERED)
        assert pruned(other).state is JobState.SUCCEEDED
    assert refused_broken(verify_audit(other.context, world.tenant.tenant_id)).heads == 3
    tampered(other, f"DELETE FROM audit_events WHERE number = {number + 1}")
    assert fault(other) == (1, "is missing")
    other.close()


def test_the_trail_of_an_older_dump_goes_on_behind_the_newest_head(world: EngineWorld, tmp_path: Path) -> None:
    world.backed_up()
    dump = copied(world.database, tmp_path / "dump.sqlite3")
    for _ in range(3):
        world.of.audit.append(Action.KEY_ANSWERED)
    pruned(world)
    other = world.over(dump)
    assert pruned(other).code is Code.AUDIT_BROKEN
    assert fault(other) == (3, "is missing")
    rebuild(other.context, world.tenant.tenant_id)
    assert pruned(other).state is JobState.SUCCEEDED
    verdict = refused_broken(verify_audit(other.context, world.tenant.tenant_id))
    assert verdict.lost == [(3, 5)]
    other.close()


def test_where_no_head_lay_in_the_bucket_a_rebuilt_trail_begins_with_the_rebuild(
    world: EngineWorld, tmp_path: Path
) -> None:
    world.backed_up()
    for name in list(world.store.names(heads_prefix(world.tenant.tenant_id))):
        world.store.delete(name)
    other = world.over(tmp_path / "empty.sqlite3")
    rebuild(other.context, world.tenant.tenant_id)
    assert [(action, detail.get("head")) for _, action, detail in told(other)] == [("catalog.rebuilt", None)]
    assert fault(other) is None
    other.close()


def test_a_rebuild_passes_over_a_damaged_head_and_names_it(world: EngineWorld, tmp_path: Path) -> None:
    world.backed_up()
    pruned(world)
    world.of.audit.append(Action.KEY_ANSWERED)
    pruned(world)
    first, second = heads(world)
    blob = head_blob(world.tenant.tenant_id, second)
    world.store.blobs[blob] = b"?"
    other = world.over(tmp_path / "empty.sqlite3")
    outcome = rebuild(other.context, world.tenant.tenant_id)
    assert [(each.blob, each.reason) for each in outcome.broken] == [(blob, Code.BLOB_DAMAGED)]
    (entry,) = all_entries(other.of.audit)
    assert entry.number == first + 1
    other.close()


def test_a_broken_trail_is_a_refusal_of_its_own(world: EngineWorld) -> None:
    tampered(world, "DELETE FROM audit_events")
    with pytest.raises(EntrakeepError) as caught:
        refused_broken(verify_audit(world.context, world.tenant.tenant_id))
    assert isinstance(caught.value, Refuse)
    assert caught.value.code is Code.AUDIT_BROKEN
