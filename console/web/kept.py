"""Answers that may be a minute old: sums over a long time, which every open page would otherwise ask SQL for again."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from shared.domain.limits import LIMITS

_T = TypeVar("_T")


class Kept:
    """Answers by key. One thread makes an answer while others wait, so that many pages do not ask for it at once."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._answers: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, now: float, make: Callable[[], _T]) -> _T:
        """Return the answer of this key, made by ``make`` unless it is young enough. ``now`` is on a clock without jumps."""
        with self._turn:
            if key in self._answers and now - self._answers[key][0] <= LIMITS.web_kept_seconds:
                kept: _T = self._answers[key][1]
                return kept
            answer = make()
            young = {each: entry for each, entry in self._answers.items() if now - entry[0] <= LIMITS.web_kept_seconds}
            self._answers = {**young, key: (now, answer)}
            return answer
