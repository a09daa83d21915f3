"""Backups of a directory with late objects, unusable cursors and rounds that fail half-way."""

import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from shared.domain import resources
from shared.domain.errors import Answer, Code, EntrakeepError, GraphTrouble, Refuse, Skip, StartOver
from shared.domain.jobs import Job, JobState, ResourceProgress
from shared.domain.resources import STREAMS, Stream
from shared.ports.directory import Cursor
from tests.contract.engine.world import EngineWorld, MemoryPage
from tests.tables import SMALL

pytestmark = pytest.mark.streams(*SMALL)

TROUBLE = GraphTrouble("Graph is in trouble.", 0.0, "request-1")
NO_TROUBLE = (-1, TROUBLE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    yield world
    world.close()


def take_requests(world: EngineWorld, stream: str = "users") -> list[str]:
    """Return the requests for a stream that the directory received, and clear all recorded requests."""
    requests = [request for name, request in world.directory.requests if name == stream]
    world.directory.requests.clear()
    return requests


def finish(world: EngineWorld, job: Job) -> Job:
    """Work until the job has ended. Return the job."""
    end = time.monotonic() + 20
    while not world.catalog.jobs.get(job.job_id).state.ended and time.monotonic() < end:
        world.work()
        time.sleep(0.005)
    return world.catalog.jobs.get(job.job_id)


def on_second_round(world: EngineWorld, action: object) -> None:
    """Call ``action`` once, when the users' second round begins."""
    real, rounds = world.directory.pages, [0]

    async def pages(stream: Stream, cursor: Cursor | None, passed: Sequence[Cursor] = ()) -> AsyncIterator[MemoryPage]:
        if stream.name == "users":
            rounds[0] += 1
            if rounds[0] == 2:
                assert callable(action)
                action()
        async for page in real(stream, cursor, passed):
            yield page

    world.directory.pages = pages  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "error",
    [TROUBLE, StartOver("x"), Skip(Answer.FAILED, "x"), Refuse(Code.GRAPH_SIGN_IN_FAILED, "x")],
    ids=lambda error: type(error).__name__,
)
def test_the_next_backup_fetches_an_incomplete_object_if_the_second_round_failed(
    world: EngineWorld, error: EntrakeepError
) -> None:
    world.directory.incomplete_ids = ["late"]
    world.directory.trouble["users"] = [NO_TROUBLE, (0, error)]
    world.back_up()
    assert "users/late" not in world.download()
    world.directory.incomplete_ids = []
    world.directory.objects = {"late": b'{"id":"late"}'}
    take_requests(world)
    world.back_up()
    assert take_requests(world)[:2] == ["delta:4", "late"]
    assert world.download()["users/late"] == b'{"id":"late"}'


def test_the_next_backup_fetches_an_object_that_only_the_second_round_left_incomplete(world: EngineWorld) -> None:
    on_second_round(world, lambda: setattr(world.directory, "incomplete_ids", ["2"]))
    world.back_up()
    assert world.download()["users/2"] == b'{"n":2}'
    world.directory.incomplete_ids = []
    world.directory.objects = {"2": b'{"n":"new"}'}
    world.back_up()
    assert world.download()["users/2"] == b'{"n":"new"}'


def test_an_object_that_stays_incomplete_is_removed_only_after_the_waiting_time(world: EngineWorld) -> None:
    world.limit(gone_after_seconds=60.0)
    world.directory.incomplete_ids = ["2"]
    world.back_up()
    world.directory.incomplete_ids = []
    assert "users/2" in world.download()
    world.clock.time += timedelta(seconds=30)
    world.back_up()
    assert "users/2" in world.download()
    world.clock.time += timedelta(seconds=90)
    world.back_up()
    assert "users/2" not in world.download()
    take_requests(world)
    world.back_up()
    assert "2" not in take_requests(world)


def test_a_second_round_that_fails_half_way_stores_nothing_and_the_next_backup_repeats_it(
    world: EngineWorld,
) -> None:
    def change() -> None:
        for n in range(3):
            world.directory.put("users", f"users/late-{n}")

    on_second_round(world, change)
    world.limit(buffer_bytes=1)
    world.directory.trouble["users"] = [NO_TROUBLE, (2, Skip(Answer.FAILED, "x"))]
    world.back_up()
    assert not any(key.startswith("users/late") for key in world.download())
    take_requests(world)
    world.back_up()
    assert take_requests(world)[0] == "delta:4"
    assert world.download() == world.directory.records()


