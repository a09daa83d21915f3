"""Answers that pages share for a minute."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from console.web.kept import Kept
from shared.domain.limits import LIMITS


def test_an_answer_is_made_again_once_it_is_old() -> None:
    kept, made = Kept(), []

    def make() -> int:
        made.append(1)
        return len(made)

    assert [kept.get("a", now, make) for now in (0.0, LIMITS.web_kept_seconds)] == [1, 1]
    assert kept.get("b", 1.0, make) == 2
    assert kept.get("a", LIMITS.web_kept_seconds + 1, make) == 3


def test_old_answers_are_dropped_so_that_a_large_fleet_fills_no_memory() -> None:
    kept = Kept()
    for n in range(100):
        kept.get(("tenant", n), n * LIMITS.web_kept_seconds, lambda: "answer")
    assert len(kept._answers) <= 2


def test_a_failure_is_not_kept() -> None:
    kept = Kept()

    def fail() -> int:
        raise ValueError

    for make in (fail, lambda: 7):
        try:
            answer = kept.get("a", 0.0, make)
        except ValueError:
            answer = 0
    assert answer == 7


def test_one_answer_that_takes_long_does_not_hold_up_another() -> None:
    kept, begun, go_on = Kept(), Event(), Event()

    def slow() -> str:
        begun.set()
        assert go_on.wait(30)
        return "slow"

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(kept.get, "a", 0.0, slow)
        assert begun.wait(30)
        same = threads.submit(kept.get, "a", 0.0, lambda: "made again")
        try:
            assert threads.submit(kept.get, "b", 0.0, lambda: "quick").result(30) == "quick"
        finally:
            go_on.set()
        assert (first.result(30), same.result(30)) == ("slow", "slow")
    assert len(kept._making) <= 2
