"""The store's mark: a store of another catalog is neither read nor written, and jobs continue once the right one is back."""

import dataclasses
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.audit import Action, event_of
from shared.domain.errors import Code, Refuse, StoreNotOurs
from shared.domain.jobs import JobKind, JobState
from shared.domain.secret import Secret
from shared.engine.store.mark import State
from shared.engine.store.marked_store import MarkedStore
from shared.engine.tenants.onboarding import add_tenant, remove_tenant
from shared.engine.tenants.shred import shred_tenant
from shared.ports.catalog.stores import KnownStore
from shared.ports.directory import Identity
from shared.vault.names import STORE_MARK
from tests.contract.engine.world import CLIENT, DIRECTORY, EngineWorld

OTHER = "9d3c1f0e-0000-4000-8000-000000000000"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    """Yield a world that checks the store's mark at each access."""
    world = EngineWorld(tmp_path, lease=5.0)
    open_store_again(world)
    yield world
    world.close()


def open_store_again(world: EngineWorld, look_seconds: float = 0.0) -> MarkedStore:
    """Give the engine a store without a checked mark, as another process has one. Return it."""
    world.limit(store_look_seconds=look_seconds)
    store = MarkedStore(world.store, world.context.catalog, world.context.limits, world.clock.monotonic)
    world.context = dataclasses.replace(world.context, store=store)
    return store


def known_store(world: EngineWorld) -> KnownStore:
    store = world.context.catalog.stores().known_stores()
    assert store is not None
    return store


def mark_of(world: EngineWorld) -> str:
    text: str = json.loads(world.store.blobs[STORE_MARK])["id"]
    return text


def unmount(world: EngineWorld) -> dict[str, bytes]:
    """Take the disk away. Return its blobs."""
    disk, world.store.blobs = world.store.blobs, {}
    return disk


def mark_as(world: EngineWorld, store_id: str) -> None:
    world.store.blobs[STORE_MARK] = json.dumps({"format": "entrakeep/1", "id": store_id}).encode()


def test_adding_a_tenant_marks_the_store_and_stores_the_mark_in_sql(world: EngineWorld) -> None:
    assert known_store(world) == KnownStore(store_id=mark_of(world), place="memory:", marked=True)
    assert world.context.store.look().state is State.OURS


def test_a_backup_waits_at_an_empty_mount_point_and_continues_when_the_disk_is_back(
    world: EngineWorld,
) -> None:
    world.back_up()
    disk = unmount(world)
    requests = len(world.directory.requests)
    job = world.request(full=True)
    world.work(rounds=3)
    assert world.store.blobs == {}
    assert len(world.directory.requests) == requests, "Graph is not asked for what cannot be stored"
    assert world.catalog.jobs.get(job.job_id).state is JobState.RUNNING
    trouble = next(step.trouble for step in world.catalog.jobs.steps(job.job_id) if step.trouble)
    assert trouble.code is Code.STORE_NOT_OURS
    assert trouble.message.count("memory:") == 2, "both places are named"
    world.store.blobs = disk
    world.pass_time(120)
    world.work(rounds=40)
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED


def test_a_job_whose_disk_stays_away_too_long_fails_with_the_reason(world: EngineWorld) -> None:
    unmount(world)
    job = world.request()
    world.work(rounds=2)
    world.limit(graph_trouble_seconds=0.0)
    open_store_again(world)
    world.pass_time(120)
    world.work(rounds=2)
    ended = world.catalog.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.STORE_NOT_OURS)


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b'{"format": "entrakeep/1", "id": "%s"}' % OTHER.encode()])
def test_a_store_with_another_mark_is_neither_read_nor_written(world: EngineWorld, text: bytes) -> None:
    job = world.back_up()
    world.store.blobs[STORE_MARK] = text
    before = dict(world.store.blobs)
    with pytest.raises(StoreNotOurs) as caught:
        world.download(str(job.snapshot))
    assert names_store(caught.value.message, world)
    for call in (
        lambda: world.context.store.put("t/a", b"x"),
        lambda: world.context.store.put_new("t/a", b"x"),
        lambda: world.context.store.delete(STORE_MARK),
        lambda: world.context.store.erase(STORE_MARK),
        lambda: list(world.context.store.names("")),
        lambda: world.context.store.folders(""),
        lambda: world.context.store.locked_until("t/a"),
    ):
        with pytest.raises(StoreNotOurs):
            call()
    assert world.store.blobs == before


