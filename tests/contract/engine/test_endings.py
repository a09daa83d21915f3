"""What an attempt at a step reports to whoever watches workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Code, GraphTrouble, KeyRefused
from shared.domain.jobs import StepRef
from shared.engine.jobs.ending import Ending, Outcome
from shared.engine.jobs.runner import run_step
from shared.messages import StepMessage
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path)
    made.limit(tenant_steps=99)
    made.scheduler.record_heartbeat("w", 99)
    yield made
    made.close()


def sent(world: EngineWorld) -> list[StepRef]:
    """The messages of a backup's first phase, the users' first."""
    world.ask()
    world.tick()
    taken, world.messages.taken = world.messages.taken, []
    return sorted(taken, key=lambda step: step.name != "users")


def done(world: EngineWorld, step: StepRef) -> Ending:
    message = StepMessage(tenant_id=step.tenant_id, job_id=step.job_id, step_id=step.step_id)
    return run_step(world.context, message, "w/1")


def test_a_step_that_is_done_reports_so_and_so_does_a_second_message_for_it(world: EngineWorld) -> None:
    users, *_ = sent(world)
    assert done(world, users) == Ending(Outcome.DONE)
    assert done(world, users) == Ending(Outcome.DONE)


def test_a_step_in_trouble_reports_that_it_is_tried_again_and_why(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(0, GraphTrouble("Graph is in trouble.", 0.0, "request-1"))]
    users, *_ = sent(world)
    assert done(world, users) == Ending(Outcome.RETRIED, Code.GRAPH_UNREACHABLE)


def test_a_message_for_a_step_that_another_worker_has_reports_nothing(world: EngineWorld) -> None:
    users, *_ = sent(world)
    assert world.of.claims.claim(users.job_id, users.step_id, "v/1", 30)
    assert done(world, users) == Ending(Outcome.ELSEWHERE)


def test_a_refused_key_fails_the_step_that_meets_it_and_the_others_are_dropped(world: EngineWorld) -> None:
    users, groups, *_ = sent(world)
    world.keys.refusing[ARN] = KeyRefused(ARN, "The key is disabled.")
    assert done(world, users) == Ending(Outcome.FAILED, Code.KEY_ACCESS_REVOKED)
    assert done(world, groups) == Ending(Outcome.DROPPED, Code.KEY_ACCESS_REVOKED)


def test_a_step_of_a_cancelled_job_or_of_a_removed_tenant_is_dropped(world: EngineWorld) -> None:
    users, groups, *_ = sent(world)
    world.of.jobs.cancel(users.job_id)
    assert done(world, users) == Ending(Outcome.DROPPED, Code.CANCELLED)
    world.of.remove()
    assert done(world, groups) == Ending(Outcome.DROPPED)
