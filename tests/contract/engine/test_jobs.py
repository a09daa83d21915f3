"""Steps and their endings: after each kind of error, SQL says what to do next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.errors import (
    Answer,
    Code,
    EntrakeepError,
    GraphTrouble,
    KeyRefused,
    KeyTrouble,
    Refuse,
    Skip,
    StartOver,
    StoreTrouble,
)
from shared.domain.jobs import JobKind, JobState, KeyAnswer, StepState
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

TROUBLE = GraphTrouble("Graph is in trouble.", 0.0, "request-1")
REFUSED = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    yield world
    world.close()


def answers(world: EngineWorld) -> dict[str, Answer]:
    return {each.resource: each.answer for each in world.catalog.snapshots.get("latest").resources}


# -- running steps


def test_a_backup_runs_its_phases_and_its_download_equals_the_directory(world: EngineWorld) -> None:
    world.back_up()
    assert world.download() == world.directory.records()
    rounds = [request for stream, request in world.directory.requests if stream == "users"]
    assert rounds == ["afresh", "delta:4"]


def test_the_next_backup_reads_from_the_cursor_or_afresh_if_graph_refuses_the_cursor(world: EngineWorld) -> None:
    world.back_up()
    world.directory.put("users", "users/new")
    world.directory.trouble["groups"] = [(0, StartOver("The cursor is too old."))]
    world.directory.requests.clear()
    world.back_up()
    assert [request for stream, request in world.directory.requests if stream == "users"] == ["delta:4", "delta:5"]
    assert [request for stream, request in world.directory.requests if stream == "groups"] == [
        "delta:2",
        "afresh",
        "delta:2",
    ]
    assert world.download() == world.directory.records()


def test_a_second_message_for_a_step_does_nothing(world: EngineWorld) -> None:
    world.request()
    world.tick()
    step = world.messages.queue[0]
    world.run_step(step)
    requests = list(world.directory.requests)
    world.run_step(step)
    assert world.directory.requests == requests


def test_a_step_continues_from_its_checkpoint_after_its_time_slice(world: EngineWorld) -> None:
    world.limit(step_seconds=0.0)
    job = world.back_up()
    assert [request for stream, request in world.directory.requests if stream == "users"][:4] == [
        "afresh",
        "next:1",
        "next:2",
        "next:3",
    ]
    assert world.download() == world.directory.records()
    counted = {each.resource: each.records for step in world.catalog.jobs.steps(job.job_id) for each in step.progress}
    assert counted["organization"] == 1


def test_trouble_with_graph_releases_the_step_with_its_checkpoint(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(2, TROUBLE)]
    world.back_up()
    assert [request for stream, request in world.directory.requests if stream == "users"] == [
        "afresh",
        "next:2",
        "delta:4",
    ]
    assert world.download() == world.directory.records()


def test_lasting_trouble_fails_only_its_stream(world: EngineWorld) -> None:
    world.limit(graph_trouble_seconds=0.0)
    world.directory.trouble["users"] = [(2, TROUBLE)]
    assert world.run_job().state is JobState.SUCCEEDED_WITH_WARNINGS
    (users,) = (each for each in world.catalog.snapshots.get("latest").resources if each.resource == "users")
    assert (users.answer, users.records, users.request_id) == (Answer.FAILED, None, "request-1")
    assert not any(key.startswith("users/") for key in world.download())
    world.back_up()
    assert world.download() == world.directory.records()


@pytest.mark.parametrize(
    ("error", "code"),
    [(TROUBLE, Code.GRAPH_UNREACHABLE), (Skip(Answer.FORBIDDEN, "No permission."), Code.GRAPH_FORBIDDEN)],
)
def test_a_backup_that_could_read_no_stream_fails(world: EngineWorld, error: EntrakeepError, code: Code) -> None:
    world.limit(graph_trouble_seconds=0.0)
    world.directory.trouble = {stream: [(0, error)] for stream in world.directory.log}
    job = world.run_job()
    assert (job.state, job.code) == (JobState.FAILED, code)
    assert world.catalog.snapshots.all() == []


def test_a_stream_that_is_refused_after_its_cursor_is_stale_and_does_not_fail_the_job(world: EngineWorld) -> None:
    world.back_up()
    before = world.download()
    refused = Skip(Answer.FORBIDDEN, "No permission.")
    world.directory.trouble["users"] = [(0, StartOver("The cursor is too old.")), (0, refused)]
    assert world.run_job().state is JobState.SUCCEEDED_WITH_WARNINGS
    assert answers(world)["users"] is Answer.FORBIDDEN
    assert world.download() == before


def test_trouble_in_the_second_round_loses_no_record(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(-1, TROUBLE), (0, TROUBLE)]
    world.back_up()
    assert set(answers(world).values()) == {Answer.WHOLE}
    assert world.download() == world.directory.records()


def test_an_object_without_its_properties_is_fetched_and_removed_if_it_is_missing(world: EngineWorld) -> None:
    world.directory.put("users", "users/lost")
    world.directory.incomplete_ids = ["found", "lost"]
    world.directory.objects = {"found": b'{"id":"found"}'}
    world.back_up()
    records = world.download()
    assert records["users/found"] == b'{"id":"found"}'
    assert "users/lost" not in records
    assert "users/3" in records


def test_key_trouble_is_no_refusal_and_fails_the_job_only_after_hours(world: EngineWorld) -> None:
    world.keys.trouble = KeyTrouble("KMS does not answer.")
    job = world.request()
    world.work(1)
    assert world.catalog.jobs.get(job.job_id).state is JobState.RUNNING
    world.limit(key_trouble_seconds=0.0)
    world.work(1)
    ended = world.catalog.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.KEY_UNREACHABLE)
    assert world.catalog.keys.state().refusal is None
    world.keys.trouble = None
    world.back_up()


def test_a_refused_key_ends_every_job_without_a_request_to_graph(world: EngineWorld) -> None:
    check = world.request(JobKind.KEY_CHECK)
    backup = world.request()
    world.keys.trouble = REFUSED
    world.work(2)
    for job in (check, backup):
        ended = world.catalog.jobs.get(job.job_id)
        assert (ended.state, ended.code, ended.message) == (
            JobState.FAILED,
            Code.KEY_ACCESS_REVOKED,
            REFUSED.message,
        )
    assert world.directory.requests == []
    world.keys.trouble = None
    world.back_up()
    assert world.catalog.keys.state().refusal is None


def test_a_refusal_stops_a_running_read_and_creates_no_snapshot(world: EngineWorld) -> None:
    def revoke(point: str) -> None:
        if point == "page":
            world.keys.trouble = REFUSED
            world.on_point = lambda _: None
            with pytest.raises(KeyRefused):
                while True:
                    world.directory.check()

    world.on_point = revoke
    job = world.run_job()
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    assert world.catalog.snapshots.all() == []


def test_a_cancelled_job_ends_at_the_next_renewal(world: EngineWorld) -> None:
    world.limit(renew_seconds=0.02)
    job = world.request()

    def cancel(point: str) -> None:
        if point == "page":
            world.on_point = lambda _: None
            world.catalog.jobs.cancel(job.job_id)
            with pytest.raises(EntrakeepError):
                while True:
                    world.directory.check()

    world.on_point = cancel
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.CANCELLED
    assert world.catalog.snapshots.all() == []


def test_store_trouble_is_retried_and_a_full_store_fails_the_job(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[EntrakeepError] = [StoreTrouble("The store does not answer.", 0.0)]
    put = world.store.put

    def store(name: str, data: bytes) -> None:
        if errors:
            raise errors.pop()
        put(name, data)

    monkeypatch.setattr(world.store, "put", store)
    world.back_up()
    assert errors == []
    errors.append(Refuse(Code.STORE_FULL, "The disk is full."))
    world.directory.put("users", "users/new")
    job = world.run_job()
    assert (job.state, job.code) == (JobState.FAILED, Code.STORE_FULL)
    assert len(world.catalog.snapshots.all()) == 1


def test_a_damaged_parent_fails_the_backup_and_is_named(world: EngineWorld) -> None:
    world.back_up()
    (manifest,) = world.store.names(f"{world.tenant.tenant_id}/snapshots/")
    sealed = world.store.blobs[manifest]
    world.store.blobs[manifest] = sealed[:-1] + bytes([sealed[-1] ^ 1])
    job = world.run_job()
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert manifest in (job.message or "")


def test_a_key_check_calls_kms_again(world: EngineWorld) -> None:
    calls = world.keys.call_count
    job = world.run_job(JobKind.KEY_CHECK)
    assert (job.state, job.detail) == (JobState.SUCCEEDED, KeyAnswer(state="ok"))
    assert world.keys.call_count > calls


def test_all_steps_are_done_when_a_job_has_ended(world: EngineWorld) -> None:
    job = world.back_up()
    assert {step.state for step in world.catalog.jobs.steps(job.job_id)} == {StepState.DONE}
    assert world.directory.times_closed >= len(world.directory.log)
