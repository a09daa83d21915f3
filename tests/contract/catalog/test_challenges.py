"""Challenges of browsers: each is taken once, for its purpose, before it expires."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.contract.catalog.world import World

HASH, LASTS = "a" * 64, timedelta(minutes=10)


@pytest.mark.postgresql
def test_one_of_several_concurrent_answers_takes_the_challenge(world: World) -> None:
    world.catalog.challenges().keep(HASH, "provider", {"return": "/fleet"}, LASTS)
    catalogs = [world.another() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda catalog: catalog.challenges().take(HASH, "provider"), catalogs))
    assert sorted(taken, key=bool) == [None, None, None, {"return": "/fleet"}]


@pytest.mark.postgresql
def test_a_challenge_serves_its_purpose_alone(world: World) -> None:
    challenges = world.catalog.challenges()
    challenges.keep(HASH, "passkey", {}, LASTS)
    assert challenges.take(HASH, "provider") is None
    assert challenges.take("b" * 64, "passkey") is None
    assert challenges.take(HASH, "passkey") == {}


def test_an_expired_challenge_is_not_taken_and_goes_with_the_next(world: World) -> None:
    challenges = world.catalog.challenges()
    challenges.keep(HASH, "passkey", {}, timedelta(seconds=-1))
    assert challenges.take(HASH, "passkey") is None
    assert world.stored("SELECT count(*) FROM challenges") == [1]
    challenges.keep("b" * 64, "passkey", {}, LASTS)
    assert world.stored("SELECT hash FROM challenges") == ["b" * 64]