def names_store(message: str, world: EngineWorld) -> bool:
    return known_store(world).store_id in message and "entrakeep store adopt" in message


def test_a_shred_is_refused_in_a_store_without_the_catalogs_mark(world: EngineWorld) -> None:
    disk = unmount(world)
    with pytest.raises(StoreNotOurs):
        shred_tenant(world.context, "acme")
    assert world.context.catalog.find("acme")
    world.store.blobs = disk
    shred_tenant(world.context, "acme")


def test_a_disk_that_vanishes_during_a_job_is_not_reported_as_damage(world: EngineWorld) -> None:
    world.back_up()
    verify = world.request(JobKind.VERIFY)
    store = open_store_again(world, look_seconds=60.0)
    store.check()
    unmount(world)
    with pytest.raises(StoreNotOurs):
        expire_check(store).get("t/a")
    world.work(rounds=3)
    assert world.catalog.jobs.get(verify.job_id).state is JobState.RUNNING


def test_a_bucket_that_is_emptied_before_the_commit_is_not_reported_as_a_lost_chunk(world: EngineWorld) -> None:
    store = open_store_again(world, look_seconds=60.0)
    disk: dict[str, bytes] = {}
    names = world.store.names

    def names_of_emptied(prefix: str, *, deleted: bool = False) -> Iterator[str]:
        if "/jobs/" in prefix and not disk:
            disk.update(unmount(world))
            expire_check(store)
        return names(prefix, deleted=deleted)

    world.store.names = names_of_emptied  # type: ignore[method-assign]
    job = world.request()
    world.work()
    assert disk
    assert world.catalog.jobs.get(job.job_id).state is JobState.RUNNING
    assert {step.trouble.code for step in world.catalog.jobs.steps(job.job_id) if step.trouble} == {Code.STORE_NOT_OURS}
    world.store.blobs = disk
    world.pass_time(120)
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED


def expire_check(store: MarkedStore) -> MarkedStore:
    """Move the last check two seconds into the past. Return the store."""
    store._checked_at -= 2.0
    return store


def test_a_missing_blob_in_a_marked_store_is_reported_as_missing(world: EngineWorld) -> None:
    assert open_store_again(world).get("t/a") is None


def test_the_mark_is_read_once_per_interval_and_not_for_each_blob(world: EngineWorld) -> None:
    store, reads = open_store_again(world, look_seconds=60.0), []
    get = world.store.get
    world.store.get = lambda name: reads.append(name) or get(name)  # type: ignore[method-assign,func-returns-value]
    for n in range(20):
        store.put(f"t/{n}", b"x")
    assert reads == [STORE_MARK]


