"""How long a backup is patient with Graph, and what it takes Graph's word for."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from shared.domain import resources
from shared.domain.errors import Answer, EntrakeepError, GraphTrouble, Looping, Skip, StartOver
from shared.domain.jobs import Job, JobState
from shared.domain.model import ResourceReport
from shared.domain.secret import Secret
from shared.engine.tenants.onboarding import update_tenant
from tests.contract.engine.world import EngineWorld

TROUBLE = GraphTrouble("Graph is in trouble.", 0.0, "request-1")
POLICIES = "conditionalAccessPolicies"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path)
    made.limit(proof_seconds=0.0)
    yield made
    made.close()


def report(world: EngineWorld, resource: str) -> ResourceReport:
    (found,) = (each for each in world.of.snapshots.get("latest").resources if each.resource == resource)
    return found


def minutes_until_ended(world: EngineWorld, job: Job, *, every: int = 1) -> int:
    """Work once in so many minutes until the job has ended. Return the minutes."""
    for minute in range(0, 500, every):
        world.work(4)
        if world.of.jobs.get(job.job_id).state.ended:
            return minute
        world.pass_time(60 * every)
    raise AssertionError("the job has not ended")


def always(world: EngineWorld, stream: str, error: EntrakeepError, after: int = 0) -> None:
    world.directory.trouble[stream] = [(after, error)] * 10_000


# -- patience


@pytest.mark.parametrize(("stream", "after"), [("users", 0), ("users", 2), (POLICIES, 0), ("applications.owners", 0)])
def test_a_stream_that_always_fails_costs_ten_minutes_and_itself(world: EngineWorld, stream: str, after: int) -> None:
    world.directory.put(POLICIES, f"{POLICIES}/p")
    world.backed_up()
    before = world.download()
    world.directory.put("groups", "groups/new")
    for n in range(3):
        world.directory.put("users", f"users/new-{n}")
    always(world, stream, TROUBLE, after)
    job = world.ask()
    assert 9 <= minutes_until_ended(world, job) <= 12
    assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS
    told = report(world, stream)
    assert (told.answer, told.stale, told.request_id) == (Answer.FAILED, True, "request-1")
    kept = {key: value for key, value in world.download().items() if key.startswith(f"{stream}/")}
    assert kept == {key: value for key, value in before.items() if key.startswith(f"{stream}/")}
    assert "groups/new" in world.download()


def test_a_directory_that_answers_nothing_is_waited_for_for_six_hours(world: EngineWorld) -> None:
    world.directory.silent = True
    always(world, "users", TROUBLE)
    assert 350 <= minutes_until_ended(world, world.ask(), every=5) <= 370


def test_patience_with_one_stream_counts_from_when_others_are_answered_again(world: EngineWorld) -> None:
    world.directory.silent = True
    always(world, "users", TROUBLE)
    job = world.ask()
    for _ in range(60):
        world.work(4)
        world.pass_time(60)
    world.directory.silent = False
    assert 9 <= minutes_until_ended(world, job) <= 12


def test_patience_outlives_a_worker_that_is_killed(world: EngineWorld) -> None:
    always(world, "users", TROUBLE)
    job, minutes = world.ask(), 0
    while not world.of.jobs.get(job.job_id).state.ended:
        world.tick()
        for sent in world.messages.taken:  # each third time the worker goes away with the claim that it took
            if minutes % 3 == 1:
                world.of.claims.claim(sent.job_id, sent.step_id, "killed/1", 30.0)
            else:
                world.perform(sent)
        world.messages.taken.clear()
        world.pass_time(60)
        minutes += 1
        assert minutes < 40
    assert report(world, "users").answer is Answer.FAILED
    assert minutes <= 20


def test_a_stream_that_recovers_in_time_is_whole(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(1, TROUBLE)] * 5
    job = world.ask()
    assert minutes_until_ended(world, job) >= 3
    assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert world.download() == world.directory.records()


# -- circles


def test_a_cursor_that_is_refused_whenever_it_is_read_afresh_costs_ten_minutes(world: EngineWorld) -> None:
    world.limit(buffer_bytes=1)  # a checkpoint with each page, which is no progress if it is dropped each time
    always(world, "users", StartOver("Refused.", "request-2"), after=2)
    job = world.ask()
    assert 9 <= minutes_until_ended(world, job) <= 12
    assert (report(world, "users").answer, report(world, "users").request_id) == (Answer.FAILED, "request-2")


def test_a_cursor_refused_once_is_not_used_again_by_the_job(world: EngineWorld) -> None:
    world.backed_up()
    world.directory.told.clear()
    world.directory.trouble["users"] = [(0, StartOver("Refused.")), (0, StartOver("Refused."))]
    minutes_until_ended(world, world.ask())
    assert [what for name, what in world.directory.told if name == "users"][:3] == ["delta:4", "afresh", "afresh"]


def test_a_circle_is_left_by_one_fresh_start(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(2, Looping("Round.", "request-3"))]
    world.backed_up()
    assert world.download() == world.directory.records()


def test_a_second_circle_ends_the_stream_with_its_request(world: EngineWorld) -> None:
    world.directory.trouble["users"] = [(2, Looping("Round.", "request-3")), (3, Looping("Round.", "request-4"))]
    assert world.done().state is JobState.SUCCEEDED_WITH_WARNINGS
    assert (report(world, "users").answer, report(world, "users").request_id) == (Answer.FAILED, "request-4")


def test_a_reading_knows_the_cursors_that_it_went_on_from_before(world: EngineWorld) -> None:
    world.limit(step_seconds=0.0)
    world.ask()
    passed = {}
    while not world.of.snapshots.all():
        world.work(1)
        if world.directory.told[-1][0] == "users":
            passed[world.directory.told[-1][1]] = [each.link.reveal() for each in world.directory.passed]
    assert passed["next:3"] == [b"next:1", b"next:2"]


# -- what Graph is believed


@pytest.mark.parametrize("answer", [Answer.UNAVAILABLE, Answer.UNLICENSED])
def test_what_every_directory_has_is_never_unavailable(world: EngineWorld, answer: Answer) -> None:
    always(world, "users", Skip(answer, "status 404", "request-1"))
    world.directory.says["users"] = [answer] * 100
    job = world.ask()
    world.work(4)
    (trouble,) = (step.trouble for step in world.of.jobs.steps(job.job_id) if step.trouble)
    assert "users, which every directory has" in trouble.message
    assert 9 <= minutes_until_ended(world, job) <= 12
    assert world.of.jobs.get(job.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS
    assert report(world, "users").answer is Answer.FAILED
    assert not world.of.snapshots.get("latest").complete


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has policies be what not every directory has."""
    row = msgspec.structs.replace(resources.RESOURCES[POLICIES], everywhere=False)
    monkeypatch.setitem(resources.RESOURCES, POLICIES, row)


