"""The request rate of a scope, on a real Redis: places that expire, resource units, and a rate that adapts."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing

import msgspec
import pytest
import redis

from shared.adapters.budget import RedisBudgets
from shared.adapters.budget import requests as module
from shared.domain.errors import GraphTrouble
from shared.domain.limits import Limits
from shared.ports.budget import Budget
from tests.parts import RedisServer, free_port

DIRECTORY, CLIENT = "22222222-2222-2222-2222-222222222222", "11111111-1111-1111-1111-111111111111"
FIRST, LEAST, MOST = 280.0, 20.0, 640.0
"""Resource units a second."""
BURST = 5
"""Seconds' worth of units that may be spent at once."""
SOON = 20.0
"""Seconds within which an expected event must happen."""


@pytest.fixture
def budgets(redis_server: RedisServer) -> Iterator[list[Budget]]:
    """Yield one scope as two processes see it, with two places."""
    processes = [RedisBudgets(redis_server.url, Limits(requests_in_flight=2)) for _ in range(2)]
    yield [each.scope(DIRECTORY, CLIENT) for each in processes]
    for each in processes:
        each.close()


class Rate:
    """The scope's rate as Redis stores it."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def _key(self) -> bytes:
        (key,) = self._redis.scan_iter("*:rate")
        return bytes(key)

    def __getitem__(self, field: str) -> float:
        return float(self._redis.hget(self._key(), field) or "nan")  # type: ignore[arg-type]

    def set(self, **fields: float) -> None:
        self._redis.hset(self._key(), mapping=fields)  # type: ignore[arg-type]

    def pass_time(self, seconds: float) -> None:
        """Move the stored times this many seconds into the past."""
        self.set(changed=self["changed"] - seconds * 1000, at=self["at"] - seconds * 1000)


@pytest.fixture
def rate(redis_server: RedisServer) -> Iterator[Rate]:
    with closing(redis.Redis.from_url(redis_server.url)) as client:
        yield Rate(client)


def limit(budgets: list[Budget], **limits: float) -> None:
    """Replace limits of the budgets from now on."""
    for budget in budgets:
        budget.limits = msgspec.structs.replace(budget.limits, **limits)  # type: ignore[attr-defined]


async def spend(budget: Budget, units: int = 1) -> float:
    """Return the seconds until a request of this many units may be sent."""
    began = time.monotonic()
    async with budget.request(units):
        return time.monotonic() - began


@asynccontextmanager
async def occupied(budget: Budget, places: int) -> AsyncIterator[None]:
    """Keep this many requests in flight during the block."""
    finish, started = asyncio.Event(), asyncio.Semaphore(0)

    async def hold() -> None:
        async with budget.request(1):
            started.release()
            await finish.wait()

    holding = [asyncio.create_task(hold()) for _ in range(places)]
    for _ in holding:
        await started.acquire()
    yield
    finish.set()
    await asyncio.gather(*holding)


# -- places


class Frozen:
    """A process that took a place and then freezes: none of its code runs until ``end``."""

    def __init__(self, budget: Budget) -> None:
        self._finish, self._started = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._hold(budget),))
        self._thread.start()
        assert self._started.wait(SOON)

    async def _hold(self, budget: Budget) -> None:
        async with budget.request(1):
            self._started.set()
            self._finish.wait(60)  # this blocks the event loop as well

    def end(self) -> None:
        self._finish.set()
        self._thread.join()


async def test_an_unrenewed_place_expires_while_other_places_are_renewed(
    budgets: list[Budget],
) -> None:
    limit(budgets, place_seconds=1.0)
    began = time.monotonic()
    frozen = Frozen(budgets[0])
    try:
        async with occupied(budgets[1], 1), asyncio.timeout(SOON):
            await spend(budgets[1])
            assert time.monotonic() - began > 0.9
    finally:
        await asyncio.to_thread(frozen.end)


async def test_a_place_is_renewed_for_the_whole_request(budgets: list[Budget]) -> None:
    limit(budgets, place_seconds=0.6)
    async with occupied(budgets[0], 2):
        waiting = asyncio.create_task(spend(budgets[1]))
        assert await asyncio.wait({waiting}, timeout=1.5) == (set(), {waiting})
    assert await asyncio.wait_for(waiting, SOON) > 1.0


async def test_the_places_of_a_frozen_process_expire_in_redis(budgets: list[Budget], redis_server: RedisServer) -> None:
    limit(budgets, place_seconds=0.3)
    frozen = Frozen(budgets[0])
    try:
        async with asyncio.timeout(SOON):
            while any(key.endswith(":held") for key in list(redis_server.keys())):
                await asyncio.sleep(0.02)
    finally:
        await asyncio.to_thread(frozen.end)


async def test_renewal_does_not_recreate_a_lost_place(budgets: list[Budget], redis_server: RedisServer) -> None:
    limit(budgets, place_seconds=0.3)
    async with occupied(budgets[0], 1):
        with closing(redis.Redis.from_url(redis_server.url)) as client:
            (key,) = client.scan_iter("*:held")
            client.delete(key)
            await asyncio.sleep(0.3)  # the place is renewed during this time
            assert client.zcard(key) == 0


# -- units


async def test_a_burst_is_spent_at_once_and_further_requests_wait_for_units(budgets: list[Budget], rate: Rate) -> None:
    await budgets[0].throttled(0.0)
    rate.set(rate=100.0, left=0.0)
    assert await spend(budgets[1], 40) > 0.2
    rate.set(left=100.0 * BURST)
    async with asyncio.timeout(SOON):
        for _ in range(4):
            await spend(budgets[0], 100)
    assert rate["left"] < 200.0


async def test_units_accumulate_up_to_one_burst(budgets: list[Budget], rate: Rate) -> None:
    await spend(budgets[0])
    assert rate["left"] == FIRST * BURST - 1
    rate.set(left=0.0)
    rate.pass_time(3.0)
    await spend(budgets[0])
    assert 3.0 * FIRST - 1 <= rate["left"] < FIRST * BURST - 1
    rate.pass_time(3600.0)
    rate.set(changed=rate["at"] + 3600_000.0)
    await spend(budgets[0])
    assert rate["left"] == FIRST * BURST - 1


async def test_a_request_larger_than_a_burst_is_eventually_sent(budgets: list[Budget], rate: Rate) -> None:
    await budgets[0].throttled(0.0)
    rate.set(rate=LEAST, left=LEAST * BURST)
    async with asyncio.timeout(SOON):
        await spend(budgets[0], 10_000)
    assert rate["left"] < 1.0


# -- the rate


async def test_every_429_halves_the_shared_rate_and_clears_the_accumulated_units(
    budgets: list[Budget], rate: Rate
) -> None:
    await spend(budgets[0])
    await budgets[1].throttled(0.0)
    assert (rate["rate"], rate["left"]) == (FIRST / 2, 0.0)
    for _ in range(10):
        await budgets[0].throttled(0.0)
    assert rate["rate"] == LEAST


async def test_a_reported_share_of_the_limit_slows_the_scope_to_four_fifths_of_it(
    budgets: list[Budget], rate: Rate
) -> None:
    await budgets[0].report_usage(1.6)
    assert (rate["rate"], rate["left"]) == (FIRST / 2, 0.0)
    await budgets[0].report_usage(0.8)
    assert rate["rate"] == pytest.approx(FIRST / 2 * 0.8)
    waited = await spend(budgets[1], 56)
    assert waited > 0.3


async def test_the_rate_rises_without_throttling_up_to_the_largest_quota(budgets: list[Budget], rate: Rate) -> None:
    await budgets[0].throttled(0.0)
    await spend(budgets[0])
    assert rate["rate"] == FIRST / 2
    rate.pass_time(11.0)
    await spend(budgets[0])
    assert rate["rate"] == FIRST / 2 * 1.25
    await spend(budgets[0])
    assert rate["rate"] == FIRST / 2 * 1.25
    for _ in range(12):
        rate.pass_time(11.0)
        await spend(budgets[1])
    assert rate["rate"] == MOST


# -- waiting


async def test_a_request_that_would_wait_longer_than_a_minute_fails_at_once(budgets: list[Budget]) -> None:
    await budgets[0].throttled(90.0)
    with pytest.raises(GraphTrouble) as caught:
        await asyncio.wait_for(spend(budgets[1]), SOON)
    assert caught.value.after is not None
    assert 60 < caught.value.after <= 90


async def test_a_request_fails_after_waiting_a_minute_for_a_place(budgets: list[Budget]) -> None:
    limit(budgets, request_wait_most_seconds=0.3)
    async with occupied(budgets[0], 2):
        with pytest.raises(GraphTrouble) as caught:
            await asyncio.wait_for(spend(budgets[1]), SOON)
    assert caught.value.after == 5.0


async def test_a_process_without_redis_keeps_to_a_quarter_of_the_smallest_quota() -> None:
    with closing(RedisBudgets(f"redis://127.0.0.1:{free_port()}/0", Limits(requests_in_flight=8))) as unreachable:
        budget = unreachable.scope(DIRECTORY, CLIENT)
        await spend(budget, 35)
        assert await spend(budget) > 0.3
    with closing(RedisBudgets(None, Limits(requests_in_flight=8))) as unconfigured:
        budget = unconfigured.scope(DIRECTORY, CLIENT)
        await spend(budget, 35)
        assert await spend(budget) > 0.3


async def test_an_unreachable_redis_is_not_queried_again_for_a_while(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.process.kill()
    redis_server.process.wait()
    with closing(RedisBudgets(redis_server.url, Limits(requests_in_flight=8))) as budgets:
        budget = budgets.scope(DIRECTORY, CLIENT)
        await spend(budget)
        queries: list[object] = []
        monkeypatch.setattr(redis.Redis, "eval", lambda *arguments: queries.append(arguments) or 0)
        await spend(budget)
        assert queries == []
        monkeypatch.setattr(module.time, "monotonic", lambda now=time.monotonic: now() + 5.0)
        await spend(budget)
        assert queries != []
