"""The backup schedule of one tenant."""

from typing import Protocol

from shared.domain.model import Schedule


class Schedules(Protocol):
    """The backup schedule of one tenant."""

    def get(self) -> Schedule | None:
        """Return the schedule, or None if there is none."""

    def set(self, schedule: Schedule) -> None:
        """Store the schedule in place of the previous one."""
