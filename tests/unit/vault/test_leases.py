"""Key leases: renewed beside whatever else blocks, ended by refusal at once and by trouble only in time."""

import asyncio
import threading
import time
from types import SimpleNamespace

import msgspec
import pytest

from shared.domain.deadline import Deadline
from shared.domain.errors import Alarm, KeyRefused, KeyTrouble
from shared.domain.model import Purpose
from shared.domain.secret import Secret
from shared.vault import leases
from shared.vault.leases import Lease
from tests.unit.vault.parts import ARN, TENANT, MemoryKeys, MemoryStore, born

SECONDS = 0.4


class Setup:
    def __init__(self, seconds: float = SECONDS) -> None:
        self.keys, self.store = MemoryKeys(), MemoryStore()
        _, self.probe = born(self.keys, self.store, Purpose.SECRETS)
        self.refused: list[KeyRefused] = []
        self.ended = threading.Event()
        self.lease = Lease(self.keys, TENANT, ARN, self.probe, seconds, self.refused.append)
        self.lease.start()
        self.lease.on_end(self.ended.set)


def test_a_lease_is_renewed_while_the_event_loop_is_blocked() -> None:
    setup = Setup()
    asked = setup.keys.asked

    async def blocked() -> None:
        end = time.monotonic() + 5
        while setup.keys.asked < asked + 4 and time.monotonic() < end:
            pass

    asyncio.run(blocked())
    setup.lease.check()
    assert setup.keys.asked >= asked + 4
    setup.lease.close()


def test_a_refusal_reaches_a_step_that_waits_for_a_slow_answer_within_one_lease() -> None:
    setup = Setup()

    async def step() -> float:
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(asyncio.sleep(30))
        setup.lease.on_end(lambda: loop.call_soon_threadsafe(waiting.cancel))
        setup.keys.trouble = KeyRefused(ARN, "no")
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return time.monotonic() - began

    assert asyncio.run(step()) <= SECONDS
    with pytest.raises(KeyRefused):
        setup.lease.check()


def test_a_refusal_is_told_once_and_drops_every_data_key() -> None:
    setup = Setup()
    key = setup.lease.data_key(setup.probe)
    setup.keys.trouble = KeyRefused(ARN, "no")
    assert setup.ended.wait(5)
    for _ in range(2):
        with pytest.raises(KeyRefused):
            setup.lease.data_key(setup.probe)
    with pytest.raises(KeyRefused):
        key.for_open()
    assert [refusal.arn for refusal in setup.refused] == [ARN]


def test_short_trouble_with_kms_is_not_a_refusal() -> None:
    setup = Setup(1.0)
    setup.keys.trouble = KeyTrouble("slow")
    asked = setup.keys.asked
    end = time.monotonic() + 5
    while setup.keys.asked < asked + 2 and time.monotonic() < end:
        time.sleep(0.005)
    setup.keys.trouble = None
    asked = setup.keys.asked
    while setup.keys.asked < asked + 2 and time.monotonic() < end:
        time.sleep(0.005)
    setup.lease.check()
    assert not setup.refused
    setup.lease.close()


def test_trouble_that_outlasts_the_lease_ends_it_as_trouble() -> None:
    setup = Setup()
    setup.keys.trouble = KeyTrouble("down")
    assert setup.ended.wait(5)
    with pytest.raises(KeyTrouble):
        setup.lease.check()
    assert not setup.refused


def test_a_data_key_is_unwrapped_once_a_lease_and_the_one_that_it_begins_with_as_it_begins() -> None:
    setup = Setup(60)
    begun = setup.keys.asked
    _, other = born(setup.keys, setup.store)
    asked = setup.keys.asked
    assert setup.lease.data_key(setup.probe) is setup.lease.data_key(setup.probe)
    assert setup.keys.asked == asked
    assert setup.lease.data_key(other) is setup.lease.data_key(other)
    assert setup.keys.asked == asked + 1
    assert begun == 2  # its birth, and the lease
    setup.lease.close()


def test_what_a_lease_holds_it_gives_only_as_long_as_it_lasts() -> None:
    setup = Setup(60.0)
    key = setup.lease.cached(setup.probe.data_key_id)
    assert key is not None
    assert setup.lease.cached("0" * 64) is None
    setup.lease._deadline = Deadline(0.0, time.monotonic)  # and no thread has seen it yet
    with pytest.raises(KeyTrouble):
        setup.lease.cached(setup.probe.data_key_id)
    with pytest.raises(KeyTrouble):
        key.for_open()
    assert setup.lease.cached(setup.probe.data_key_id) is None


def test_the_data_key_that_a_lease_begins_with_stays_the_same_when_it_is_renewed() -> None:
    setup = Setup()
    key = setup.lease.data_key(setup.probe)
    asked = setup.keys.asked
    end = time.monotonic() + 5
    while setup.keys.asked < asked + 3 and time.monotonic() < end:
        time.sleep(0.005)
    assert setup.lease.data_key(setup.probe) is key
    assert key.for_open()
    setup.lease.close()
    with pytest.raises(KeyTrouble):
        key.for_open()


def test_a_lease_that_is_refused_as_it_begins_holds_nothing_and_is_told_once() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    _, probe = born(keys, store)
    refused: list[KeyRefused] = []
    lease = Lease(keys, TENANT, ARN, probe, 60, refused.append)
    keys.trouble = KeyRefused(ARN, "no")
    with pytest.raises(KeyRefused):
        lease.start()
    keys.trouble = None
    asked = keys.asked
    with pytest.raises(KeyRefused):
        lease.data_key(probe)
    assert lease.empty
    assert (len(refused), keys.asked) == (1, asked)


