"""Loops of links and repeated pages are detected, without false positives."""

import pytest
from msgspec import Raw

from shared.adapters.graph import loops
from shared.adapters.graph.loops import LoopGuard
from shared.adapters.graph.slicer import Envelope
from shared.domain.errors import Looping
from shared.domain.limits import Limits


def page(link: str, *objects: bytes) -> Envelope:
    return Envelope(value=[Raw(text) for text in objects], next=link)


def pages_until_noticed(guard: LoopGuard, links: list[str], contents: list[list[bytes]]) -> int:
    for number in range(1, 5000):
        try:
            guard.take(page(links[number % len(links)], *contents[number % len(contents)]), f"request-{number}")
        except Looping as looping:
            assert looping.request_id == f"request-{number}"
            assert looping.request_id in looping.message
            return number
    raise AssertionError("the circle was not noticed")


NEW = [f"link-{n}" for n in range(5000)]
ENDLESS = [[b'{"id":"%d"}' % n] for n in range(5000)]


@pytest.mark.parametrize(("links", "within"), [(["first"], 1), (["a"], 2), (["a", "b", "c"], 4)])
def test_a_link_followed_before_is_a_loop(links: list[str], within: int) -> None:
    assert pages_until_noticed(LoopGuard(["first"]), links, ENDLESS) == within


@pytest.mark.parametrize("length", [1, 2, 100])
def test_pages_of_equal_content_are_a_loop_whatever_their_links(length: int) -> None:
    assert pages_until_noticed(LoopGuard([]), NEW, ENDLESS[:length]) == length + 8


def test_a_series_of_empty_pages_ends_with_an_error() -> None:
    assert pages_until_noticed(LoopGuard([]), NEW, [[]]) == 1000


def test_occasional_repeated_and_empty_pages_are_no_loop() -> None:
    guard = LoopGuard([])
    for number in range(400):
        replayed = number % 10 and number % 2
        guard.take(page(f"link-{number}", b'{"id":"%d"}' % (0 if replayed else number)), None)
        guard.take(page(f"empty-{number}"), None)


def test_loop_detection_uses_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "LIMITS", Limits(loop_pages=100))
    guard = LoopGuard([])
    for number in range(1000):
        guard.take(page(f"link-{number}", b"%d" % number), None)
    assert pages_until_noticed(guard, ["a", "b"], ENDLESS) <= 4
