"""A key that opens what stands and makes no new data keys: backups wait for it, and everything else goes on."""

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
from tests.contract.engine.test_key_health import Healthy, Keys
from tests.unit.vault.parts import ARN

LEASE = 60.0


class Sparing(Keys):
    """Makes no data keys where ``probe`` is forbidden, which asks whether it would."""

    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        self._do("probe", arn)
        return super().generate(arn, context)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Healthy]:
    made = Healthy(tmp_path, Sparing(), LEASE)
    made.engine.backed_up()
    made.probe()
    yield made
    made.engine.close()


def due(world: Healthy, minutes: float) -> list[Job]:
    """Time passes with a due time every minute and a probe whenever it is due; the jobs made by due times so far."""
    for _ in range(int(minutes * 6)):
        world.probe(10)
        world.engine.clock.time = datetime.now(UTC)
        world.engine.work()
    return [job for job in world.of.jobs.recent() if job.origin is Origin.SCHEDULE]


def scheduled(world: Healthy) -> None:
    now = datetime.now(UTC) - timedelta(hours=1)
    world.of.schedules.set(Schedule(cron="* * * * *", timezone="UTC", paused=False, next_due=now))


def test_due_times_wait_after_one_job_that_failed_and_go_on_by_themselves_with_one_notice_each(world: Healthy) -> None:
    world.keys.forbidden = {"probe"}
    scheduled(world)
    (job,) = due(world, 5)
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    world.tell()
    (notice,) = world.heard.about_keys
    assert (notice.state, [each.warning for each in notice.warnings]) == (KeyCondition.OK, ["no-new-data-keys"])
    assert world.of.keys.state().refusal is None
    world.keys.forbidden = set()
    *later, same = due(world, 1)
    assert {each.state for each in later} == {JobState.SUCCEEDED}
    assert same.job_id == job.job_id
    world.tell()
    assert [[each.warning for each in notice.warnings] for notice in world.heard.about_keys] == [
        ["no-new-data-keys"],
        [],
    ]


def test_no_job_fails_where_a_probe_has_seen_it_first(world: Healthy) -> None:
    world.keys.forbidden = {"probe"}
    world.probe(3700)
    assert world.warned() == ["no-new-data-keys"]
    scheduled(world)
    assert due(world, 3) == []


def test_a_job_asked_for_by_hand_asks_kms_all_the_same(world: Healthy) -> None:
    world.keys.forbidden = {"probe"}
    world.probe(3700)
    assert world.engine.done().code is Code.KEY_ACCESS_REVOKED
    world.keys.forbidden = set()
    world.engine.backed_up()


def test_where_nobody_probes_any_more_a_due_time_asks_kms_again(world: Healthy) -> None:
    world.keys.forbidden = {"probe"}
    world.probe(3700)
    world.keys.forbidden = set()
    scheduled(world)
    world.engine.pass_time(LEASE + 1)
    world.engine.clock.time = datetime.now(UTC)
    world.engine.work()
    assert world.of.jobs.recent(1)[0].origin is Origin.SCHEDULE


def test_what_needs_no_new_data_key_goes_on(world: Healthy) -> None:
    world.keys.forbidden = {"probe"}
    waiting = world.of.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0]
    backup = world.engine.ask()
    with ProcessKeys(world.engine.context, world.of) as keys:
        held = keys.secrets()
        with pytest.raises(KeyRefused):
            keys.job_key(backup.job_id)
        keys.check()
        assert held.for_open()
    world.engine.work()
    assert world.of.jobs.get(waiting.job_id).state is JobState.SUCCEEDED
    assert world.of.jobs.get(backup.job_id).code is Code.KEY_ACCESS_REVOKED
    assert download(world.engine.context, world.engine.tenant, "latest", BytesIO()) > 0


def test_a_key_that_is_refused_whole_ends_everything_though_a_birth_meets_it_first(world: Healthy) -> None:
    waiting = world.of.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0]
    backup = world.engine.ask()
    with ProcessKeys(world.engine.context, world.of) as keys:
        held = keys.secrets()
        world.keys.refusing[ARN] = KeyRefused(ARN, "The KMS key is disabled.")
        with pytest.raises(KeyRefused):
            keys.job_key(backup.job_id)
        with pytest.raises(KeyRefused):
            held.for_open()
    for job in (waiting, backup):
        assert world.of.jobs.get(job.job_id).code is Code.KEY_ACCESS_REVOKED
    refusal = world.of.keys.state().refusal
    assert refusal is not None
    assert refusal.arn == ARN


def test_a_refused_birth_fails_its_job_though_kms_does_not_tell_whether_it_still_opens(
    world: Healthy, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.keys.forbidden = {"probe"}
    backup = world.engine.ask()
    with ProcessKeys(world.engine.context, world.of) as keys:
        keys.secrets()

        def silent(arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
            raise KeyTrouble("AWS KMS is in trouble.")

        monkeypatch.setattr(world.keys, "decrypt", silent)
        with pytest.raises(KeyRefused):
            keys.job_key(backup.job_id)
        keys.check()
