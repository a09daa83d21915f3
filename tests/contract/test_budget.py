"""The contract of a request budget: on a real Redis, on a hung Redis, and without Redis."""

import asyncio
import signal
import time
from collections.abc import Iterator

import pytest

from shared.adapters.budget import RedisBudgets
from shared.domain.limits import Limits
from shared.ports.budget import Budget
from tests.parts import RedisServer, free_port

DIRECTORY, CLIENT = "22222222-2222-2222-2222-222222222222", "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def budgets(redis_server: RedisServer) -> Iterator[list[RedisBudgets]]:
    """Yield budgets as two processes have them: on one Redis, with three places per scope."""
    processes = [RedisBudgets(redis_server.url, Limits(requests_in_flight=3)) for _ in range(2)]
    yield processes
    for budget in processes:
        budget.close()


@pytest.fixture
def without_redis() -> Iterator[Budget]:
    budgets = RedisBudgets(f"redis://127.0.0.1:{free_port()}/0", Limits(requests_in_flight=3))
    yield budgets.scope(DIRECTORY, CLIENT)
    budgets.close()


async def most_in_flight(budgets: list[Budget], requests: int, seconds: float = 0.02) -> int:
    running = most = 0

    async def ask(budget: Budget) -> None:
        nonlocal running, most
        async with budget.request(1):
            running += 1
            most = max(most, running)
            await asyncio.sleep(seconds)
            running -= 1

    await asyncio.gather(*(ask(budgets[n % len(budgets)]) for n in range(requests)))
    return most


def place_keys(server: RedisServer) -> list[str]:
    """Return the Redis keys of occupied places."""
    return [key for key in list(server.keys()) if key.endswith(":place_keys")]


async def seconds_until_a_place(budget: Budget, bucket: str = "directory") -> float:
    began = time.monotonic()
    async with budget.request(1, bucket):
        return time.monotonic() - began


async def test_processes_share_one_limit_of_requests_in_flight(budgets: list[RedisBudgets]) -> None:
    assert await most_in_flight([each.scope(DIRECTORY, CLIENT) for each in budgets], 12) == 3


async def test_a_429_in_one_process_slows_the_whole_scope_and_no_other_scope(budgets: list[RedisBudgets]) -> None:
    await budgets[0].scope(DIRECTORY, CLIENT).throttled(0.6)
    assert await seconds_until_a_place(budgets[1].scope(DIRECTORY, "another client")) < 0.4
    assert await seconds_until_a_place(budgets[1].scope(DIRECTORY, CLIENT)) > 0.1


async def test_services_with_limits_of_their_own_delay_no_other_requests(budgets: list[RedisBudgets]) -> None:
    one, two = (each.scope(DIRECTORY, CLIENT) for each in budgets)
    assert await seconds_until_a_place(one, "conditional-access") < 0.5
    policies = asyncio.create_task(seconds_until_a_place(two, "conditional-access"))
    assert await seconds_until_a_place(two) < 0.5
    assert await policies > 0.6


async def test_a_429_of_a_service_stops_the_requests_to_that_service_alone(budgets: list[RedisBudgets]) -> None:
    one, two = (each.scope(DIRECTORY, CLIENT) for each in budgets)
    await one.throttled(1.0, "reports")
    reports = asyncio.create_task(seconds_until_a_place(two, "reports"))
    assert await seconds_until_a_place(two) < 0.5
    assert await reports > 0.5


async def test_a_shorter_429_does_not_shorten_a_longer_one(budgets: list[RedisBudgets]) -> None:
    await budgets[0].scope(DIRECTORY, CLIENT).throttled(0.8)
    await budgets[0].scope(DIRECTORY, CLIENT).throttled(0.01)
    assert await seconds_until_a_place(budgets[1].scope(DIRECTORY, CLIENT)) > 0.4


async def test_a_place_is_released_after_failure_and_cancellation(
    budgets: list[RedisBudgets], redis_server: RedisServer
) -> None:
    budget = budgets[0].scope(DIRECTORY, CLIENT)

    async def fail() -> None:
        async with budget.request(1):
            raise LookupError

    async def stay() -> None:
        async with budget.request(1):
            await asyncio.sleep(60)

    with pytest.raises(LookupError):
        await fail()
    for pause in (0.0, 0.0005, 0.001, 0.002, 0.1):
        task = asyncio.create_task(stay())
        await asyncio.sleep(pause)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    until = time.monotonic() + 10
    while place_keys(redis_server) and time.monotonic() < until:
        await asyncio.sleep(0.02)
    assert not place_keys(redis_server)


async def test_redis_keys_contain_no_directory_or_client_id(
    budgets: list[RedisBudgets], redis_server: RedisServer
) -> None:
    async with budgets[0].scope(DIRECTORY, CLIENT).request(1):
        keys = redis_server.keys()
    assert len(keys) == 2
    assert not any(secret in key for key in keys for secret in (DIRECTORY, CLIENT))


async def test_a_process_without_redis_sends_one_request_at_a_time(without_redis: Budget) -> None:
    assert await most_in_flight([without_redis], 4) == 1


async def test_a_command_which_has_no_redis_sends_requests_side_by_side() -> None:
    budgets = RedisBudgets(None, Limits(requests_in_flight=3))
    assert await most_in_flight([budgets.scope(DIRECTORY, CLIENT)], 12, seconds=0.3) == 3
    budgets.close()


async def test_a_command_which_has_no_redis_keeps_to_the_limit_of_a_single_service() -> None:
    budgets = RedisBudgets(None, Limits(requests_in_flight=8))
    budget, began = budgets.scope(DIRECTORY, CLIENT), time.monotonic()
    for _ in range(2):
        async with budget.request(1, "conditional-access"):
            pass
    assert 1.0 < time.monotonic() - began < 4.0
    budgets.close()


async def test_a_429_slows_a_process_without_redis(without_redis: Budget) -> None:
    await without_redis.throttled(0.3)
    assert await seconds_until_a_place(without_redis) > 0.1


async def test_a_hung_redis_does_not_hang_the_reader(budgets: list[RedisBudgets], redis_server: RedisServer) -> None:
    budget = budgets[0].scope(DIRECTORY, CLIENT)
    redis_server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert await most_in_flight([budget], 3) == 1
    assert time.monotonic() - began < 5
