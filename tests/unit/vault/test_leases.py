"""Key leases: renewed while other code blocks, ended by a refusal at once and by trouble only at their deadline."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from shared.domain.deadline import Deadline
from shared.domain.errors import Alarm, KeyRefused, KeyTrouble
from shared.domain.model import Purpose, WrappedKey
from shared.domain.secret import Secret
from shared.vault.leases import Lease
from tests.unit.vault.parts import ARN, MemoryKeys, MemoryStore, Owner, lease_of, new_data_key

SECONDS = 0.4


class Setup:
    def __init__(self, seconds: float = SECONDS) -> None:
        self.keys, self.store = MemoryKeys(), MemoryStore()
        _, self.probe = new_data_key(self.keys, self.store, Purpose.SECRETS)
        self.owner = Owner()
        self.ended = threading.Event()
        self.lease = lease_of(self.keys, self.probe, seconds, self.owner)
        self.lease.start()
        self.lease.on_end(self.ended.set)


def test_a_lease_is_renewed_while_the_event_loop_is_blocked() -> None:
    setup = Setup()
    calls = setup.keys.call_count

    async def blocked() -> None:
        end = time.monotonic() + 5
        while setup.keys.call_count < calls + 4 and time.monotonic() < end:
            pass

    asyncio.run(blocked())
    setup.lease.check()
    assert setup.keys.call_count >= calls + 4
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


def test_a_refusal_is_reported_once_and_drops_every_data_key() -> None:
    setup = Setup()
    key = setup.lease.data_key(setup.probe)
    setup.keys.trouble = KeyRefused(ARN, "no")
    assert setup.ended.wait(5)
    for _ in range(2):
        with pytest.raises(KeyRefused):
            setup.lease.data_key(setup.probe)
    with pytest.raises(KeyRefused):
        key.for_open()
    assert [refusal.arn for refusal in setup.owner.refusals] == [ARN]


def test_short_trouble_with_kms_is_not_a_refusal() -> None:
    setup = Setup(1.0)
    setup.keys.trouble = KeyTrouble("slow")
    calls = setup.keys.call_count
    end = time.monotonic() + 5
    while setup.keys.call_count < calls + 2 and time.monotonic() < end:
        time.sleep(0.005)
    setup.keys.trouble = None
    calls = setup.keys.call_count
    while setup.keys.call_count < calls + 2 and time.monotonic() < end:
        time.sleep(0.005)
    setup.lease.check()
    assert not setup.owner.refusals
    setup.lease.close()


def test_trouble_that_outlasts_the_lease_ends_it_with_trouble() -> None:
    setup = Setup()
    setup.keys.trouble = KeyTrouble("down")
    assert setup.ended.wait(5)
    with pytest.raises(KeyTrouble):
        setup.lease.check()
    assert not setup.owner.refusals


def test_a_data_key_is_unwrapped_once_per_lease_and_the_first_one_as_the_lease_starts() -> None:
    setup = Setup(60)
    calls_at_start = setup.keys.call_count
    _, other = new_data_key(setup.keys, setup.store)
    calls = setup.keys.call_count
    assert setup.lease.data_key(setup.probe) is setup.lease.data_key(setup.probe)
    assert setup.keys.call_count == calls
    assert setup.lease.data_key(other) is setup.lease.data_key(other)
    assert setup.keys.call_count == calls + 1
    assert calls_at_start == 2  # its creation, and the lease
    setup.lease.close()


def test_a_lease_returns_its_data_keys_only_until_it_ends() -> None:
    setup = Setup(60.0)
    key = setup.lease.cached(setup.probe.data_key_id)
    assert key is not None
    assert setup.lease.cached("0" * 64) is None
    setup.lease._deadline = Deadline(0.0, time.monotonic)  # and no thread has noticed it yet
    with pytest.raises(KeyTrouble):
        setup.lease.cached(setup.probe.data_key_id)
    with pytest.raises(KeyTrouble):
        key.for_open()
    assert setup.lease.cached(setup.probe.data_key_id) is None


def test_the_first_data_key_of_a_lease_stays_the_same_object_after_a_renewal() -> None:
    setup = Setup()
    key = setup.lease.data_key(setup.probe)
    calls = setup.keys.call_count
    end = time.monotonic() + 5
    while setup.keys.call_count < calls + 3 and time.monotonic() < end:
        time.sleep(0.005)
    assert setup.lease.data_key(setup.probe) is key
    assert key.for_open()
    setup.lease.close()
    with pytest.raises(KeyTrouble):
        key.for_open()


def test_a_lease_refused_at_its_start_has_no_data_key_and_reports_once() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    _, probe = new_data_key(keys, store)
    owner = Owner()
    lease = lease_of(keys, probe, owner=owner)
    keys.trouble = KeyRefused(ARN, "no")
    with pytest.raises(KeyRefused):
        lease.start()
    keys.trouble = None
    calls = keys.call_count
    with pytest.raises(KeyRefused):
        lease.data_key(probe)
    assert lease.empty
    assert (len(owner.refusals), keys.call_count) == (1, calls)


def test_the_first_data_key_of_a_lease_is_handed_over_and_the_lease_retires() -> None:
    one, other = Setup(60), Setup(60)
    key = one.lease.data_key(one.probe)
    assert not one.lease.retire()
    other.lease.adopt(one.probe, one.lease)
    assert one.lease.retire()
    one.lease.close()
    assert key.for_open()
    other.lease.close()
    with pytest.raises(KeyTrouble):
        key.for_open()


def test_a_twin_of_a_handed_over_data_key_is_dropped_with_the_lease() -> None:
    one = Setup(60)
    _, probe = new_data_key(one.keys, one.store)
    new_lease = lease_of(one.keys, probe)
    new_lease.start()
    handed, own = one.lease.data_key(probe), new_lease.data_key(probe)
    new_lease.adopt(probe, one.lease)
    assert handed is not own
    new_lease.close()
    for key in (handed, own):
        with pytest.raises(KeyTrouble):
            key.for_open()
    one.lease.close()


def test_a_closed_lease_opens_nothing_and_makes_no_call() -> None:
    setup = Setup(60)
    key = setup.lease.data_key(setup.probe)
    setup.lease.close()
    assert not setup.ended.is_set()
    with pytest.raises(KeyTrouble):
        key.for_open()
    with pytest.raises(KeyTrouble):
        setup.lease.data_key(setup.probe)


def test_a_hanging_kms_call_does_not_extend_a_lease() -> None:
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


def test_a_data_key_being_unwrapped_does_not_delay_a_refusal() -> None:
    setup = Setup()
    _, other = new_data_key(setup.keys, setup.store)
    released = setup.keys.hang(other.wrapped)

    def open_other() -> None:
        with pytest.raises(KeyRefused):
            setup.lease.data_key(other)

    opening = threading.Thread(target=open_other)
    opening.start()
    assert setup.keys.blocked.wait(5)
    setup.keys.trouble = KeyRefused(ARN, "no")
    try:
        assert setup.ended.wait(5)
    finally:
        released.set()
        opening.join()
    assert len(setup.owner.refusals) == 1


def test_an_error_of_one_end_callback_does_not_skip_the_others() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    (_, probe), (_, other) = new_data_key(keys, store), new_data_key(keys, store)
    owner = Owner()
    called: list[str] = []
    lease = lease_of(keys, probe, owner=owner)
    lease.start()

    def closed() -> None:
        raise RuntimeError("the event loop is closed")

    lease.on_end(closed)
    lease.on_end(lambda: called.append("second"))
    keys.trouble = KeyRefused(ARN, "no")
    with pytest.raises(RuntimeError):
        lease.data_key(other)
    assert (called, len(owner.refusals)) == (["second"], 1)
    lease.on_end(lambda: called.append("late"))
    assert called == ["second", "late"]


def test_a_data_key_created_too_late_is_dropped() -> None:
    setup = Setup(60)
    key, wrapped = new_data_key(setup.keys, setup.store)
    setup.lease.close()
    with pytest.raises(KeyTrouble):
        setup.lease.add(key, wrapped)
    with pytest.raises(KeyTrouble):
        key.for_seal()


@pytest.mark.parametrize("how", ["born", "unwrapped"])
def test_a_lease_without_a_probe_is_renewed_with_its_first_data_key(how: str) -> None:
    keys, store = MemoryKeys(), MemoryStore()
    key, wrapped = new_data_key(keys, store)
    lease = lease_of(keys, None, SECONDS)
    calls = keys.call_count
    lease.start()
    assert keys.call_count == calls
    if how == "born":
        lease.add(key, wrapped)
    else:
        lease.data_key(wrapped)
    end = time.monotonic() + 5
    while keys.call_count < calls + 4 and time.monotonic() < end:
        time.sleep(0.005)
    lease.check()
    lease.close()


def test_a_swapped_probe_ends_a_lease_before_its_start() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    (_, one), (_, two) = new_data_key(keys, store), new_data_key(keys, store)
    lease = lease_of(keys, msgspec.structs.replace(one, wrapped=two.wrapped))
    with pytest.raises(Alarm, match="swapped"):
        lease.start()
    with pytest.raises(Alarm):
        lease.check()


class SlowKeys(MemoryKeys):
    """Takes ``seconds`` for an answer, on a clock that nothing else moves."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.now = 1000.0

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        self.now += self.seconds
        return super().decrypt(arn, wrapped, context, data_key_id)


