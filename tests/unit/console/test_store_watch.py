"""``up`` reports a problem of the store once, and its recovery once."""

import threading
import time
from collections.abc import Callable

from console.store_watch import StoreWatch
from shared.domain.errors import StoreNotOurs


def first(news: Callable[[], str | None]) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (line := news()) is not None:
            return line
        time.sleep(0.01)
    raise AssertionError("there is no news")


def test_a_foreign_store_is_reported_once_and_so_is_its_recovery() -> None:
    away, looks = threading.Event(), threading.Semaphore(0)
    away.set()

    def look() -> None:
        looks.release()
        if away.is_set():
            raise StoreNotOurs("Another disk.")

    with StoreWatch(look, well=0.01, wrong=0.01) as watch:
        assert first(watch.news) == "attention: STORE_NOT_OURS: Another disk."
        for _ in range(3):
            assert looks.acquire(timeout=30)
        assert watch.news() is None
        away.clear()
        assert first(watch.news) == "recovered: the store can be used again, after STORE_NOT_OURS"
        assert watch.news() is None


def test_a_slow_store_does_not_delay_up() -> None:
    answered = threading.Event()

    def look() -> None:
        answered.wait(60)

    began = time.monotonic()
    with StoreWatch(look, well=60.0, wrong=10.0) as watch:
        assert watch.news() is None
    assert time.monotonic() - began < 30
    answered.set()
