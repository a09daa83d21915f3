"""Documents of schedules."""

import msgspec

from console.documents.times import Moment, moment
from shared.domain.model import Schedule


class ScheduleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule of backups."""

    cron: str
    """Five fields: minute, hour, day, month, weekday."""
    timezone: str
    """Time zone of the cron fields."""
    paused: bool
    """Whether the schedule is paused."""
    next: Moment | None
    """When the next backup is due, null while paused."""


def schedule_document(schedule: Schedule) -> ScheduleDocument:
    """Return the document of a schedule."""
    return ScheduleDocument(
        cron=schedule.cron, timezone=schedule.timezone, paused=schedule.paused, next=moment(schedule.next_due)
    )
