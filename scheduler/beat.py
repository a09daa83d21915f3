"""Beat over the catalog: ``celery -A workers.app beat --scheduler scheduler.beat:CatalogScheduler``.

It keeps no state of its own: any number may run, and any may be killed.
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

EVERY = 0.5
"""Seconds between two ticks: a job asked for by hand starts within one."""
_BROKER_TIMEOUT = 2.0


class CatalogScheduler(Scheduler):
    """Celery's scheduler, with the tick in place of its table of entries."""

    max_interval: int | None = 1
    _reported: tuple[str | None] | None = None

    def setup_schedule(self) -> None:
        """No entries: SQL holds the schedules. A beat that could never tick ends, with a sentence."""
        try:
            _ = self.context
        except EntrakeepError as error:
            log.critical("beat cannot work: %s", error)
            raise SystemExit(1) from None

    @cached_property
    def broker(self) -> BrokerWatch:
        """What keeps messages waiting."""
        broker = wiring.broker()
        return BrokerWatch(lambda: wiring.ask_broker(broker, _BROKER_TIMEOUT), wiring.LIMITS.broker_look_seconds)

    @cached_property
    def context(self) -> Context:
        """The engine of this process."""
        return wiring.beat_context(self.app)

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """One tick; seconds until the next. Whatever leaves this method would end beat, so nothing does."""
        began = time.monotonic()
        try:
            tick(self.context)
            self._report_broker()
        except EntrakeepError as error:
            log.warning("the tick failed, the next one tries again: %s", error)
        except Exception:
            log.exception("the tick failed, the next one tries again")
        return max(0.05, EVERY - (time.monotonic() - began))

    def _report_broker(self) -> None:
        """Store what keeps messages waiting where commands can see it, each time that it has changed."""
        if self.broker.answered and self._reported != (self.broker.trouble,):
            trouble = self.broker.trouble
            self.context.catalog.scheduler().report_broker(trouble)
            self._reported = (trouble,)

    def close(self) -> None:
        """End what runs beside the ticks."""
        if "broker" in self.__dict__:
            self.broker.close()
        super().close()
