"""Beat over the catalog: ``celery -A workers.app beat --scheduler scheduler.beat:CatalogScheduler``.

It keeps no state of its own: any number of beats may run, and each of them may be killed at any time.
"""

import logging
import time
from functools import cached_property
from typing import Any

from celery.beat import Scheduler

from scheduler.broker_watch import BrokerWatch
from scheduler.tick import tick
from shared import wiring
from shared.domain.errors import EntrakeepError
from shared.engine.context import Context

log = logging.getLogger(__name__)


class CatalogScheduler(Scheduler):
    """Celery's scheduler, with our tick instead of its table of entries."""

    max_interval: int | None = 1
    _reported: tuple[str | None] | None = None

    def setup_schedule(self) -> None:
        """Open the engine; there are no entries, as SQL holds the schedules. A beat that cannot tick logs why and exits."""
        try:
            _ = self.context
        except EntrakeepError as error:
            log.critical("beat cannot start: %s", error)
            raise SystemExit(1) from None

    @cached_property
    def broker(self) -> BrokerWatch:
        """Return the watch that knows whether the broker takes messages."""
        broker, limits = wiring.broker(), wiring.LIMITS
        return BrokerWatch(lambda: wiring.ask_broker(broker, limits.broker_answer_seconds), limits.broker_look_seconds)

    @cached_property
    def context(self) -> Context:
        """Return the engine of this process."""
        return wiring.beat_context(self.app)

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """Run one tick. Return the seconds until the next one. Raise nothing, because an exception would end beat."""
        began = time.monotonic()
        try:
            tick(self.context)
            self._report_broker()
        except EntrakeepError as error:
            log.warning("tick failed, the next one retries: %s", error)
        except Exception:
            log.exception("tick failed, the next one retries")
        return max(0.05, wiring.LIMITS.tick_seconds - (time.monotonic() - began))

    def _report_broker(self) -> None:
        """Store the broker's trouble in SQL, where commands can see it, each time that it changes."""
        if self.broker.answered and self._reported != (self.broker.trouble,):
            trouble = self.broker.trouble
            self.context.catalog.scheduler().report_broker(trouble)
            self._reported = (trouble,)

    def close(self) -> None:
        """Stop the broker watch, if it runs, and close the scheduler."""
        if "broker" in self.__dict__:
            self.broker.close()
        super().close()
