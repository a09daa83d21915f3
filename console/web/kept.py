"""Answers that may be a minute old: sums over a long time, which every open page would otherwise ask SQL for again."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from shared.domain.limits import LIMITS

_T = TypeVar("_T")


class Kept:
    """Answers by key. One thread makes an answer while others that want the same one wait. Other answers do not wait."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        self._answers: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, now: float, make: Callable[[], _T]) -> _T:
        """Return the answer of this key, made by ``make`` unless it is young enough. ``now`` is on a clock without jumps."""
        with self._turn:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._turn:
                if _is_young(self._answers.get(key), now):
                    kept: _T = self._answers[key][1]
                    return kept
            answer = make()
            with self._turn:
                self._answers = {each: entry for each, entry in self._answers.items() if _is_young(entry, now)}
                self._answers[key] = (now, answer)
                self._making = {
                    each: lock for each, lock in self._making.items() if each in self._answers or lock.locked()
                }
            return answer


def _is_young(entry: tuple[float, Any] | None, now: float) -> bool:
    """Return True if an answer exists and may still be shown."""
    return entry is not None and now - entry[0] <= LIMITS.web_kept_seconds
