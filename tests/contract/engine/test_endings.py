"""Each attempt at a step reports its ending to the observers of a worker."""

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
    world = EngineWorld(tmp_path)
    world.limit(tenant_steps=99)
    world.scheduler.record_heartbeat("w", 99)
    yield world
    world.close()


def first_messages(world: EngineWorld) -> list[StepRef]:
    """Request a backup. Return the messages of its first phase, the users' message first."""
    world.request()
    world.tick()
    steps, world.messages.queue = world.messages.queue, []
    return sorted(steps, key=lambda step: step.name != "users")


def run(world: EngineWorld, step: StepRef) -> Ending:
    message = StepMessage(tenant_id=step.tenant_id, job_id=step.job_id, step_id=step.step_id)
    return run_step(world.context, message, "w/1")


def test_a_finished_step_reports_done_for_its_first_and_its_second_message(world: EngineWorld) -> None:
    users, *_ = first_messages(world)
    assert run(world, users) == Ending(Outcome.DONE)
    assert run(world, users) == Ending(Outcome.DONE)


def test_a_step_in_trouble_reports_its_retry_with_the_code(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(0, GraphTrouble("Graph is in trouble.", 0.0, "request-1"))]
    users, *_ = first_messages(world)
    assert run(world, users) == Ending(Outcome.RETRIED, Code.GRAPH_UNREACHABLE)


def test_a_message_for_a_step_that_another_worker_has_claimed_reports_elsewhere(world: EngineWorld) -> None:
    users, *_ = first_messages(world)
    assert world.catalog.claims.claim(users.job_id, users.step_id, "v/1", 30)
    assert run(world, users) == Ending(Outcome.ELSEWHERE)


def test_a_refused_key_fails_the_current_step_and_drops_the_other_steps(world: EngineWorld) -> None:
    users, groups, *_ = first_messages(world)
    world.keys.refusing[ARN] = KeyRefused(ARN, "The key is disabled.")
    assert run(world, users) == Ending(Outcome.FAILED, Code.KEY_ACCESS_REVOKED)
    assert run(world, groups) == Ending(Outcome.DROPPED, Code.KEY_ACCESS_REVOKED)


def test_a_step_of_a_cancelled_job_or_of_a_removed_tenant_is_dropped(world: EngineWorld) -> None:
    users, groups, *_ = first_messages(world)
    world.catalog.jobs.cancel(users.job_id)
    assert run(world, users) == Ending(Outcome.DROPPED, Code.CANCELLED)
    world.catalog.remove()
    assert run(world, groups) == Ending(Outcome.DROPPED)
