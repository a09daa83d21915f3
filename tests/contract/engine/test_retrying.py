"""Retries of a backup against Graph: how long they last, and which answers of Graph are believed."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from shared.domain import resources
from shared.domain.errors import Answer, Code, EntrakeepError, GraphTrouble, Looping, Skip, StartOver
from shared.domain.jobs import Job, JobState
from shared.domain.model import ResourceReport
from shared.domain.secret import Secret
from shared.engine.tenants.onboarding import update_tenant
from tests.contract.engine.world import EngineWorld
from tests.tables import APPLICATIONS

pytestmark = pytest.mark.streams(*APPLICATIONS, "conditionalAccessPolicies", "termsOfUseAgreements")

TROUBLE = GraphTrouble("Graph is in trouble.", 0.0, "request-1")
POLICIES, AGREEMENTS = "conditionalAccessPolicies", "termsOfUseAgreements"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    world.limit(proof_seconds=0.0)
    yield world
    world.close()


def report(world: EngineWorld, resource: str) -> ResourceReport:
    (report,) = (each for each in world.catalog.snapshots.get("latest").resources if each.resource == resource)
    return report


def minutes_until_ended(world: EngineWorld, job: Job, *, every: int = 1) -> int:
    """Work once every ``every`` minutes until the job has ended. Return the minutes."""
    for minute in range(0, 500, every):
        world.work(4)
        if world.catalog.jobs.get(job.job_id).state.ended:
            return minute
        world.pass_time(60 * every)
    raise AssertionError("the job has not ended")


def always_fail(world: EngineWorld, stream: str, error: EntrakeepError, after: int = 0) -> None:
    world.directory.trouble[stream] = [(after, error)] * 10_000


# -- how long retries last


@pytest.mark.parametrize(("stream", "after"), [("users", 0), ("users", 2), (POLICIES, 0), ("applications.owners", 0)])
def test_a_stream_that_always_fails_is_reported_as_failed_after_ten_minutes(
    world: EngineWorld, stream: str, after: int
) -> None:
    world.directory.put(POLICIES, f"{POLICIES}/p")
    world.back_up()
    before = world.download()
    world.directory.put("groups", "groups/new")
    for n in range(3):
        world.directory.put("users", f"users/new-{n}")
    always_fail(world, stream, TROUBLE, after)
    job = world.request()
    assert 9 <= minutes_until_ended(world, job) <= 12
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS
    failed = report(world, stream)
    assert (failed.answer, failed.stale, failed.request_id) == (Answer.FAILED, True, "request-1")
    records = {key: value for key, value in world.download().items() if key.startswith(f"{stream}/")}
    assert records == {key: value for key, value in before.items() if key.startswith(f"{stream}/")}
    assert "groups/new" in world.download()


def test_a_backup_retries_a_silent_directory_for_six_hours(world: EngineWorld) -> None:
    world.directory.silent = True
    always_fail(world, "users", TROUBLE)
    assert 350 <= minutes_until_ended(world, world.request(), every=5) <= 370


def test_the_retry_time_of_a_stream_starts_when_graph_answers_other_requests_again(world: EngineWorld) -> None:
    world.directory.silent = True
    always_fail(world, "users", TROUBLE)
    job = world.request()
    for _ in range(60):
        world.work(4)
        world.pass_time(60)
    world.directory.silent = False
    assert 9 <= minutes_until_ended(world, job) <= 12


def test_the_retry_time_of_a_stream_survives_kills_of_workers(world: EngineWorld) -> None:
    always_fail(world, "users", TROUBLE)
    job, minutes = world.request(), 0
    while not world.catalog.jobs.get(job.job_id).state.ended:
        world.tick()
        for message in world.messages.queue:  # each third time the worker is killed after its claim
            if minutes % 3 == 1:
                world.catalog.claims.claim(message.job_id, message.step_id, "killed/1", 30.0)
            else:
                world.run_step(message)
        world.messages.queue.clear()
        world.pass_time(60)
        minutes += 1
        assert minutes < 40
    assert report(world, "users").answer is Answer.FAILED
    assert minutes <= 20


def test_a_stream_that_recovers_in_time_is_complete(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(1, TROUBLE)] * 5
    job = world.request()
    assert minutes_until_ended(world, job) >= 3
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert world.download() == world.directory.records()


# -- loops of cursors


def test_a_cursor_that_is_refused_after_each_fresh_start_fails_its_stream_after_ten_minutes(world: EngineWorld) -> None:
    world.limit(buffer_bytes=1)  # each page stores a checkpoint, but a dropped checkpoint is no progress
    always_fail(world, "users", StartOver("Refused.", "request-2"), after=2)
    job = world.request()
    assert 9 <= minutes_until_ended(world, job) <= 12
    assert (report(world, "users").answer, report(world, "users").request_id) == (Answer.FAILED, "request-2")


def test_a_cursor_refused_once_is_not_used_again_by_the_job(world: EngineWorld) -> None:
    world.back_up()
    world.directory.requests.clear()
    world.directory.trouble["users"] = [(0, StartOver("Refused.")), (0, StartOver("Refused."))]
    minutes_until_ended(world, world.request())
    assert [request for name, request in world.directory.requests if name == "users"][:3] == [
        "delta:4",
        "afresh",
        "afresh",
    ]


def test_a_loop_of_cursors_is_fixed_by_one_fresh_start(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(2, Looping("Round.", "request-3"))]
    world.back_up()
    assert world.download() == world.directory.records()


def test_a_second_loop_of_cursors_fails_the_stream_with_its_request_id(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(2, Looping("Round.", "request-3")), (3, Looping("Round.", "request-4"))]
    assert world.run_job().state is JobState.SUCCEEDED_WITH_WARNINGS
    assert (report(world, "users").answer, report(world, "users").request_id) == (Answer.FAILED, "request-4")


def test_a_read_knows_the_cursors_from_which_it_continued_before(world: EngineWorld) -> None:
    world.limit(step_seconds=0.0)
    world.request()
    cursors = {}
    while not world.catalog.snapshots.all():
        world.work(1)
        if world.directory.requests[-1][0] == "users":
            cursors[world.directory.requests[-1][1]] = [each.link.reveal() for each in world.directory.passed_cursors]
    assert cursors["next:3"] == [b"next:1", b"next:2"]


# -- which answers are believed


@pytest.mark.parametrize("answer", [Answer.UNAVAILABLE, Answer.UNLICENSED])
def test_a_resource_that_every_directory_has_is_never_reported_as_unavailable(
    world: EngineWorld, answer: Answer
) -> None:
    always_fail(world, "users", Skip(answer, "status 404", "request-1"))
    world.directory.probe_answers["users"] = [answer] * 100
    job = world.request()
    world.work(4)
    (trouble,) = (step.trouble for step in world.catalog.jobs.steps(job.job_id) if step.trouble)
    assert "users, although every directory has it" in trouble.message
    assert 9 <= minutes_until_ended(world, job) <= 12
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS
    assert report(world, "users").answer is Answer.FAILED
    assert not world.catalog.snapshots.get("latest").complete


def make_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the table so that not every directory has policies."""
    row = msgspec.structs.replace(resources.RESOURCES[POLICIES], everywhere=False)
    monkeypatch.setitem(resources.RESOURCES, POLICIES, row)


