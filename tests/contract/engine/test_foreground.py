"""Jobs of the asking process: KMS is asked first, and nothing more is given out once the lease or the job has ended."""

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
from shared.engine.snapshots.foreground import begun_foreground
from shared.engine.steps.work import Work
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

REFUSED = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")
BATCH = 300_000
"""Bytes of a value that fills a batch of a download."""

End = Callable[[EngineWorld], None]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path)
    made.limit(renew_seconds=0.02)
    yield made
    made.close()


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """What jobs of this process work with."""
    begun: list[Work] = []

    class Remembered(Work):
        def __init__(self, *parts: object) -> None:
            super().__init__(*parts)  # type: ignore[arg-type]
            begun.append(self)

    monkeypatch.setattr(foreground, "Work", Remembered)
    return begun


def newest(world: EngineWorld) -> Job:
    return world.of.jobs.recent(1)[0]


def cancel(world: EngineWorld) -> None:
    world.of.jobs.cancel(newest(world).job_id)


def refuse(world: EngineWorld) -> None:
    world.keys.trouble = REFUSED


def known(work: Work) -> None:
    """Returns when this process knows that the job must end."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            work.check()
        except EntrakeepError:
            return
        time.sleep(0.005)
    raise AssertionError("it was never told")


class Interrupting(BytesIO):
    """A file that makes something happen as it takes its first piece."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self.pieces = 0
        self._happens = happens

    def write(self, data: object, /) -> int:
        self.pieces += 1
        if self.pieces == 1:
            self._happens()
        return 0


@pytest.mark.parametrize("end", [cancel, refuse])
@pytest.mark.parametrize("sizes", [(BATCH, BATCH, BATCH), (BATCH, 1)], ids=["a batch", "the rest"])
def test_a_download_writes_nothing_more_once_its_job_must_end(
    world: EngineWorld, works: list[Work], end: End, sizes: tuple[int, ...]
) -> None:
    for n, size in enumerate(sizes):
        world.directory.put("users", f"users/a{n}", b'"%b"' % (b"x" * size))
    world.directory.log["users"] = world.directory.log["users"][-len(sizes) :]
    world.backed_up()

    def happens() -> None:
        end(world)
        known(works[0])

    file = Interrupting(happens)
    with pytest.raises(EntrakeepError) as met:
        download(world.context, world.tenant, "latest", file, ["users"])
    assert file.pieces == 1
    assert met.value.code is (Code.CANCELLED if end is cancel else Code.KEY_ACCESS_REVOKED)
    assert newest(world).state is (JobState.CANCELLED if end is cancel else JobState.FAILED)


@pytest.mark.parametrize("end", [cancel, refuse])
def test_browsing_shows_nothing_more_once_its_job_must_end(world: EngineWorld, works: list[Work], end: End) -> None:
    world.limit(chunk_bytes=1)
    world.backed_up()
    shown = browse(world.context, world.tenant, "latest", ["users"])
    assert next(shown)[0] == "users/0"
    end(world)
    known(works[0])
    with pytest.raises(EntrakeepError) as met:
        next(shown)
    assert met.value.code is (Code.CANCELLED if end is cancel else Code.KEY_ACCESS_REVOKED)
    assert newest(world).state is (JobState.CANCELLED if end is cancel else JobState.FAILED)


@pytest.mark.parametrize("end", [cancel, refuse])
def test_a_job_that_must_end_does_not_succeed_though_its_reader_has_all(world: EngineWorld, end: End) -> None:
    world.backed_up()
    with (
        pytest.raises(EntrakeepError) as met,
        begun_foreground(world.context, world.tenant, JobKind.DOWNLOAD, "latest") as (work, _),
    ):
        end(world)
        known(work)
    assert met.value.code is (Code.CANCELLED if end is cancel else Code.KEY_ACCESS_REVOKED)
    assert newest(world).state is (JobState.CANCELLED if end is cancel else JobState.FAILED)


@pytest.mark.parametrize("when", ["while it reads", "as it ends"])
def test_a_job_that_somebody_else_has_ended_says_why(world: EngineWorld, when: str) -> None:
    """Whoever meets the refusal ends every job of the tenant."""
    world.backed_up()
    world.limit(renew_seconds=0.02 if when == "while it reads" else 10.0)
    with (
        pytest.raises(EntrakeepError) as met,
        begun_foreground(world.context, world.tenant, JobKind.DOWNLOAD, "latest") as (work, _),
    ):
        world.of.keys.refuse(ARN, REFUSED.message)
        if when == "while it reads":
            known(work)
            work.check()
    assert (met.value.code, met.value.message) == (REFUSED.code, REFUSED.message)


def test_nothing_is_fetched_from_the_store_before_kms_has_answered(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.backed_up()
    fetched: list[str] = []
    monkeypatch.setattr(world.store, "get", fetched.append)
    refuse(world)
    with pytest.raises(KeyRefused):
        world.download()
    assert fetched == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LookupError("CANARY"), Code.UNEXPECTED),
        (KeyboardInterrupt(), Code.INTERRUPTED),
        (BrokenPipeError(), Code.INTERRUPTED),
    ],
)
def test_a_defect_is_told_from_a_process_that_was_interrupted(
    world: EngineWorld, error: BaseException, code: Code
) -> None:
    world.backed_up()
    with pytest.raises(type(error)), begun_foreground(world.context, world.tenant, JobKind.DOWNLOAD, "latest"):
        raise error
    job = newest(world)
    assert (job.state, job.code) == (JobState.FAILED, code)
    assert job.message is not None
    assert "CANARY" not in job.message
