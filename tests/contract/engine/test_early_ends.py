"""Steps that end early: when they are retried, and which of their checkpoints remain."""

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
    world = EngineWorld(tmp_path)
    world.limit(tenant_steps=99)
    world.scheduler.record_heartbeat("w", 99)
    yield world
    world.close()


def raising(error: Exception) -> Callable[[str], None]:
    """Return a hook that raises the error at a page, as a defect would."""

    def on_point(point: str) -> None:
        if point == "page":
            raise error

    return on_point


def take_requests(world: EngineWorld, stream: str = "users") -> list[str]:
    """Return the requests for a stream that the directory received, and clear all recorded requests."""
    requests = [request for name, request in world.directory.requests if name == stream]
    world.directory.requests.clear()
    return requests


def checkpoints(world: EngineWorld, stream: str = "users") -> Counter[int]:
    """Return the number of checkpoints of a stream at the job's commit, by phase."""
    with world.step("commit", Phase.COMMIT) as work:
        checkpoints = work.catalog.claims.checkpoints(work.claim, step_only=False)
    return Counter(each.phase for each in checkpoints if each.stream == stream)


# -- retries


def test_the_messages_of_the_next_phase_are_sent_as_soon_as_it_opens(world: EngineWorld) -> None:
    job = world.request()
    world.tick()
    for phase in (Phase.READ, Phase.SECOND_ROUND, Phase.COMPACT, Phase.COMMIT):
        queue, world.messages.queue = world.messages.queue, []
        steps = world.catalog.jobs.steps(job.job_id)
        assert {step.step_id for step in queue} == {step.step_id for step in steps if step.phase == phase}
        for step in queue:
            assert world.messages.queue == []
            world.run_step(step)
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("retry_after", "resend", "expected"), [(100.0, 0.0, 100), (0.0, 60.0, 60), (7200.0, 0.0, 3600)]
)
def test_a_retry_waits_for_retry_after_or_the_resend_time_but_at_most_an_hour(
    world: EngineWorld, retry_after: float, resend: float, expected: int
) -> None:
    world.directory.trouble["users"] = [(0, GraphTrouble("Throttled.", retry_after, "request-1"))]
    job = world.request()
    world.tick()
    world.limit(resend_seconds=resend)
    for step in world.messages.queue:
        world.run_step(step)
    world.messages.queue.clear()
    world.limit(resend_seconds=0.0)
    assert take_requests(world) == ["afresh"]
    world.pass_time(expected - 10)
    world.work()
    assert take_requests(world) == []
    world.pass_time(20)
    world.work()
    assert take_requests(world)[0] == "afresh"
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED


def test_a_cursor_refused_twice_in_a_row_counts_as_trouble_and_is_retried(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(0, TOO_OLD), (0, TOO_OLD)]
    world.back_up()
    assert take_requests(world)[:3] == ["afresh", "afresh", "afresh"]
    assert world.download() == world.directory.records()


@pytest.mark.parametrize("defect", [ImportError("CANARY"), OSError(errno.ENOENT, "CANARY"), RecursionError("CANARY")])
def test_a_defect_ends_the_job_at_once_and_reports_only_its_class(world: EngineWorld, defect: Exception) -> None:
    job = world.request()
    world.tick()
    world.on_point = raising(defect)
    with pytest.raises(type(defect)):
        world.run_step(world.messages.queue[0])
    ended = world.catalog.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.UNEXPECTED)
    assert ended.message is not None
    assert type(defect).__name__ in ended.message
    assert "CANARY" not in ended.message


@pytest.mark.parametrize("shortage", [MemoryError(), OSError(errno.EMFILE, "too many open files")])
def test_a_shortage_of_memory_or_files_is_retried_like_a_lost_worker(world: EngineWorld, shortage: Exception) -> None:
    job = world.request()
    world.tick()
    world.on_point = raising(shortage)
    with pytest.raises(type(shortage)):
        world.run_step(world.messages.queue[0])
    assert world.catalog.jobs.get(job.job_id).state is JobState.RUNNING
    world.on_point = lambda _: None
    world.pass_time(31)
    world.work()
    world.pass_time(31)
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED


# -- checkpoints


@pytest.mark.parametrize("error", [TROUBLE, REFUSED], ids=["trouble that lasts", "a refusal"])
def test_a_stream_that_fails_half_way_leaves_no_checkpoint(world: EngineWorld, error: EntrakeepError) -> None:
    world.limit(buffer_bytes=1, graph_trouble_seconds=0.0)
    world.directory.trouble["users"] = [(2, error)]
    job = world.request()
    assert checkpoints(world) == {}
    (users,) = (
        step for step in world.catalog.jobs.steps(job.job_id) if (step.name, step.phase) == ("users", Phase.READ)
    )
    assert users.answer in (Answer.FAILED, Answer.FORBIDDEN)
    assert (users.request_id, users.progress) == ("request-1", [])


def test_a_second_round_that_fails_half_way_leaves_no_checkpoint(world: EngineWorld) -> None:
    def change(point: str) -> None:
        if point == "phase-opened":
            world.on_point = lambda _: None
            for n in range(3):
                world.directory.put("users", f"users/late-{n}")

    world.on_point = change
    world.limit(buffer_bytes=1)
    world.directory.trouble["users"] = [NO_TROUBLE, (2, REFUSED)]
    world.request()
    assert checkpoints(world) == {Phase.READ: 4}


def test_a_read_that_starts_afresh_drops_its_previous_checkpoints(world: EngineWorld) -> None:
    world.limit(buffer_bytes=1)
    world.directory.trouble["users"] = [(2, TROUBLE), (0, TOO_OLD)]
    world.request()
    with world.step("commit", Phase.COMMIT) as work:
        bodies = job_checkpoints(work, Phase.READ, "users")
    assert take_requests(world)[:3] == ["afresh", "next:2", "afresh"]
    # A prefix for each resource of the stream, and a line for each of the four users.
    assert [body.run.lines for body in bodies if body.run is not None] == [3, 1, 1, 1]
    assert all(body.full for body in bodies)
    world.pass_time(31)
    world.work()
    assert world.download() == world.directory.records()