@pytest.mark.parametrize("answered_after", [0.0, 59.0, 61.0])
def test_a_lease_counts_from_before_the_call_and_ends_on_time_even_if_no_thread_has_noticed(
    answered_after: float,
) -> None:
    keys, store = SlowKeys(), MemoryStore()
    _, probe = new_data_key(keys, store, Purpose.SECRETS)
    lease = Lease(keys, ARN, probe, Owner(), seconds=60, now=lambda: keys.now)
    keys.seconds = answered_after
    lease.start()
    started = keys.now - answered_after
    if answered_after < 60:
        lease.check()
        keys.now = started + 59.9
        lease.check()
        keys.now = started + 60
    for _ in range(2):
        with pytest.raises(KeyTrouble):
            lease.check()
    lease.close()


def test_only_the_renewing_thread_of_a_lease_lets_its_owner_move_data_keys() -> None:
    setup = Setup()
    setup.lease.data_key(setup.probe)
    setup.lease.renew()
    until(lambda: setup.owner.threads)
    setup.lease.close()
    assert setup.owner.threads == {"lease"}


class BusyOwner(Owner):
    """Lets another thread use the lease during each of its methods, as any thread may."""

    def __init__(self, data_key_id: str) -> None:
        super().__init__()
        self.calls: list[str] = []
        self._id = data_key_id

    def record_refusal(self, refusal: KeyRefused) -> None:
        super().record_refusal(refusal)
        self.calls.append("record_refusal")

    def move_keys(self, lease: Lease) -> None:
        self._use(lease, "move_keys")

    def confirm_refusal(self, lease: Lease, wrapped: WrappedKey) -> bool:
        self._use(lease, "confirm_refusal")
        return True

    def _use(self, lease: Lease, call: str) -> None:
        def use() -> None:
            lease.check()
            assert lease.cached(self._id) is not None
            assert lease.data_key_ids() == [self._id]
            assert not lease.retire()
            self.calls.append(call)

        thread = threading.Thread(target=use, daemon=True)
        thread.start()
        thread.join(10)


