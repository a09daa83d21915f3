"""Every answer of AWS KMS to a backup and a download: the engine with a real key service, over HTTP."""

import gc
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from console.documents.jobs import job_document
from console.documents.keys import key_document
from console.download_file import to_file
from shared.adapters.kms.row import Kind, Row
from shared.adapters.kms.table import ROWS
from shared.domain.errors import Alarm, Code, EntrakeepError, Refuse
from shared.domain.jobs import Job, JobKind, JobState, Origin
from shared.domain.model import Schedule
from shared.engine.snapshots.download import Sink, download
from tests.contract.engine.kms_cases import CASES, Case, Scene, cases
from tests.contract.engine.kms_stage import LONG, Stage, until
from tests.contract.engine.world import EngineWorld

LEASE = 2.4
NOTICE = "shared.adapters.catalog.keys"
JOB_ENDS = "shared.adapters.catalog.job_log"
"""The loggers that report a refusal."""


def test_every_case_has_a_row_and_every_row_has_a_case() -> None:
    assert set(CASES) == {row.name for row in ROWS}


class PausedJobs:
    """A backup that pauses in the middle of a page, and a download that pauses after its first piece."""

    def __init__(self, world: EngineWorld, file: Path, pool: ThreadPoolExecutor) -> None:
        self.resume = threading.Event()
        self.pieces = 0
        self._reached = [threading.Event(), threading.Event()]
        self._world, self._file = world, file
        world.on_point = self._on_point
        self.backup_job = world.request()
        world.tick()
        step, world.messages.queue = world.messages.queue[0], []
        self.backup: Future[None] = pool.submit(world.run_step, step)
        self.download: Future[int] = pool.submit(self._download)
        assert all(reached.wait(20) for reached in self._reached)
        (self.download_job,) = (job for job in world.catalog.jobs.recent(2) if job.kind is JobKind.DOWNLOAD)

    def _on_point(self, point: str) -> None:
        if point == "page":
            self._reached[0].set()
            self.resume.wait(30)

    def _download(self) -> int:
        with to_file(str(self._file)) as sink:
            return download(self._world.context, self._world.tenant, "latest", _Slow(sink, self._piece))

    def _piece(self) -> None:
        self.pieces += 1
        self._reached[1].set()
        self.resume.wait(30)


class _Slow:
    def __init__(self, sink: Sink, after: Callable[[], None]) -> None:
        self._sink, self._after = sink, after

    def write(self, data: bytes, /) -> None:
        self._sink.write(data)
        self._after()


def download_to(world: EngineWorld, file: Path) -> int:
    with to_file(str(file)) as sink:
        return download(world.context, world.tenant, "latest", sink)


def is_refused(job: Job, arn: str) -> bool:
    return (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED) and arn in str(job.message)


def no_lease() -> bool:
    return not any(thread.name.startswith("lease") for thread in threading.enumerate())


def check_works(world: EngineWorld) -> None:
    world.back_up()
    assert world.download() == world.directory.records()
    assert world.catalog.keys.state().refusal is None