def test_the_data_key_that_a_lease_begins_with_is_handed_over_and_the_lease_retires() -> None:
    one, other = Setup(60), Setup(60)
    key = one.lease.data_key(one.probe)
    assert not one.lease.retire()
    one.lease.hand_over(one.probe, other.lease)
    assert one.lease.retire()
    one.lease.close()
    assert key.for_open()
    other.lease.close()
    with pytest.raises(KeyTrouble):
        key.for_open()


def test_a_twin_of_a_data_key_that_is_handed_over_is_dropped_with_the_lease_like_it() -> None:
    one = Setup(60)
    _, probe = born(one.keys, one.store)
    begins = Lease(one.keys, TENANT, ARN, probe, 60, lambda _: None)
    begins.start()
    handed, own = one.lease.data_key(probe), begins.data_key(probe)
    one.lease.hand_over(probe, begins)
    assert handed is not own
    begins.close()
    for key in (handed, own):
        with pytest.raises(KeyTrouble):
            key.for_open()
    one.lease.close()


def test_a_closed_lease_opens_nothing_and_calls_nobody() -> None:
    setup = Setup(60)
    key = setup.lease.data_key(setup.probe)
    setup.lease.close()
    assert not setup.ended.is_set()
    with pytest.raises(KeyTrouble):
        key.for_open()
    with pytest.raises(KeyTrouble):
        setup.lease.data_key(setup.probe)


def test_a_call_to_kms_that_hangs_does_not_keep_a_lease_beyond_its_time() -> None:
    setup = Setup()
    key = setup.lease.data_key(setup.probe)
    released = setup.keys.hang()
    try:
        began = time.monotonic()
        assert setup.ended.wait(5)
        assert time.monotonic() - began <= SECONDS + 0.2
        with pytest.raises(KeyTrouble):
            key.for_open()
        with pytest.raises(KeyTrouble):
            setup.lease.check()
    finally:
        released.set()


def test_a_refusal_is_not_held_up_by_a_data_key_that_is_being_unwrapped() -> None:
    setup = Setup()
    _, other = born(setup.keys, setup.store)
    released = setup.keys.hang(other.wrapped)

    def open_other() -> None:
        with pytest.raises(KeyRefused):
            setup.lease.data_key(other)

    opening = threading.Thread(target=open_other)
    opening.start()
    assert setup.keys.held.wait(5)
    setup.keys.trouble = KeyRefused(ARN, "no")
    try:
        assert setup.ended.wait(5)
    finally:
        released.set()
        opening.join()
    assert len(setup.refused) == 1


def test_what_one_call_at_the_end_raises_keeps_no_other_from_being_made() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    (_, probe), (_, other) = born(keys, store), born(keys, store)
    refused: list[KeyRefused] = []
    called: list[str] = []
    lease = Lease(keys, TENANT, ARN, probe, 60, refused.append)
    lease.start()

    def closed() -> None:
        raise RuntimeError("the event loop is closed")

    lease.on_end(closed)
    lease.on_end(lambda: called.append("second"))
    keys.trouble = KeyRefused(ARN, "no")
    with pytest.raises(RuntimeError):
        lease.data_key(other)
    assert (called, len(refused)) == (["second"], 1)
    lease.on_end(lambda: called.append("late"))
    assert called == ["second", "late"]


def test_a_data_key_born_too_late_is_dropped() -> None:
    setup = Setup(60)
    key, wrapped = born(setup.keys, setup.store)
    setup.lease.close()
    with pytest.raises(KeyTrouble):
        setup.lease.add(key, wrapped)
    with pytest.raises(KeyTrouble):
        key.for_seal()


@pytest.mark.parametrize("how", ["born", "unwrapped"])
def test_a_lease_without_a_probe_is_renewed_with_its_first_data_key(how: str) -> None:
    keys, store = MemoryKeys(), MemoryStore()
    key, wrapped = born(keys, store)
    lease = Lease(keys, TENANT, ARN, None, SECONDS, lambda _: None)
    asked = keys.asked
    lease.start()
    assert keys.asked == asked
    if how == "born":
        lease.add(key, wrapped)
    else:
        lease.data_key(wrapped)
    end = time.monotonic() + 5
    while keys.asked < asked + 4 and time.monotonic() < end:
        time.sleep(0.005)
    lease.check()
    lease.close()


def test_a_swapped_probe_ends_a_lease_before_it_begins() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    (_, one), (_, two) = born(keys, store), born(keys, store)
    lease = Lease(keys, TENANT, ARN, msgspec.structs.replace(one, wrapped=two.wrapped), 60, lambda _: None)
    with pytest.raises(Alarm, match="swapped"):
        lease.start()
    with pytest.raises(Alarm):
        lease.check()


class SlowKeys(MemoryKeys):
    """Takes ``seconds`` for an answer, by a clock that nothing else moves."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.now = 1000.0

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        self.now += self.seconds
        return super().decrypt(arn, wrapped, context, data_key_id)


@pytest.mark.parametrize("answered_after", [0.0, 59.0, 61.0])
def test_a_lease_is_counted_from_before_the_call_and_over_on_time_though_no_thread_has_seen_it_yet(
    monkeypatch: pytest.MonkeyPatch, answered_after: float
) -> None:
    keys, store = SlowKeys(), MemoryStore()
    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: keys.now))
    _, probe = born(keys, store, Purpose.SECRETS)
    lease = Lease(keys, TENANT, ARN, probe, 60, lambda _: None)
    keys.seconds = answered_after
    lease.start()
    begun = keys.now - answered_after
    if answered_after < 60:
        lease.check()
        keys.now = begun + 59.9
        lease.check()
        keys.now = begun + 60
    for _ in range(2):
        with pytest.raises(KeyTrouble):
            lease.check()
    lease.close()
