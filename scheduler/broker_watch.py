"""Whether the broker takes messages, asked in a thread of its own: an answer may take seconds, and ticks must not wait."""

import logging
import threading
from collections.abc import Callable

from shared.ports.broker import BrokerAnswer, BrokerState

log = logging.getLogger(__name__)


class BrokerWatch:
    """Asks every so many seconds until it is closed. ``trouble`` is the latest sentence, None if all is well."""

    def __init__(self, ask: Callable[[], BrokerAnswer], every: float) -> None:
        self._ask = ask
        self._every = every
        self._answered, self._closed = threading.Event(), threading.Event()
        self.trouble: str | None = None
        threading.Thread(target=self._watch, name="broker-watch", daemon=True).start()

    @property
    def answered(self) -> bool:
        """Whether the first answer has come."""
        return self._answered.is_set()

    def close(self) -> None:
        """Ask no more. A question under way is not waited for."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.is_set():
            answer = self._ask()
            before, self.trouble = self.trouble, None if answer.state is BrokerState.READY else answer.sentence
            if self.trouble is not None and self.trouble != before:
                log.error("messages wait: %s", self.trouble)
            elif self.trouble is None and before is not None:
                log.info("recovered: the broker takes messages again")
            self._answered.set()
            self._closed.wait(self._every)
