"""Data keys that one process may use: they are created, opened and dropped under leases."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.domain.errors import Alarm, ClaimLost, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.jobs import JobKind
from shared.domain.model import Purpose, WrappedKey
from shared.engine.keys import process_keys as process_keys_module
from shared.engine.keys.process_keys import ProcessKeys
from shared.vault.keyring import DataKey, create_data_key
from shared.vault.leases import Lease
from shared.vault.names import key_objects_prefix
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

OTHER_ARN = f"{ARN[:-1]}2"
REFUSED = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=2.0)
    yield world
    world.close()


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> list[DataKey]:
    """Return a list that collects every data key that is created."""
    collected: list[DataKey] = []

    def create(*arguments: Any) -> tuple[DataKey, WrappedKey]:
        key, wrapped = create_data_key(*arguments)
        collected.append(key)
        return key, wrapped

    monkeypatch.setattr(process_keys_module, "create_data_key", create)
    return collected


def is_dropped(key: DataKey) -> bool:
    try:
        key.for_open()
    except KeyTrouble:
        return True
    return False


def test_a_data_key_created_during_a_key_change_is_created_again_under_the_new_key(
    world: EngineWorld, created: list[DataKey]
) -> None:
    job = world.request()

    def change(point: str) -> None:
        if point == "key-object-stored":
            world.on_point = lambda _: None
            world.change("tenants", key_arn=OTHER_ARN, key_epoch=2)

    world.on_point = change
    with ProcessKeys(world.context, world.catalog) as keys:
        key = keys.job_key(job.job_id)
        assert created == [created[0], key]
        assert is_dropped(created[0])
    row = world.catalog.keys.find(Purpose.BACKUP, job.job_id)
    assert row is not None
    assert (row.data_key_id, row.arn, row.key_epoch) == (key.id, OTHER_ARN, 2)


def test_a_data_key_whose_job_ends_during_its_creation_leaves_no_blob(world: EngineWorld) -> None:
    job = world.request()
    before = set(world.store.blobs)

    def end(point: str) -> None:
        if point == "key-object-stored":
            assert set(world.store.blobs) > before
            world.catalog.jobs.cancel(job.job_id)

    world.on_point = end
    with ProcessKeys(world.context, world.catalog) as keys, pytest.raises(ClaimLost):
        keys.job_key(job.job_id)
    assert set(world.store.blobs) == before


def test_a_leased_data_key_needs_no_call_to_sql_or_kms_until_the_lease_ends(
    world: EngineWorld,
) -> None:
    with ProcessKeys(world.context, world.catalog) as keys:
        cached = keys.secrets()
        calls = world.keys.call_count
        world.change("data_keys", data_key_id="0" * 64)  # SQL no longer knows the data key
        assert keys.find(cached.id) is cached
        assert world.keys.call_count == calls
        with pytest.raises(Alarm):
            keys.find("1" * 64)
    with pytest.raises(KeyTrouble):
        keys.find(cached.id)


@pytest.mark.parametrize("source", ["secrets", "born", "found"])
def test_data_keys_are_dropped_as_the_context_manager_ends(world: EngineWorld, source: str) -> None:
    job = world.request()
    with ProcessKeys(world.context, world.catalog) as keys:
        created_key = keys.job_key(job.job_id)
    with ProcessKeys(world.context, world.catalog) as keys:
        key = {"secrets": keys.secrets, "born": lambda: created_key, "found": lambda: keys.find(created_key.id)}[
            source
        ]()
        assert is_dropped(key) == (source == "born")
    assert is_dropped(key)


def test_kms_is_called_once_for_each_opened_data_key_and_for_no_other(world: EngineWorld) -> None:
    world.context = dataclasses.replace(world.context, lease_seconds=3600.0)
    job = world.request()
    with ProcessKeys(world.context, world.catalog) as keys:
        keys.job_key(job.job_id)
    calls = world.keys.call_count
    with ProcessKeys(world.context, world.catalog) as keys:
        for _ in range(2):
            keys.job_key(job.job_id)
        assert world.keys.call_count == calls + 1
        for _ in range(2):
            keys.secrets()
        assert world.keys.call_count == calls + 2


@pytest.mark.parametrize(
    "error", [REFUSED, Refuse(Code.KEY_MISCONFIGURED, "The operator must fix the AWS settings.")], ids=str
)
def test_an_error_that_prevents_a_lease_ends_all_work_and_kms_is_not_called_again(
    world: EngineWorld, error: Refuse
) -> None:
    world.keys.trouble = error
    events: list[str] = []
    with ProcessKeys(world.context, world.catalog) as keys:
        keys.on_end(lambda: events.append("ended"))
        with pytest.raises(type(error)):
            keys.secrets()
        assert events == ["ended"]
        world.keys.trouble = None
        calls = world.keys.call_count
        for call in (keys.check, keys.secrets):
            with pytest.raises(type(error)):
                call()
        assert world.keys.call_count == calls


def test_a_damaged_data_key_does_not_prevent_another_one_from_being_opened(world: EngineWorld) -> None:
    jobs = [world.request(JobKind.VERIFY), world.request(JobKind.VERIFY)]
    with ProcessKeys(world.context, world.catalog) as keys:
        damaged, sound = (keys.job_key(job.job_id).id for job in jobs)
    del world.keys._wrapped[world.catalog.keys.get(damaged).wrapped]
    with ProcessKeys(world.context, world.catalog) as keys:
        for _ in range(2):
            with pytest.raises(Alarm):
                keys.find(damaged)
        assert keys.find(sound).for_open()
        with pytest.raises(Alarm):
            keys.find(damaged)
        keys.check()


def test_a_data_key_that_sql_does_not_know_raises_an_alarm(world: EngineWorld) -> None:
    with ProcessKeys(world.context, world.catalog) as keys, pytest.raises(Alarm):
        keys.find("0" * 64)


def test_an_end_callback_also_runs_for_leases_that_start_later(world: EngineWorld) -> None:
    events = threading.Event()
    with ProcessKeys(world.context, world.catalog) as keys:
        keys.on_end(events.set)
        keys.secrets()
        world.keys.trouble = REFUSED
        assert events.wait(10)
        with pytest.raises(KeyRefused):
            keys.check()


def test_an_ended_lease_does_not_call_kms_again(world: EngineWorld) -> None:
    with ProcessKeys(world.context, world.catalog) as keys:
        keys.secrets()
        world.keys.trouble = KeyTrouble("KMS does not answer.")
        ended = threading.Event()
        keys.on_end(ended.set)
        assert ended.wait(10)
        world.keys.trouble = None
        calls = world.keys.call_count
        for _ in range(20):
            with pytest.raises(KeyTrouble):
                keys.secrets()
        assert world.keys.call_count == calls


def test_a_wait_for_kms_may_be_shorter_than_the_lease(world: EngineWorld) -> None:
    world.context = dataclasses.replace(world.context, lease_seconds=3600.0)
    world.keys.trouble = KeyTrouble("KMS does not answer.")
    with ProcessKeys(world.context, world.catalog, 0.0) as keys, pytest.raises(KeyTrouble):
        keys.secrets()
    world.limit(check_retry_seconds=0.0)
    check = world.request(JobKind.KEY_CHECK)
    world.work(1)
    assert world.catalog.keys.state().unreachable is not None
    world.keys.trouble = None
    world.work()
    assert world.catalog.jobs.get(check.job_id).state.ended


def test_a_wait_for_kms_is_never_longer_than_the_lease(world: EngineWorld) -> None:
    world.keys.trouble = KeyTrouble("KMS does not answer.")
    with ProcessKeys(world.context, world.catalog, 3600.0) as keys, pytest.raises(KeyTrouble):
        keys.secrets()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def leased(keys: ProcessKeys) -> set[str]:
    return set(keys._leases._by_arn)


def test_process_keys_follow_their_data_keys_to_the_kms_key_that_wraps_them_now(world: EngineWorld) -> None:
    job = world.request()
    with ProcessKeys(world.context, world.catalog) as keys:
        cached = [keys.secrets(), keys.job_key(job.job_id)]
        events: list[str] = []
        keys.on_end(lambda: events.append("ended"))
        world.change("tenants", key_arn=OTHER_ARN, key_epoch=2)
        world.rewrap(cached[0].id, OTHER_ARN)
        until(lambda: leased(keys) == {ARN, OTHER_ARN})
        world.rewrap(cached[1].id, OTHER_ARN)
        until(lambda: leased(keys) == {OTHER_ARN})
        world.keys.refusing[ARN] = REFUSED
        calls = world.keys.call_count
        until(lambda: world.keys.call_count > calls + 2)
        keys.check()
        assert [key.for_open() for key in cached]
        assert keys.find(cached[1].id).for_open() == cached[1].for_open()
        assert events == []
        world.keys.refusing[OTHER_ARN] = KeyRefused(OTHER_ARN, "No.")
        until(lambda: events)
        assert drop_error(cached[0]) is drop_error(cached[1]) is KeyRefused
        until(lambda: world.catalog.jobs.get(job.job_id).code is Code.KEY_ACCESS_REVOKED)


def test_a_cached_data_key_is_refused_once_the_kms_key_that_now_wraps_it_is_refused(
    world: EngineWorld,
) -> None:
    with ProcessKeys(world.context, world.catalog) as keys:
        cached = keys.secrets()
        world.change("tenants", key_arn=OTHER_ARN, key_epoch=2)
        world.rewrap(cached.id, OTHER_ARN)
        world.keys.refusing[OTHER_ARN] = KeyRefused(OTHER_ARN, "No.")
        until(lambda: OTHER_ARN in leased(keys))
        with pytest.raises(KeyRefused):
            keys.find(cached.id)


def drop_error(key: DataKey) -> type[EntrakeepError] | None:
    try:
        key.for_open()
    except EntrakeepError as error:
        return type(error)
    return None


def test_a_refusal_of_the_previous_key_affects_only_users_of_data_keys_that_it_still_wraps(
    world: EngineWorld,
) -> None:
    old = world.catalog.keys.get(world.rows("data_keys")[0]["data_key_id"])  # type: ignore[arg-type]
    job = world.request()
    with ProcessKeys(world.context, world.catalog) as keys:
        waits = keys.job_key(job.job_id).id
    world.change("tenants", key_arn=OTHER_ARN, key_epoch=2)
    world.rewrap(old.data_key_id, OTHER_ARN)
    world.keys.refusing[ARN] = REFUSED
    with ProcessKeys(world.context, world.catalog) as keys, ProcessKeys(world.context, world.catalog) as other:
        assert keys.secrets().for_open()
        with pytest.raises(KeyRefused):
            other.find(waits)
        with pytest.raises(KeyRefused):
            other.check()
        keys.check()
    assert not world.catalog.jobs.get(job.job_id).state.ended
    refusal = world.catalog.keys.state().refusal
    assert refusal is not None
    assert refusal.arn == ARN


@pytest.mark.parametrize("cached", [True, False])
def test_a_data_key_that_moves_between_two_reads_of_sql_is_opened_under_the_new_key(
    world: EngineWorld, cached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.request()
    with ProcessKeys(world.context, world.catalog) as keys:
        data_key_id = keys.job_key(job.job_id).id
    stale = world.catalog.keys.get(data_key_id)
    world.change("tenants", key_arn=OTHER_ARN, key_epoch=2)
    with ProcessKeys(world.context, world.catalog) as keys:
        if cached:
            keys.secrets()
        for row in world.catalog.keys.all():
            world.rewrap(row.data_key_id, OTHER_ARN)
        world.keys.refusing[ARN] = REFUSED
        assert keys._leases.open(stale).id == data_key_id
        until(lambda: leased(keys) == {OTHER_ARN})
        keys.check()
    assert world.catalog.keys.state().refusal is None


def test_a_data_key_is_created_under_the_new_key_if_the_previous_key_is_refused_meanwhile(world: EngineWorld) -> None:
    job = world.request()
    for row in world.catalog.keys.all():
        world.rewrap(row.data_key_id, OTHER_ARN)
    world.keys.refusing[ARN] = REFUSED
    with ProcessKeys(world.context, world.catalog) as keys:
        before = world.catalog.tenant()
        world.change("tenants", key_arn=OTHER_ARN, key_epoch=2)
        assert before.key_arn == ARN
        assert keys.job_key(job.job_id).for_seal()
        assert leased(keys) == {OTHER_ARN}


def test_a_data_key_created_under_the_previous_key_leaves_no_blob(world: EngineWorld) -> None:
    job = world.request()
    world.on_point = lambda point: (
        point == "key-object-stored"
        and world.change(  # type: ignore[func-returns-value,return-value]
            "tenants", key_arn=OTHER_ARN, key_epoch=2
        )
    )
    with ProcessKeys(world.context, world.catalog) as keys:
        key = keys.job_key(job.job_id)
    stored = list(world.store.names(key_objects_prefix(world.tenant.tenant_id)))
    assert len(stored) == 2
    assert any(key.id in name for name in stored)


@pytest.fixture
def handover(world: EngineWorld) -> Iterator[tuple[ProcessKeys, DataKey, threading.Thread]]:
    """Yield data keys in use, one of which another KMS key wraps by now, and the thread that will hand it over."""
    before = set(threading.enumerate())
    keys = ProcessKeys(world.context, world.catalog)
    key = keys.job_key(world.request().job_id)
    (keeper,) = (thread for thread in set(threading.enumerate()) - before if thread.name == "lease")
    world.rewrap(key.id, OTHER_ARN)
    yield keys, key, keeper
    keys.__exit__()


def test_data_keys_are_dropped_if_they_are_closed_while_one_is_between_two_leases(
    handover: tuple[ProcessKeys, DataKey, threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, key, keeper = handover

    def close_first(lease: Lease, data_key: DataKey, wrapped: WrappedKey) -> None:
        if data_key is key:
            keys.__exit__()
        add(lease, data_key, wrapped)

    add = Lease.add
    monkeypatch.setattr(Lease, "add", close_first)
    keeper.join(30)
    assert keys._leases._closed
    assert is_dropped(key)
    with pytest.raises(KeyTrouble):
        keys.find(key.id)


def test_closing_data_keys_while_a_lease_on_the_new_key_starts_ends_that_lease_too(
    world: EngineWorld, handover: tuple[ProcessKeys, DataKey, threading.Thread]
) -> None:
    keys, key, keeper = handover
    answer = world.keys.hang(world.catalog.keys.get(key.id).wrapped)
    assert world.keys.blocked.wait(30)
    closing = threading.Thread(target=keys.__exit__)
    closing.start()
    closing.join(0.1)  # until the new lease has started, it must wait
    answer.set()
    for thread in (closing, keeper):
        thread.join(30)
        assert not thread.is_alive()
    assert is_dropped(key)
    assert leased(keys) == set()
