"""Foreground jobs call KMS first and give out no record once their lease or their job has ended."""

import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from shared.domain.errors import Code, EntrakeepError, KeyRefused
from shared.domain.jobs import Job, JobKind, JobState
from shared.engine.snapshots import foreground
from shared.engine.snapshots.browse import browse
from shared.engine.snapshots.download import download
from shared.engine.snapshots.foreground import run_foreground
from shared.engine.steps.work import Work
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

REFUSED = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")
BATCH = 300_000
"""Bytes of a value that fills a batch of a download."""

End = Callable[[EngineWorld], None]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    world.limit(renew_seconds=0.02)
    yield world
    world.close()


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """Return a list that collects the work of each foreground job."""
    collected: list[Work] = []

    class CollectedWork(Work):
        def __init__(self, *parts: object) -> None:
            super().__init__(*parts)  # type: ignore[arg-type]
            collected.append(self)

    monkeypatch.setattr(foreground, "Work", CollectedWork)
    return collected


def newest(world: EngineWorld) -> Job:
    return world.catalog.jobs.recent(1)[0]


def cancel(world: EngineWorld) -> None:
    world.catalog.jobs.cancel(newest(world).job_id)


def refuse(world: EngineWorld) -> None:
    world.keys.trouble = REFUSED


def wait_until_ended(work: Work) -> None:
    """Return once this process knows that the job must end."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            work.check()
        except EntrakeepError:
            return
        time.sleep(0.005)
    raise AssertionError("the process never learned that its job must end")


class Interrupting(BytesIO):
    """A file that runs an action at its first write."""

    def __init__(self, action: Callable[[], None]) -> None:
        super().__init__()
        self.pieces = 0
        self._action = action

    def write(self, data: object, /) -> int:
        self.pieces += 1
        if self.pieces == 1:
            self._action()
        return 0


@pytest.mark.parametrize("end", [cancel, refuse])
@pytest.mark.parametrize("sizes", [(BATCH, BATCH, BATCH), (BATCH, 1)], ids=["a batch", "the rest"])
def test_a_download_stops_writing_once_its_job_must_end(
    world: EngineWorld, works: list[Work], end: End, sizes: tuple[int, ...]
) -> None:
    for n, size in enumerate(sizes):
        world.directory.put("users", f"users/a{n}", b'"%b"' % (b"x" * size))
    world.directory.log["users"] = world.directory.log["users"][-len(sizes) :]
    world.back_up()

    def action() -> None:
        end(world)
        wait_until_ended(works[0])

    file = Interrupting(action)
    with pytest.raises(EntrakeepError) as caught:
        download(world.context, world.tenant, "latest", file, ["users"])
    assert file.pieces == 1
    assert caught.value.code is (Code.CANCELLED if end is cancel else Code.KEY_ACCESS_REVOKED)
    assert newest(world).state is (JobState.CANCELLED if end is cancel else JobState.FAILED)


@pytest.mark.parametrize("end", [cancel, refuse])
def test_browsing_stops_once_its_job_must_end(world: EngineWorld, works: list[Work], end: End) -> None:
    world.limit(chunk_bytes=1)
    world.back_up()
    shown = browse(world.context, world.tenant, "latest", ["users"])
    assert next(shown)[0] == "users/0"
    end(world)
    wait_until_ended(works[0])
    with pytest.raises(EntrakeepError) as caught:
        next(shown)
    assert caught.value.code is (Code.CANCELLED if end is cancel else Code.KEY_ACCESS_REVOKED)
    assert newest(world).state is (JobState.CANCELLED if end is cancel else JobState.FAILED)


@pytest.mark.parametrize("end", [cancel, refuse])
def test_a_job_that_must_end_does_not_succeed_although_every_record_was_read(world: EngineWorld, end: End) -> None:
    world.back_up()
    with (
        pytest.raises(EntrakeepError) as caught,
        run_foreground(world.context, world.tenant, JobKind.DOWNLOAD, "latest") as (work, _),
    ):
        end(world)
        wait_until_ended(work)
    assert caught.value.code is (Code.CANCELLED if end is cancel else Code.KEY_ACCESS_REVOKED)
    assert newest(world).state is (JobState.CANCELLED if end is cancel else JobState.FAILED)


@pytest.mark.parametrize("moment", ["while it reads", "as it ends"])
def test_a_foreground_job_that_another_process_ended_raises_the_refusal(world: EngineWorld, moment: str) -> None:
    """The process that receives a refusal ends every job of the tenant."""
    world.back_up()
    world.limit(renew_seconds=0.02 if moment == "while it reads" else 10.0)
    with (
        pytest.raises(EntrakeepError) as caught,
        run_foreground(world.context, world.tenant, JobKind.DOWNLOAD, "latest") as (work, _),
    ):
        world.catalog.keys.refuse(ARN, REFUSED.message)
        if moment == "while it reads":
            wait_until_ended(work)
            work.check()
    assert (caught.value.code, caught.value.message) == (REFUSED.code, REFUSED.message)


def test_a_download_does_not_read_the_store_before_kms_has_answered(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.back_up()
    reads: list[str] = []
    monkeypatch.setattr(world.store, "get", reads.append)
    refuse(world)
    with pytest.raises(KeyRefused):
        world.download()
    assert reads == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LookupError("CANARY"), Code.UNEXPECTED),
        (KeyboardInterrupt(), Code.INTERRUPTED),
        (BrokenPipeError(), Code.INTERRUPTED),
    ],
)
def test_a_defect_and_an_interruption_end_the_job_with_different_codes(
    world: EngineWorld, error: BaseException, code: Code
) -> None:
    world.back_up()
    with pytest.raises(type(error)), run_foreground(world.context, world.tenant, JobKind.DOWNLOAD, "latest"):
        raise error
    job = newest(world)
    assert (job.state, job.code) == (JobState.FAILED, code)
    assert job.message is not None
    assert "CANARY" not in job.message
