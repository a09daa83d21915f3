"""Dispatch: sends messages to workers."""

from typing import Protocol

from shared.domain.model import StepRef


class Dispatch(Protocol):
    def send(self, step: StepRef) -> bool:
        """Send one message for this step, at once or not at all. False if the broker does not take it.

        Never called inside a transaction. A lost message does no harm: the tick sends the step again.
        """
        ...