@pytest.mark.parametrize("answer", [Answer.UNAVAILABLE, Answer.UNLICENSED])
def test_an_optional_resource_is_unavailable_once_two_paths_agree(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    make_optional(monkeypatch)
    always_fail(world, POLICIES, Skip(answer, "status 404", "request-1"))
    world.directory.probe_answers[POLICIES] = [answer] * 100
    world.directory.probes.clear()
    assert world.run_job().state is JobState.SUCCEEDED
    assert world.directory.probes == [(POLICIES, "probe"), (POLICIES, "listing")]
    assert report(world, POLICIES).answer is answer
    assert world.catalog.snapshots.get("latest").complete


@pytest.mark.parametrize("answers", [(Answer.WHOLE, Answer.UNAVAILABLE), (Answer.UNAVAILABLE, Answer.WHOLE)])
def test_an_optional_resource_is_retried_while_the_paths_disagree(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch, answers: tuple[Answer, Answer]
) -> None:
    make_optional(monkeypatch)
    world.directory.put(POLICIES, f"{POLICIES}/p")
    world.directory.trouble[POLICIES] = [(0, Skip(Answer.UNAVAILABLE, "status 404", "request-1"))]
    world.directory.probe_answers[POLICIES] = list(answers)
    world.back_up()
    assert world.download() == world.directory.records()


def test_an_unavailable_resource_is_confirmed_after_a_pause_or_at_once_if_the_parent_lacks_it(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_optional(monkeypatch)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("shared.engine.backup.doubts.asyncio.sleep", sleep)
    world.limit(proof_seconds=30.0)
    always_fail(world, POLICIES, Skip(Answer.UNAVAILABLE, "status 404", "request-1"))
    world.directory.probe_answers[POLICIES] = [Answer.UNAVAILABLE] * 100
    world.back_up()
    world.back_up()
    assert [seconds for seconds in pauses if seconds in (0.0, 30.0)] == [30.0, 0.0]


def test_a_snapshot_without_a_resource_of_its_parent_is_not_complete(world: EngineWorld) -> None:
    world.directory.put(POLICIES, f"{POLICIES}/p")
    world.back_up()
    always_fail(world, POLICIES, Skip(Answer.UNLICENSED, "status 403", "request-1"))
    world.directory.probe_answers[POLICIES] = [Answer.UNLICENSED] * 100
    for _ in range(2):
        job = world.run_job()
        assert job.state is JobState.SUCCEEDED_WITH_WARNINGS
        assert POLICIES in (job.message or "")
        assert (report(world, POLICIES).answer, report(world, POLICIES).stale) == (Answer.UNLICENSED, True)
        assert f"{POLICIES}/p" in world.download()


def test_a_check_of_a_tenant_reports_a_missing_resource_of_every_directory_as_failed(world: EngineWorld) -> None:
    world.directory.probe_answers = {"users": [Answer.UNAVAILABLE], POLICIES: [Answer.UNLICENSED]}
    answers = update_tenant(world.context, "acme", None, Secret(b"s")).answers
    assert (answers["users"], answers[POLICIES], answers["groups"]) == (Answer.FAILED, Answer.UNLICENSED, Answer.WHOLE)


def test_a_refusal_of_a_resource_for_people_leaves_a_snapshot_complete(world: EngineWorld) -> None:
    refused = Skip(Answer.FORBIDDEN, "status 403", "request-1")
    always_fail(world, AGREEMENTS, refused)
    assert world.run_job().state is JobState.SUCCEEDED
    assert world.catalog.snapshots.get("latest").complete
    assert report(world, AGREEMENTS).answer is Answer.NOT_FOR_APPLICATIONS
    world.directory.probe_answers = {AGREEMENTS: [Answer.FORBIDDEN]}
    answers = update_tenant(world.context, "acme", None, Secret(b"s")).answers
    assert answers[AGREEMENTS] is Answer.NOT_FOR_APPLICATIONS


def test_a_backup_fails_if_graph_refuses_all_but_what_it_shows_to_no_application(world: EngineWorld) -> None:
    for stream in world.directory.log:
        always_fail(world, stream, Skip(Answer.FORBIDDEN, "status 403", "request-1"))
    job = world.run_job()
    assert (job.state, job.code) == (JobState.FAILED, Code.GRAPH_FORBIDDEN)