@cases(Kind.REVOKED)
def test_a_refusal_ends_all_jobs_of_the_tenant_within_a_lease(
    stage: Stage,
    scene: Scene,
    row: Row,
    case: Case,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, jobs = stage.world, stage.world.catalog.jobs
    stage.lease(LEASE)
    paused = PausedJobs(world, tmp_path / "out", pool)
    queued = world.request(JobKind.VERIFY)
    requests = list(world.directory.requests)
    case(scene)
    started = time.monotonic()
    ids = (paused.backup_job.job_id, paused.download_job.job_id, queued.job_id)
    until(lambda: all(jobs.get(each).state.ended for each in ids), "all jobs have ended")
    assert time.monotonic() - started < LEASE
    assert all(is_refused(jobs.get(each), scene.arn) for each in ids)
    until(no_lease, "every lease has ended")
    paused.resume.set()
    paused.backup.result(20)
    gc.collect()
    warned = [record.name for record in caplog.records if record.levelno >= logging.WARNING]
    assert [name for name in warned if name != JOB_ENDS] == [NOTICE]
    with pytest.raises(EntrakeepError) as caught:
        paused.download.result(20)
    assert caught.value.code is Code.KEY_ACCESS_REVOKED
    assert paused.pieces == 1
    assert list(tmp_path.iterdir()) == []

    stage.lease(LONG)
    later = world.run_job()
    assert is_refused(later, scene.arn)
    assert later.message == jobs.get(paused.backup_job.job_id).message
    assert {ours for _, ours in scene.kms.errors} == {"The operator" in str(later.message)}
    assert world.directory.requests == requests
    assert len(world.catalog.snapshots.all()) == 1
    if not row.unknown:
        scene.recover()
        check_works(world)


@cases(Kind.TROUBLE)
def test_jobs_continue_after_trouble(
    stage: Stage, steady: Scene, row: Row, case: Case, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    world = stage.world
    case(steady)
    job = world.request()
    world.tick()
    step, world.messages.queue = world.messages.queue[0], []
    working = [pool.submit(world.run_step, step), pool.submit(download_to, world, tmp_path / "out")]
    until(lambda: len(steady.kms.errors) >= 2, "KMS was in trouble")
    steady.recover()
    for each in working:
        each.result(30)
    assert {code for code, _ in steady.kms.errors} == {Code.KEY_UNREACHABLE}
    assert (tmp_path / "out").stat().st_size > 300_000
    world.pass_time(60)
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    assert world.catalog.keys.state().refusal is None


@cases(Kind.MISCONFIGURED)
def test_wrong_settings_fail_the_job_and_record_no_refusal(
    stage: Stage, steady: Scene, row: Row, case: Case, tmp_path: Path
) -> None:
    world = stage.world
    case(steady)
    job = world.run_job()
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_MISCONFIGURED)
    assert "The operator" in str(job.message)
    with pytest.raises(Refuse) as caught:
        download_to(world, tmp_path / "out")
    assert caught.value.code is Code.KEY_MISCONFIGURED
    assert list(tmp_path.iterdir()) == []
    assert world.directory.requests == []
    assert world.catalog.keys.state().refusal is None


@cases(Kind.CORRUPT)
def test_damage_fails_the_job_and_names_the_data_key(
    stage: Stage, steady: Scene, row: Row, case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = stage.world
    case(steady)
    with caplog.at_level(logging.ERROR):
        job = world.run_job()
    secrets = world.catalog.keys.find("secrets", None)
    assert secrets is not None
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    blobs = [record.__dict__["blob"] for record in caplog.records if record.name != JOB_ENDS]
    assert blobs == [secrets.data_key_id]
    with pytest.raises(Alarm) as caught:
        download_to(world, tmp_path / "out")
    assert caught.value.blob == secrets.data_key_id
    assert list(tmp_path.iterdir()) == []
    assert world.directory.requests == []


def test_a_schedule_pauses_during_a_refusal_and_resumes_by_itself(
    stage: Stage, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the key's owner acts. A due time calls KMS again after a lease: one job per lease, not one per minute."""
    world, catalog = stage.world, stage.world.catalog
    caplog.set_level(logging.WARNING)
    stage.lease(600.0)
    world.clock.time = datetime.now(UTC)
    scene.owner.disable_key(KeyId=scene.arn)
    catalog.schedules.set(Schedule(cron="* * * * *", timezone="UTC", paused=False, next_due=world.clock.time))
    counts = [len(catalog.jobs.recent())]
    for minutes in (0, 1, 4, 4, 4, 4):
        world.pass_time(minutes * 60)
        world.work()
        counts.append(len(catalog.jobs.recent()))
    assert [after - before for before, after in pairwise(counts)] == [1, 0, 0, 0, 1, 0]
    for job in catalog.jobs.recent(2):
        assert is_refused(job, scene.arn)
        assert "must enable it" in str(job_document(job, "acme").message)
    shown = key_document(catalog.tenant(), catalog.keys.state(), catalog.health.get(), catalog.health.history())
    assert (shown.state, shown.code) == ("revoked", Code.KEY_ACCESS_REVOKED)
    assert "must enable it" in str(shown.message)
    named = [record for record in caplog.records if scene.arn in record.getMessage() and record.name != JOB_ENDS]
    assert [record.levelname for record in named] == ["WARNING"]

    scene.owner.enable_key(KeyId=scene.arn)
    world.pass_time(601)
    world.work()
    (job,) = catalog.jobs.recent(1)
    assert (job.origin, job.state) == (Origin.SCHEDULE, JobState.SUCCEEDED)
    assert len(catalog.jobs.recent()) == counts[-1] + 1
    shown = key_document(catalog.tenant(), catalog.keys.state(), catalog.health.get(), catalog.health.history())
    assert (shown.state, shown.code, shown.message) == ("ok", None, None)
