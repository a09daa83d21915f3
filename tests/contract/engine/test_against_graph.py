"""A verify against Graph finds the changes that delta did not tell, and no others."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from shared.domain.errors import Answer, ClaimLost, EntrakeepError, Skip, StartOver
from shared.domain.jobs import GraphVerifyRequest, GraphVerifyResult, Job, JobKind, JobState, UntoldChanges
from shared.domain.records import Line, put, tombstone
from shared.domain.resources import Stream
from shared.ports.directory import Cursor
from shared.ports.observer import Point
from tests.contract.engine.world import EngineWorld, MemoryPage

NOTHING = tombstone(b"users", b"users/nothing")
REQUEST = GraphVerifyRequest(against_graph=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, backups=1)
    world.limit(proof_seconds=0.0)
    yield world
    world.close()


def verify(world: EngineWorld) -> tuple[Job, GraphVerifyResult]:
    job = world.run_job(JobKind.VERIFY, snapshot="latest", detail=REQUEST)
    assert isinstance(job.detail, GraphVerifyResult)
    return job, job.detail


def of(result: GraphVerifyResult, resource: str) -> UntoldChanges:
    return next(each for each in result.untold if each.resource == resource)


def hide(world: EngineWorld, stream: str, position: int, line: Line = NOTHING) -> None:
    """Replace what a full reading shows at a position before the snapshot's cursor: delta does not name it."""
    world.directory.log[stream][position] = line


def test_nothing_differs_after_a_backup(world: EngineWorld) -> None:
    job, result = verify(world)
    assert job.state is JobState.SUCCEEDED
    assert result.differing == 0
    assert not result.not_compared
    assert of(result, "users").records == 4
    assert of(result, "groups.members").records == 1
    assert all(each.resource != "organization" for each in result.untold)


def test_changes_that_delta_names_do_not_count(world: EngineWorld) -> None:
    world.directory.put("users", "users/0", b'{"n":7}')
    world.directory.put("users", "users/new")
    world.directory.log["users"].append(tombstone(b"users", b"users/1"))
    job, result = verify(world)
    assert (job.state, result.differing) == (JobState.SUCCEEDED, 0)


def test_changes_that_delta_did_not_name_are_counted_by_kind(world: EngineWorld) -> None:
    hide(world, "users", 0, put(b"users", b"users/0", b'{"n":99}'))
    hide(world, "users", 1)
    hide(world, "groups", 1, put(b"groups.members", b"groups/g/members/2", b"{}"))
    job, result = verify(world)
    assert job.state is JobState.SUCCEEDED_WITH_WARNINGS
    assert of(result, "users") == UntoldChanges(resource="users", records=3, extra=1, changed=1)
    assert of(result, "groups.members") == UntoldChanges(resource="groups.members", records=1, missing=1, extra=1)
    assert "4 records" in (job.message or "")


@pytest.mark.parametrize(
    ("troubles", "reason"),
    [
        ([(0, None), (0, StartOver("expired"))], "cursor"),
        ([(0, Skip(Answer.FORBIDDEN, "status 403"))], "forbidden"),
    ],
)
def test_a_stream_that_graph_refuses_is_named_and_others_are_compared(
    world: EngineWorld, troubles: list[tuple[int, EntrakeepError | None]], reason: str
) -> None:
    world.directory.trouble["users"] = troubles
    hide(world, "groups", 0)
    job, result = verify(world)
    assert set(result.not_compared) == {"users"}
    assert reason in result.not_compared["users"]
    assert of(result, "groups").extra == 1
    assert job.state is JobState.SUCCEEDED_WITH_WARNINGS


def test_a_late_delta_is_read_again_before_a_difference_counts(world: EngineWorld) -> None:
    hide(world, "users", 0, put(b"users", b"users/0", b'{"n":99}'))
    pages, readings = world.directory.pages, []

    def late(stream: Stream, cursor: Cursor | None, passed: Sequence[Cursor] = ()) -> AsyncIterator[MemoryPage]:
        readings.append(stream.name)
        if readings.count("users") == 3:
            world.directory.put("users", "users/0", b'{"n":99}')
        return pages(stream, cursor, passed)

    world.directory.pages = late  # type: ignore[method-assign]
    job, result = verify(world)
    assert (job.state, result.differing) == (JobState.SUCCEEDED, 0)


def test_a_stream_that_was_compared_is_not_read_again_after_a_lost_claim(world: EngineWorld) -> None:
    def lose(point: Point) -> None:
        if point is Point.CHECKPOINTED:
            world.on_point = lambda _: None
            raise ClaimLost

    world.directory.requests.clear()
    world.on_point = lose
    job = world.request(JobKind.VERIFY, "latest", REQUEST)
    world.work(1)
    world.pass_time(60)
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert Counter(name for name, _ in world.directory.requests)["users"] == 2
