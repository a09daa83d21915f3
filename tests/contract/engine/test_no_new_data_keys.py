"""A key that opens data keys and creates no new ones: backups wait for it, and all other work continues."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from shared.domain.errors import Code, KeyRefused, KeyTrouble
from shared.domain.jobs import Job, JobKind, JobState, Origin
from shared.domain.key_health import KeyCondition
from shared.domain.model import Schedule
from shared.domain.secret import Secret
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.snapshots.download import download
from shared.ports.keys import FreshKey
from tests.contract.engine.test_key_health import Keys, ProbedWorld
from tests.unit.vault.parts import ARN

LEASE = 60.0


class NoNewKeys(Keys):
    """Keys that create no data key while ``probe`` is forbidden, as a probe finds out."""

    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        self._call("probe", arn)
        return super().generate(arn, context)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ProbedWorld]:
    world = ProbedWorld(tmp_path, NoNewKeys(), LEASE)
    world.engine.back_up()
    world.probe()
    yield world
    world.engine.close()


def run_minutes(world: ProbedWorld, minutes: float) -> list[Job]:
    """Let minutes pass, each with a due time, and run due probes. Return the jobs that due times created so far."""
    for _ in range(int(minutes * 6)):
        world.probe(10)
        world.engine.clock.time = datetime.now(UTC)
        world.engine.work()
    return [job for job in world.catalog.jobs.recent() if job.origin is Origin.SCHEDULE]


def set_schedule(world: ProbedWorld) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    world.catalog.schedules.set(Schedule(cron="* * * * *", timezone="UTC", paused=False, next_due=now))


def test_due_times_wait_after_one_failed_job_and_resume_by_themselves_with_one_notice_each(world: ProbedWorld) -> None:
    world.keys.forbidden_calls = {"probe"}
    set_schedule(world)
    (job,) = run_minutes(world, 5)
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    world.send_notices()
    (notice,) = world.listener.about_keys
    assert (notice.state, [each.warning for each in notice.warnings]) == (KeyCondition.OK, ["no-new-data-keys"])
    assert world.catalog.keys.state().refusal is None
    world.keys.forbidden_calls = set()
    *later, same = run_minutes(world, 1)
    assert {each.state for each in later} == {JobState.SUCCEEDED}
    assert same.job_id == job.job_id
    world.send_notices()
    assert [[each.warning for each in notice.warnings] for notice in world.listener.about_keys] == [
        ["no-new-data-keys"],
        [],
    ]


def test_no_job_fails_if_a_probe_has_warned_first(world: ProbedWorld) -> None:
    world.keys.forbidden_calls = {"probe"}
    world.probe(3700)
    assert world.warnings() == ["no-new-data-keys"]
    set_schedule(world)
    assert run_minutes(world, 3) == []


def test_a_job_requested_by_hand_calls_kms_in_any_case(world: ProbedWorld) -> None:
    world.keys.forbidden_calls = {"probe"}
    world.probe(3700)
    assert world.engine.run_job().code is Code.KEY_ACCESS_REVOKED
    world.keys.forbidden_calls = set()
    world.engine.back_up()


def test_a_due_time_calls_kms_again_once_the_last_probe_is_too_old(world: ProbedWorld) -> None:
    world.keys.forbidden_calls = {"probe"}
    world.probe(3700)
    world.keys.forbidden_calls = set()
    set_schedule(world)
    world.engine.pass_time(LEASE + 1)
    world.engine.clock.time = datetime.now(UTC)
    world.engine.work()
    assert world.catalog.jobs.recent(1)[0].origin is Origin.SCHEDULE


def test_jobs_that_need_no_new_data_key_continue(world: ProbedWorld) -> None:
    world.keys.forbidden_calls = {"probe"}
    waiting = world.catalog.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0]
    backup = world.engine.request()
    with ProcessKeys(world.engine.context, world.catalog) as keys:
        secrets_key = keys.secrets()
        with pytest.raises(KeyRefused):
            keys.job_key(backup.job_id)
        keys.check()
        assert secrets_key.for_open()
    world.engine.work()
    assert world.catalog.jobs.get(waiting.job_id).state is JobState.SUCCEEDED
    assert world.catalog.jobs.get(backup.job_id).code is Code.KEY_ACCESS_REVOKED
    assert download(world.engine.context, world.engine.tenant, "latest", BytesIO()) > 0


def test_a_completely_refused_key_ends_all_jobs_even_if_a_creation_is_refused_first(world: ProbedWorld) -> None:
    waiting = world.catalog.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0]
    backup = world.engine.request()
    with ProcessKeys(world.engine.context, world.catalog) as keys:
        secrets_key = keys.secrets()
        world.keys.refusing[ARN] = KeyRefused(ARN, "The KMS key is disabled.")
        with pytest.raises(KeyRefused):
            keys.job_key(backup.job_id)
        with pytest.raises(KeyRefused):
            secrets_key.for_open()
    for job in (waiting, backup):
        assert world.catalog.jobs.get(job.job_id).code is Code.KEY_ACCESS_REVOKED
    refusal = world.catalog.keys.state().refusal
    assert refusal is not None
    assert refusal.arn == ARN


def test_a_refused_creation_fails_its_job_although_kms_does_not_answer_a_decrypt(
    world: ProbedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.keys.forbidden_calls = {"probe"}
    backup = world.engine.request()
    with ProcessKeys(world.engine.context, world.catalog) as keys:
        keys.secrets()

        def silent(arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
            raise KeyTrouble("AWS KMS is in trouble.")

        monkeypatch.setattr(world.keys, "decrypt", silent)
        with pytest.raises(KeyRefused):
            keys.job_key(backup.job_id)
        keys.check()
