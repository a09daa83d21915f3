"""The contract of the budget of writes: on a real Redis, and without Redis."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from shared.adapters.budget import RedisBudgets
from shared.domain.errors import GraphTrouble
from shared.domain.limits import Limits
from shared.ports.budget import WriteBudget
from tests.parts import RedisServer, free_port

DIRECTORY, CLIENT = "22222222-2222-2222-2222-222222222222", "11111111-1111-1111-1111-111111111111"
OTHER_CLIENTS = [f"client {n}" for n in range(4)]
POLICIES = "conditional-access"


@pytest.fixture
def budgets(redis_server: RedisServer) -> Iterator[list[RedisBudgets]]:
    """Yield budgets as two processes have them, on one Redis, that do not wait for long."""
    processes = [RedisBudgets(redis_server.url, Limits(write_wait_most_seconds=0.0)) for _ in range(2)]
    yield processes
    for budget in processes:
        budget.close()


async def admitted(budget: WriteBudget, bucket: str = "directory", writes: int = 1) -> bool:
    try:
        await budget.admit(bucket, writes)
    except GraphTrouble:
        return False
    return True


async def test_processes_share_the_writes_of_an_application(budgets: list[RedisBudgets]) -> None:
    first, second = (each.writes(DIRECTORY, CLIENT) for each in budgets)
    assert await admitted(first, writes=2_900)
    assert not await admitted(second, writes=100)
    assert await admitted(second, writes=50)
    assert not await admitted(first)


async def test_writes_that_do_not_fit_are_trouble_with_the_time_until_they_do(budgets: list[RedisBudgets]) -> None:
    budget = budgets[0].writes(DIRECTORY, CLIENT)
    await budget.admit("directory", 2_950)
    with pytest.raises(GraphTrouble) as trouble:
        await budget.admit("directory", 20)
    assert trouble.value.after == pytest.approx(151, abs=4)


async def test_all_applications_take_at_most_half_of_what_a_directory_allows(budgets: list[RedisBudgets]) -> None:
    for client in OTHER_CLIENTS[:3]:
        assert await admitted(budgets[0].writes(DIRECTORY, client), writes=2_900)
    last = budgets[1].writes(DIRECTORY, OTHER_CLIENTS[3])
    assert not await admitted(last, writes=301)
    assert await admitted(last, writes=300)
    assert await admitted(budgets[1].writes("another directory", OTHER_CLIENTS[0]), writes=2_900)


async def test_conditional_access_takes_one_request_a_second_from_all_applications(redis_server: RedisServer) -> None:
    processes = [RedisBudgets(redis_server.url, Limits()) for _ in range(2)]
    began = time.monotonic()
    for n, process in enumerate(processes):
        await process.writes(DIRECTORY, OTHER_CLIENTS[n]).admit(POLICIES, 1)
        await process.writes(DIRECTORY, CLIENT).admit("directory", 1)
    assert time.monotonic() - began >= 1.0
    for process in processes:
        process.close()


async def test_a_429_stops_the_bucket_in_all_processes_and_no_other_bucket(budgets: list[RedisBudgets]) -> None:
    first, second = (each.writes(DIRECTORY, CLIENT) for each in budgets)
    await first.throttled("directory", 30.0)
    await first.throttled("directory", 0.01)
    for budget in (first, second):
        assert not await admitted(budget)
        with pytest.raises(GraphTrouble) as trouble:
            await budget.admit("directory", 1)
        assert trouble.value.after == pytest.approx(30, abs=10)
    assert await admitted(second, POLICIES)


async def test_writes_are_spread_at_a_quarter_of_the_limit_without_redis() -> None:
    budget = RedisBudgets(_silent(), Limits(write_wait_most_seconds=0.0)).writes(DIRECTORY, CLIENT)
    assert await admitted(budget, writes=20)
    with pytest.raises(GraphTrouble) as trouble:
        await budget.admit("directory", 1)
    assert trouble.value.after == pytest.approx(20 / (2_950 / 150 / 4), abs=1)
    assert await admitted(budget, POLICIES)


async def test_a_write_waits_for_its_turn() -> None:
    budget = RedisBudgets(_silent(), Limits()).writes(DIRECTORY, CLIENT)
    began = time.monotonic()
    await asyncio.gather(*(budget.admit("directory", 1) for _ in range(3)))
    assert time.monotonic() - began >= 2 / (2_950 / 150 / 4) * 0.9


def _silent() -> str:
    """Return the URL of a Redis that does not answer."""
    return f"redis://127.0.0.1:{free_port()}/0"