@pytest.mark.parametrize("answer", [Answer.UNAVAILABLE, Answer.UNLICENSED])
def test_what_a_directory_may_lack_is_believed_when_said_again_by_another_path(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    elsewhere(monkeypatch)
    always(world, POLICIES, Skip(answer, "status 404", "request-1"))
    world.directory.says[POLICIES] = [answer] * 100
    world.directory.probed.clear()
    assert world.done().state is JobState.SUCCEEDED
    assert world.directory.probed == [(POLICIES, "probe"), (POLICIES, "listing")]
    assert report(world, POLICIES).answer is answer
    assert world.of.snapshots.get("latest").complete


@pytest.mark.parametrize("said", [(Answer.WHOLE, Answer.UNAVAILABLE), (Answer.UNAVAILABLE, Answer.WHOLE)])
def test_what_a_directory_may_lack_is_tried_again_while_the_paths_differ(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch, said: tuple[Answer, Answer]
) -> None:
    elsewhere(monkeypatch)
    world.directory.put(POLICIES, f"{POLICIES}/p")
    world.directory.trouble[POLICIES] = [(0, Skip(Answer.UNAVAILABLE, "status 404", "request-1"))]
    world.directory.says[POLICIES] = list(said)
    world.backed_up()
    assert world.download() == world.directory.records()


def test_a_lack_is_asked_about_again_some_time_later_and_at_once_if_it_was_so_before(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("shared.engine.backup.doubts.asyncio.sleep", sleep)
    world.limit(proof_seconds=30.0)
    always(world, POLICIES, Skip(Answer.UNAVAILABLE, "status 404", "request-1"))
    world.directory.says[POLICIES] = [Answer.UNAVAILABLE] * 100
    world.backed_up()
    world.backed_up()
    assert [seconds for seconds in slept if seconds in (0.0, 30.0)] == [30.0, 0.0]


def test_a_snapshot_is_not_complete_without_what_its_parent_had(world: EngineWorld) -> None:
    world.directory.put(POLICIES, f"{POLICIES}/p")
    world.backed_up()
    always(world, POLICIES, Skip(Answer.UNLICENSED, "status 403", "request-1"))
    world.directory.says[POLICIES] = [Answer.UNLICENSED] * 100
    for _ in range(2):
        job = world.done()
        assert job.state is JobState.SUCCEEDED_WITH_WARNINGS
        assert POLICIES in (job.message or "")
        assert (report(world, POLICIES).answer, report(world, POLICIES).stale) == (Answer.UNLICENSED, True)
        assert f"{POLICIES}/p" in world.download()


def test_a_tenant_that_is_checked_lacks_nothing_that_every_directory_has(world: EngineWorld) -> None:
    world.directory.says = {"users": [Answer.UNAVAILABLE], POLICIES: [Answer.UNLICENSED]}
    answers = update_tenant(world.context, "acme", None, Secret(b"s")).answers
    assert (answers["users"], answers[POLICIES], answers["groups"]) == (Answer.FAILED, Answer.UNLICENSED, Answer.WHOLE)
