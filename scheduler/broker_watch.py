"""A thread that asks whether the broker takes messages: an answer may take seconds, and ticks must not wait for it."""

import logging
import threading
from collections.abc import Callable

from shared.ports.broker import BrokerAnswer, BrokerState

log = logging.getLogger(__name__)


class BrokerWatch:
    """A watch that asks the broker every ``every`` seconds until it is closed.

    ``trouble`` is why the broker takes no messages, by its latest answer. It is None if the broker takes them.
    """

    def __init__(self, ask: Callable[[], BrokerAnswer], every: float) -> None:
        self._ask = ask
        self._every = every
        self._answered, self._closed = threading.Event(), threading.Event()
        self.trouble: str | None = None
        threading.Thread(target=self._watch, name="broker-watch", daemon=True).start()

    @property
    def answered(self) -> bool:
        """Return whether the first answer has arrived."""
        return self._answered.is_set()

    def close(self) -> None:
        """Stop asking. Do not wait for a request that is in progress."""
        self._closed.set()

    def _watch(self) -> None:
        """Ask the broker repeatedly, and log each new trouble and each recovery."""
        while not self._closed.is_set():
            answer = self._ask()
            before, self.trouble = self.trouble, None if answer.state is BrokerState.READY else answer.sentence
            if self.trouble is not None and self.trouble != before:
                log.error("messages wait: %s", self.trouble)
            elif self.trouble is None and before is not None:
                log.info("recovered: the broker takes messages again")
            self._answered.set()
            self._closed.wait(self._every)
