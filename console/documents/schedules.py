"""Documents of schedules."""

from datetime import datetime

import msgspec

from console.documents.clock_changes import ClockChangeDocument, clock_change_document
from console.documents.times import Moment, moment
from shared.domain.clock_changes import clock_changes
from shared.domain.model import Schedule
from shared.domain.schedule import in_words, longest_gap, upcoming, zone_of

_RUNS = 10


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


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A time at which a backup is due."""

    at: Moment
    """The time in UTC."""
    local: Moment
    """The same time in the zone of the schedule, with its offset."""


class RunsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a cron expression in a time zone means."""

    words: str
    """The cron expression in English."""
    longest_gap_seconds: int
    """The longest time between two backups in the next 14 days, or until the one after the next if they are rarer."""
    next: list[RunDocument]
    """The next ten times at which a backup is due, as if the schedule were not paused."""
    clock_changes: list[ClockChangeDocument]
    """The changes of the zone's clocks in the coming year, and what happens to backups then."""


class ScheduleDetails(ScheduleDocument, frozen=True, kw_only=True):
    """A schedule of backups with what it means."""

    runs: RunsDocument
    """When backups are due by its cron expression."""


def schedule_document(schedule: Schedule) -> ScheduleDocument:
    """Return the document of a schedule."""
    return ScheduleDocument(
        cron=schedule.cron, timezone=schedule.timezone, paused=schedule.paused, next=moment(schedule.next_due)
    )


def runs_document(cron: str, timezone: str, now: datetime) -> RunsDocument:
    """Return what a cron expression means. Raise Refuse ``SETTINGS_INVALID`` if it or the time zone is invalid."""
    zone = zone_of(timezone)
    return RunsDocument(
        words=in_words(cron),
        longest_gap_seconds=int(longest_gap(cron, timezone, now).total_seconds()),
        next=[
            RunDocument(at=moment(due), local=due.astimezone(zone).isoformat())
            for due in upcoming(cron, timezone, now, _RUNS)
        ],
        clock_changes=[clock_change_document(change, zone) for change in clock_changes(cron, timezone, now)],
    )


def schedule_details(schedule: Schedule, now: datetime) -> ScheduleDetails:
    """Return the document of a schedule with what it means. Raise as ``runs_document`` does."""
    known = msgspec.structs.asdict(schedule_document(schedule))
    return ScheduleDetails(**known, runs=runs_document(schedule.cron, schedule.timezone, now))
