"""Beat continues after any error in a tick."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from celery import Celery

from scheduler import beat
from scheduler.beat import CatalogScheduler
from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS
from tests.migrated import migrated_file

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[CatalogScheduler]:
    """Yield beat on a catalog without tenants, and a broker without consumers."""
    migrated_file(tmp_path / "catalog.sqlite3")
    monkeypatch.setenv("ENTRAKEEP_HOME", str(tmp_path))
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_BROKER_URL", "redis://127.0.0.1:1/0")
    app = Celery("small", broker="memory://", set_as_current=False)
    scheduler = CatalogScheduler(app=app, lazy=True)
    yield scheduler
    scheduler.close()
    if "context" in scheduler.__dict__:
        scheduler.context.catalog.close()
    app.close()


@pytest.mark.parametrize(
    ("error", "traceback"),
    [
        (Refuse(Code.CATALOG_UNREACHABLE, "Nobody listens there."), False),
        (LookupError("a defect"), True),
        (RecursionError(), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_in_a_tick_does_not_end_beat_and_the_next_tick_does_its_work(
    scheduler: CatalogScheduler,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    traceback: bool,
) -> None:
    def fails(context: object) -> NoReturn:
        raise error

    catalog = scheduler.context.catalog.scheduler()
    with monkeypatch.context() as broken:
        broken.setattr(beat, "tick", fails)
        assert 0.0 < scheduler.tick() <= LIMITS.tick_seconds
    (record,) = (record for record in caplog.records if record.name == beat.__name__)
    assert "the next one retries" in record.message
    assert bool(record.exc_info) == traceback
    assert catalog.last_tick() is None
    caplog.clear()
    assert 0.0 < scheduler.tick() <= LIMITS.tick_seconds
    assert [record for record in caplog.records if record.name == beat.__name__] == []
    assert catalog.last_tick() is not None


def test_a_tick_records_broker_trouble_and_its_recovery(scheduler: CatalogScheduler) -> None:
    catalog = scheduler.context.catalog.scheduler()
    for trouble in ("The Redis is full.", None):
        scheduler.__dict__["broker"] = SimpleNamespace(answered=True, trouble=trouble, close=lambda: None)
        scheduler.tick()
        assert catalog.broker_trouble() == trouble


def test_after_a_slow_tick_the_next_one_starts_soon_but_not_without_a_pause(
    scheduler: CatalogScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for took, least, most in ((60.0, 0.01, 0.1), (0.2, LIMITS.tick_seconds - 0.21, LIMITS.tick_seconds - 0.19)):
        monkeypatch.setattr(beat, "time", SimpleNamespace(monotonic=iter((100.0, 100.0 + took)).__next__))
        assert least < scheduler.tick() < most


def test_a_beat_that_can_never_tick_ends_with_one_sentence(
    scheduler: CatalogScheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("ENTRAKEEP_PROVIDER_KEY_ARN")
    with pytest.raises(SystemExit) as ended:
        scheduler.setup_schedule()
    assert ended.value.code == 1
    assert "ENTRAKEEP_PROVIDER_KEY_ARN is missing" in caplog.text
    assert all(record.exc_info is None for record in caplog.records)