def test_concurrent_first_writers_agree_on_one_mark(tmp_path: Path) -> None:
    world = EngineWorld(tmp_path)
    world.change("stores", marked_at=None)
    del world.store.blobs[STORE_MARK]
    stores = [
        MarkedStore(world.store, world.context.catalog, world.context.limits, world.clock.monotonic) for _ in range(6)
    ]
    threads = [threading.Thread(target=store.check) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {store.look().state for store in stores} == {State.OURS}
    world.close()


def test_the_next_writer_marks_the_store_after_a_kill_between_choosing_an_id_and_marking(
    world: EngineWorld,
) -> None:
    chosen = known_store(world).store_id
    for blobs in ({}, {STORE_MARK: world.store.blobs[STORE_MARK]}):
        world.store.blobs = {name: blob for name, blob in world.store.blobs.items() if name != STORE_MARK} | blobs
        world.change("stores", marked_at=None)
        open_store_again(world).check()
        assert (known_store(world).store_id, known_store(world).marked, mark_of(world)) == (chosen, True, chosen)


def forget_mark(world: EngineWorld) -> None:
    """Give the catalog the state of one that was migrated from a version without marks."""
    world.context.catalog.stores().adopt(OTHER, "elsewhere:")
    world.change("stores", store_id=OTHER, marked_at=None)


@pytest.mark.parametrize("backed_up", [False, True])
def test_an_old_store_gets_its_mark_at_the_first_job_if_it_has_the_blobs_that_sql_names(
    world: EngineWorld, *, backed_up: bool
) -> None:
    if backed_up:
        world.back_up()
    forget_mark(world)
    del world.store.blobs[STORE_MARK]
    open_store_again(world)
    world.back_up()
    assert (known_store(world).marked, mark_of(world)) == (True, known_store(world).store_id)


def test_an_old_store_without_the_blobs_that_sql_names_gets_no_mark(world: EngineWorld) -> None:
    world.back_up()
    forget_mark(world)
    unmount(world)
    open_store_again(world)
    world.request()
    world.work(rounds=3)
    assert world.store.blobs == {}
    with pytest.raises(StoreNotOurs, match="nothing that it knows of is stored there"):
        world.context.store.check()


def test_a_catalog_restored_from_before_the_mark_adopts_the_mark_of_its_store(
    world: EngineWorld,
) -> None:
    mark = mark_of(world)
    forget_mark(world)
    open_store_again(world).check()
    assert (known_store(world).store_id, known_store(world).marked) == (mark, True)


def test_a_new_catalog_does_not_write_into_the_store_of_another_one_before_a_rebuild(
    world: EngineWorld, tmp_path: Path
) -> None:
    other = world.with_catalog(tmp_path / "new.sqlite3")
    with pytest.raises(StoreNotOurs, match="of another store"):
        other.context.store.check()
    other.context.store.recognise()
    other.context.store.check()
    assert known_store(other).store_id == mark_of(world)
    other.close()


def test_a_store_is_recognised_at_another_place(world: EngineWorld) -> None:
    world.store.place = "moved:"
    open_store_again(world).check()
    assert known_store(world).place == "moved:"


@pytest.mark.parametrize("mark", [None, OTHER, ""])
def test_adopting_a_store_takes_it_over_and_appends_an_event(world: EngineWorld, mark: str | None) -> None:
    before = known_store(world).store_id
    unmount(world)
    if mark is not None:
        mark_as(world, mark)
    world.store.place = "new:"
    store = open_store_again(world)
    adopted = store.adopt()
    assert adopted == mark_of(world) == known_store(world).store_id
    assert adopted == mark or (not mark and adopted != before)
    store.put("t/a", b"x")
    event = event_of(world.catalog.audit.recent(1)[0])
    assert event.action == Action.STORE_ADOPTED
    assert event.detail == {"store": adopted, "before": before, "place": "new:"}


def test_a_store_of_a_later_format_is_refused(world: EngineWorld) -> None:
    world.store.blobs[STORE_MARK] = b'{"format": "entrakeep/2", "id": "x"}'
    with pytest.raises(Refuse) as caught:
        open_store_again(world).check()
    assert caught.value.code is Code.FORMAT_UNKNOWN


def test_an_unsuitable_store_is_refused_before_a_tenant_is_stored(world: EngineWorld) -> None:
    def prove(_name: str, _data: bytes) -> None:
        raise Refuse(Code.STORE_UNSUITABLE, "It lacks conditional writes.")

    world.store.prove = prove  # type: ignore[method-assign]
    before = dict(world.store.blobs)
    identity = Identity(directory_id=DIRECTORY, client_id=CLIENT, secret=Secret(b"s"))
    remove_tenant(world.context, "acme")
    with pytest.raises(Refuse) as caught:
        add_tenant(world.context, "other", identity)
    assert caught.value.code is Code.STORE_UNSUITABLE
    assert world.context.catalog.tenants() == []
    added = {name for name in world.store.blobs.keys() - before.keys() if "/audit/" not in name}
    assert added == set()
