"""Dispatch: sends messages to workers."""

from typing import Protocol

from shared.domain.jobs import StepRef


class Dispatch(Protocol):
    """The sender of messages."""

    def send(self, step: StepRef) -> bool:
        """Send one message for this step, at once or not at all. Return False if the broker does not take it.

        Never call it inside a transaction. A lost message does no harm, because the tick sends the step again.
        """