def test_a_resumed_read_with_another_selection_starts_afresh(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.limit(buffer_bytes=1)
    world.directory.trouble["users"] = [(2, TROUBLE)]
    job = world.request()
    world.work(1)
    take_requests(world)
    more = msgspec.structs.replace(STREAMS["users"], select=(*STREAMS["users"].select, "another"))
    monkeypatch.setitem(resources.STREAMS, "users", more)
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert take_requests(world)[0] == "afresh"
    world.back_up()
    assert take_requests(world)[0].startswith("delta:")


def test_a_stream_that_is_added_while_a_job_runs_waits_for_the_next_job(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.request()
    world.work(1)
    more = msgspec.structs.replace(STREAMS["organization"], name="domains", resource="domains")
    monkeypatch.setitem(resources.STREAMS, "domains", more)
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED


@pytest.mark.parametrize("reason", ["full", "old", "another selection"])
def test_a_read_starts_afresh_if_the_cursor_is_unusable(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    world.back_up()
    take_requests(world)
    world.back_up()
    assert take_requests(world)[0].startswith("delta:")
    if reason == "old":
        world.clock.time += timedelta(days=7)
    elif reason == "another selection":
        more = msgspec.structs.replace(STREAMS["users"], select=(*STREAMS["users"].select, "another"))
        monkeypatch.setitem(resources.STREAMS, "users", more)
    world.request(full=reason == "full")
    world.work()
    assert take_requests(world)[0] == "afresh"
    assert world.download() == world.directory.records()


def test_a_token_that_one_service_refuses_fails_only_its_resource(world: EngineWorld) -> None:
    world.directory.trouble["conditionalAccessPolicies"] = [(0, Skip(Answer.FAILED, "status 401", "request-1"))]
    job = world.run_job()
    assert job.state is JobState.SUCCEEDED_WITH_WARNINGS
    reports = {report.resource: report for report in world.catalog.snapshots.get("latest").resources}
    assert reports["conditionalAccessPolicies"].answer is Answer.FAILED
    assert reports["users"].answer is Answer.WHOLE


def test_a_step_is_retried_within_an_hour_although_graph_asks_for_a_year(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(0, GraphTrouble("Throttled.", 1e300, "request-1"))]
    job = world.request()
    world.work()
    world.pass_time(3601)
    assert finish(world, job).state is JobState.SUCCEEDED


def test_two_troubles_far_apart_do_not_count_as_lasting_trouble(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(0, TROUBLE), (0, TROUBLE)]
    job = world.request()
    world.work(1)
    world.pass_time(7 * 3600)
    assert finish(world, job).state is JobState.SUCCEEDED


def test_lasting_trouble_is_retried_with_growing_pauses_and_ends_with_warnings(world: EngineWorld) -> None:
    world.limit(graph_trouble_seconds=1800.0)
    world.directory.silent = True
    world.directory.trouble["users"] = [(0, TROUBLE)] * 10_000
    job = world.request()
    world.work(1)
    tries = 0
    while not world.catalog.jobs.get(job.job_id).state.ended:
        world.pass_time(30)
        before = len(world.directory.trouble["users"])
        world.work(2)
        tries += before - len(world.directory.trouble["users"])
    assert 20 < tries < 50
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS


def steps_progress(world: EngineWorld, job_id: str, name: str) -> list[ResourceProgress]:
    """Return the progress of each step of this name."""
    steps = world.catalog.jobs.steps(job_id)
    return [progress for step in steps if step.name == name for progress in step.progress]


def test_a_stream_without_delta_is_read_in_full_and_only_differences_are_written(world: EngineWorld) -> None:
    policies = "conditionalAccessPolicies"
    for n in range(40):
        world.directory.put(policies, f"{policies}/{n}", b'"%b"' % os.urandom(40).hex().encode())
    world.back_up()
    first = world.catalog.snapshots.get("latest")
    log = world.directory.log[policies]
    log[1] = (log[1][0], b'{"changed":1}')
    del log[2]
    world.directory.put(policies, f"{policies}/new")
    job = world.back_up()
    (step,) = (step for step in world.catalog.jobs.steps(job.job_id) if step.name == policies)
    (progress,) = step.progress
    assert (progress.records, progress.changed) == (40, 3)
    # A tombstone of a prefix is not counted as a change.
    assert [each.changed for each in steps_progress(world, first.job_id, policies)] == [40]
    assert world.download() == world.directory.records()
    runs = world.catalog.snapshots.runs(world.catalog.snapshots.get("latest").snapshot_id)
    assert {run.job_id for run in runs if run.stream == policies} == {first.job_id, job.job_id}
    (report,) = (each for each in world.catalog.snapshots.get("latest").resources if each.resource == policies)
    assert report.records == 40

    unchanged = world.back_up()
    runs = world.catalog.snapshots.runs(world.catalog.snapshots.get("latest").snapshot_id)
    assert unchanged.job_id not in {run.job_id for run in runs if run.stream == policies}
    full = world.request(full=True)
    world.work()
    runs = world.catalog.snapshots.runs(world.catalog.snapshots.get("latest").snapshot_id)
    assert {run.job_id for run in runs if run.stream == policies} == {full.job_id}
    assert world.download() == world.directory.records()
