"""Beat goes on, whatever a tick meets."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import NoReturn

import pytest
from celery import Celery

from scheduler import beat
from scheduler.beat import EVERY, CatalogScheduler
from shared.domain.errors import Code, EntrakeepError, Refuse


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[CatalogScheduler]:
    monkeypatch.setattr(beat.wiring, "beat_context", lambda app: object())
    app = Celery("small", broker="memory://", set_as_current=False)
    yield CatalogScheduler(app=app, lazy=True)
    app.close()


@pytest.mark.parametrize(
    "error",
    [Refuse(Code.CATALOG_UNREACHABLE, "Nobody listens there."), LookupError("a defect"), RecursionError()],
    ids=lambda error: type(error).__name__,
)
def test_no_error_of_a_tick_ends_beat_and_the_next_tick_comes_as_usual(
    scheduler: CatalogScheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fails(context: object) -> NoReturn:
        raise error

    monkeypatch.setattr(beat, "tick", fails)
    assert 0.0 < scheduler.tick() <= EVERY
    assert "the next one retries" in caplog.text
    ticked: list[object] = []
    monkeypatch.setattr(beat, "tick", ticked.append)
    assert 0.0 < scheduler.tick() <= EVERY
    assert len(ticked) == 1


def test_a_tick_that_took_long_is_followed_soon_but_not_without_a_pause(
    scheduler: CatalogScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beat, "tick", lambda context: None)
    monkeypatch.setattr(beat, "time", SimpleNamespace(monotonic=iter((100.0, 160.0)).__next__))
    assert 0.0 < scheduler.tick() < EVERY


def test_a_beat_that_can_never_tick_ends_with_a_sentence(
    scheduler: CatalogScheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(app: Celery) -> NoReturn:
        raise EntrakeepError(Code.SETTINGS_INVALID, "ENTRAKEEP_PROVIDER_KEY_ARN is missing.")

    monkeypatch.setattr(beat.wiring, "beat_context", fails)
    with pytest.raises(SystemExit):
        scheduler.setup_schedule()
    assert "ENTRAKEEP_PROVIDER_KEY_ARN is missing." in caplog.text
