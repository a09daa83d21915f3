"""``up`` reports trouble while it runs, and detects hanging parts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.parts import flower_answers
from console.watch import Signs, Watch
from shared.domain.errors import Code, Refuse
from shared.domain.limits import Limits
from shared.ports.broker import BrokerAnswer, BrokerState
from tests.parts import free_port

REFUSAL = BrokerAnswer(BrokerState.UNUSABLE, "The Redis at h:1 refuses messages (OOM). Raise its maxmemory.")


class Stage:
    """The watch's view of a stack. Each value may be changed."""

    def __init__(self) -> None:
        self.answer = BrokerAnswer(BrokerState.READY)
        self.beat: float | None = 0.0
        self.worker: float | None = 0.0
        self.catalog: Refuse | None = None
        self.reports: list[str] = []
        self.time = 0.0
        signs = Signs(self._beat, lambda: self.worker)
        self.watch = Watch(
            "h:1", lambda: self.answer, signs, Limits(), Path("logs"), self.reports.append, lambda: self.time
        )
        self.time = 100.0

    def _beat(self) -> float | None:
        if self.catalog is not None:
            raise self.catalog
        return self.beat

    def look(self) -> list[str]:
        """Return the reports of one look."""
        self.reports.clear()
        self.watch.look()
        return self.reports

    def hung(self) -> set[str]:
        return {part for part, silent in self.watch.silences(None, None).items() if silent()}


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield Stage()


def test_trouble_is_reported_once_and_its_recovery_once(stage: Stage) -> None:
    assert stage.look() == []
    stage.answer = REFUSAL
    assert stage.look() == [f"attention: BROKER_UNREACHABLE: {REFUSAL.sentence}"]
    assert stage.look() == []
    stage.answer = BrokerAnswer(BrokerState.LOADING)
    assert stage.look() == ["recovered: Redis at h:1 takes messages again"]


def test_a_silent_worker_and_a_silent_beat_are_named_with_their_logs_and_restarted(stage: Stage) -> None:
    stage.worker = 21.0
    (line,) = stage.look()
    assert line.startswith("attention: NO_WORKER: the worker has not been seen for 20 s. After 60 s it is restarted.")
    assert "logs/worker.log" in line
    assert stage.hung() == {"worker"}
    stage.worker, stage.beat = 1.0, 21.0
    attention, recovered = stage.look()
    assert attention.startswith("attention: STACK_NOT_RUNNING: beat has not ticked for 20 s.")
    assert recovered == "recovered: the worker is seen again"
    assert stage.hung() == {"beat"}


def test_a_worker_without_a_broker_does_not_count_as_hanging(stage: Stage) -> None:
    stage.answer, stage.worker = REFUSAL, 90.0
    assert "It continues when Redis takes messages again." in stage.look()[-1]
    assert stage.hung() == set()


def test_a_silent_catalog_is_named_and_no_part_counts_as_hanging(stage: Stage) -> None:
    stage.catalog = Refuse(Code.CATALOG_UNREACHABLE, "Nobody listens at db:5432.")
    assert stage.look() == ["attention: CATALOG_UNREACHABLE: Nobody listens at db:5432."]
    assert stage.hung() == set()
    assert not stage.watch.ticking()
    stage.catalog = None
    assert stage.look() == ["recovered: the catalog answers again"]
    assert stage.watch.ticking()


def test_a_part_without_a_first_sign_is_timed_from_the_start(stage: Stage) -> None:
    stage.time, stage.beat, stage.worker = 1.0, None, None
    assert stage.look() == []
    assert stage.hung() == set()
    assert not stage.watch.ticking()


def test_a_silent_redis_or_flower_counts_as_hanging(stage: Stage) -> None:
    stage.answer = BrokerAnswer(BrokerState.SILENT, "It has not answered.")
    assert stage.hung() == {"redis"}
    port = free_port()
    assert not flower_answers(port)
    assert stage.watch.silences(port, None)["flower"]()


def test_a_heartbeat_of_an_earlier_run_does_not_count_until_this_run_is_silent(stage: Stage) -> None:
    stage.time, stage.beat, stage.worker = 1.0, 3600.0, 3600.0
    assert stage.look() == []
    assert stage.hung() == set()
    stage.time = 21.0
    assert [line.split(":")[1] for line in stage.look()] == [" STACK_NOT_RUNNING", " NO_WORKER"]