def test_a_lease_calls_its_owner_without_locking_its_state() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    (_, probe), (_, other) = new_data_key(keys, store), new_data_key(keys, store)
    owner = BusyOwner(probe.data_key_id)
    lease = lease_of(keys, probe, 4.0, owner)
    lease.start()
    until(lambda: "move_keys" in owner.calls)
    keys.trouble = KeyRefused(ARN, "no")
    with pytest.raises(KeyRefused):
        lease.data_key(other)
    until(lambda: {"confirm_refusal", "record_refusal"} <= set(owner.calls))


def test_a_lease_ends_on_time_although_its_owner_does_not_return() -> None:
    released = threading.Event()

    class SlowOwner(Owner):
        def move_keys(self, lease: Lease) -> None:
            released.wait(30)

    keys = MemoryKeys()
    _, probe = new_data_key(keys, MemoryStore())
    lease, ended = lease_of(keys, probe, SECONDS, SlowOwner()), threading.Event()
    lease.start()
    lease.on_end(ended.set)
    try:
        assert ended.wait(10)
        with pytest.raises(KeyTrouble):
            lease.check()
    finally:
        released.set()


def test_a_refusal_that_arrives_after_the_lease_was_closed_is_not_recorded() -> None:
    setup = Setup(60)
    _, other = new_data_key(setup.keys, setup.store)
    answer = setup.keys.hang(other.wrapped)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(setup.lease.data_key, other)
        assert setup.keys.blocked.wait(10)
        setup.lease.close()
        setup.keys.trouble = KeyRefused(ARN, "no")
        answer.set()
        with pytest.raises(KeyRefused):
            opening.result(10)
    assert not setup.owner.refusals
    assert not setup.ended.is_set()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
