"""Whether the stack runs, asked of SQL once every few seconds for all pages."""

import threading
from typing import TYPE_CHECKING

from shared.engine.requests.hindrances import Hindrance, hindrances

if TYPE_CHECKING:
    from shared.domain.limits import Limits
    from shared.ports.catalog.database import Catalog
    from shared.ports.clock import Clock


class Pulse:
    """The problems that block jobs now, a few seconds old at most."""

    def __init__(self, catalog: "Catalog", clock: "Clock", limits: "Limits") -> None:
        self._catalog = catalog
        self._clock = clock
        self._limits = limits
        self._turn = threading.Lock()
        self._asked_at: float | None = None
        self._answer: tuple[Hindrance, ...] = ()

    def hindrances(self) -> tuple[Hindrance, ...]:
        """Return the problems, each with its code and sentence. Raise Refuse ``CATALOG_UNREACHABLE``."""
        with self._turn:
            now = self._clock.monotonic()
            if self._asked_at is None or now - self._asked_at > self._limits.web_pulse_seconds:
                self._answer = tuple(hindrances(self._catalog, limits=self._limits))
                self._asked_at = now
            return self._answer
