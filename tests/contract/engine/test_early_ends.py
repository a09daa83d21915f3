"""What a step leaves behind when it ends early: when it is tried again, and which of its checkpoints stand."""

import errno
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Answer, Code, EntrakeepError, GraphTrouble, Skip, StartOver
from shared.domain.jobs import JobState, Phase
from shared.engine.steps.checkpoints import job_checkpoints
from tests.contract.engine.world import EngineWorld

TROUBLE = GraphTrouble("Graph is in trouble.", 0.0, "request-1")
REFUSED = Skip(Answer.FORBIDDEN, "No permission.", "request-1")
TOO_OLD = StartOver("The cursor is too old.")
NO_TROUBLE = (-1, TROUBLE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path)
    made.limit(tenant_steps=99)
    made.scheduler.record_heartbeat("w", 99)
    yield made
    made.close()


def raising(error: Exception) -> Callable[[str], None]:
    """Meet this between two writes, as a defect would."""

    def at(point: str) -> None:
        if point == "page":
            raise error

    return at


def told(world: EngineWorld, stream: str = "users") -> list[str]:
    """What the directory was asked for of a stream, and forgets."""
    asked = [what for name, what in world.directory.told if name == stream]
    world.directory.told.clear()
    return asked


def checkpoints(world: EngineWorld, stream: str = "users") -> Counter[int]:
    """How many checkpoints of a stream stand when the job comes to its commit, by phase."""
    with world.step("commit", Phase.COMMIT) as work:
        written = work.catalog.claims.checkpoints(work.claim, step_only=False)
    return Counter(each.phase for each in written if each.stream == stream)


# -- when it is tried again


def test_the_messages_of_the_next_phase_leave_as_soon_as_it_opens(world: EngineWorld) -> None:
    job = world.ask()
    world.tick()
    for phase in (Phase.READ, Phase.SECOND_ROUND, Phase.COMPACT, Phase.COMMIT):
        taken, world.messages.taken = world.messages.taken, []
        steps = world.of.jobs.steps(job.job_id)
        assert {step.step_id for step in taken} == {step.step_id for step in steps if step.phase == phase}
        for step in taken:
            assert world.messages.taken == []
            world.perform(step)
    assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED


@pytest.mark.parametrize(("asked", "least", "waits"), [(100.0, 0.0, 100), (0.0, 60.0, 60), (7200.0, 0.0, 3600)])
def test_a_step_waits_as_long_as_the_other_side_asks_or_as_a_message_takes(
    world: EngineWorld, asked: float, least: float, waits: int
) -> None:
    world.directory.trouble["users"] = [(0, GraphTrouble("Throttled.", asked, "request-1"))]
    job = world.ask()
    world.tick()
    world.limit(resend_seconds=least)
    for step in world.messages.taken:
        world.perform(step)
    world.messages.taken.clear()
    world.limit(resend_seconds=0.0)
    assert told(world) == ["afresh"]
    world.pass_time(waits - 10)
    world.work()
    assert told(world) == []
    world.pass_time(20)
    world.work()
    assert told(world)[0] == "afresh"
    assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED


def test_a_cursor_refused_twice_in_a_row_is_trouble_and_tried_again(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(0, TOO_OLD), (0, TOO_OLD)]
    world.backed_up()
    assert told(world)[:3] == ["afresh", "afresh", "afresh"]
    assert world.download() == world.directory.records()


@pytest.mark.parametrize("defect", [ImportError("CANARY"), OSError(errno.ENOENT, "CANARY"), RecursionError("CANARY")])
def test_a_defect_ends_the_job_at_once_and_names_its_class_alone(world: EngineWorld, defect: Exception) -> None:
    job = world.ask()
    world.tick()
    world.at = raising(defect)
    with pytest.raises(type(defect)):
        world.perform(world.messages.taken[0])
    ended = world.of.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.UNEXPECTED)
    assert ended.message is not None
    assert type(defect).__name__ in ended.message
    assert "CANARY" not in ended.message


@pytest.mark.parametrize("shortage", [MemoryError(), OSError(errno.EMFILE, "too many open files")])
def test_a_shortage_of_the_machine_is_tried_again_like_a_lost_worker(world: EngineWorld, shortage: Exception) -> None:
    job = world.ask()
    world.tick()
    world.at = raising(shortage)
    with pytest.raises(type(shortage)):
        world.perform(world.messages.taken[0])
    assert world.of.jobs.get(job.job_id).state is JobState.RUNNING
    world.at = lambda _: None
    world.pass_time(31)
    world.work()
    world.pass_time(31)
    world.work()
    assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED


# -- what stands of it


@pytest.mark.parametrize("error", [TROUBLE, REFUSED], ids=["trouble that lasts", "a refusal"])
def test_a_stream_that_fails_half_way_leaves_no_checkpoint(world: EngineWorld, error: EntrakeepError) -> None:
    world.limit(buffer_bytes=1, graph_trouble_seconds=0.0)
    world.directory.trouble["users"] = [(2, error)]
    job = world.ask()
    assert checkpoints(world) == {}
    (users,) = (step for step in world.of.jobs.steps(job.job_id) if (step.name, step.phase) == ("users", Phase.READ))
    assert users.answer in (Answer.FAILED, Answer.FORBIDDEN)
    assert (users.request_id, users.progress) == ("request-1", [])


def test_a_second_round_that_fails_half_way_leaves_no_checkpoint(world: EngineWorld) -> None:
    def change(point: str) -> None:
        if point == "phase-opened":
            world.at = lambda _: None
            for n in range(3):
                world.directory.put("users", f"users/late-{n}")

    world.at = change
    world.limit(buffer_bytes=1)
    world.directory.trouble["users"] = [NO_TROUBLE, (2, REFUSED)]
    world.ask()
    assert checkpoints(world) == {Phase.READ: 4}


def test_a_reading_that_begins_afresh_leaves_nothing_of_what_it_had_read(world: EngineWorld) -> None:
    world.limit(buffer_bytes=1)
    world.directory.trouble["users"] = [(2, TROUBLE), (0, TOO_OLD)]
    world.ask()
    with world.step("commit", Phase.COMMIT) as work:
        bodies = job_checkpoints(work, Phase.READ, "users")
    assert told(world)[:3] == ["afresh", "next:2", "afresh"]
    # A prefix for each resource of the stream, and a line for each of the four users.
    assert [body.run.lines for body in bodies if body.run is not None] == [3, 1, 1, 1]
    assert all(body.full for body in bodies)
    world.pass_time(31)
    world.work()
    assert world.download() == world.directory.records()
