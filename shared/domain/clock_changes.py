"""Clock changes of a time zone, and what they do to a schedule: exactly what the scheduler does, because it is asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from zoneinfo import ZoneInfo

import msgspec

from shared.domain.schedule import due_times, next_due, zone_of

_YEAR = timedelta(days=366)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Effect(StrEnum):
    """What a clock change does to the due times that it affects."""

    NONE = "none"
    """No due time falls into the time that does not exist or occurs twice."""
    MOVED = "moved"
    """The times do not exist. One backup runs in their place when the gap ends."""
    LEFT_OUT = "left_out"
    """The times do not exist, and no backup runs in their place."""
    ONCE = "once"
    """The times occur twice. A backup runs the first time only."""
    TWICE = "twice"
    """The times occur twice, and a backup runs both times."""


class ClockChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a zone's clocks, with its effect on a schedule."""

    at: datetime
    """When it happens, in UTC."""
    before: datetime
    """What the clocks show at that moment by the old offset: a naive local time."""
    after: datetime
    """What they show by the new offset."""
    times: list[datetime]
    """The due times that do not exist, or that occur twice, as naive local times in order."""
    effect: Effect
    next_run: datetime
    """The first due time at the change or later, in UTC."""

    @property
    def forward(self) -> bool:
        """Return True if the clocks are put forward, so that local times are skipped."""
        return self.after > self.before


def clock_changes(cron: str, timezone: str, now: datetime) -> list[ClockChange]:
    """Return the clock changes of the year after ``now``, in order.

    Raise Refuse ``SETTINGS_INVALID`` if the cron expression or the time zone is invalid, or the schedule is never due.
    """
    zone = zone_of(timezone)
    next_due(cron, timezone, now)
    return [_change(cron, zone, moment) for moment in _transitions(zone, now.astimezone(UTC))]


def _change(cron: str, zone: ZoneInfo, moment: datetime) -> ClockChange:
    """Return the change of the clocks at this moment."""
    old, new = (_offset(zone, each) for each in (moment - _SECOND, moment))
    before, after = ((moment + offset).replace(tzinfo=None) for offset in (old, new))
    times = _wall_times(cron, min(before, after), max(before, after))
    following = next_due(cron, zone.key, moment - _SECOND)
    if not times:
        effect = Effect.NONE
    elif new > old:
        local = (following + new).replace(tzinfo=None)
        in_place = following == moment and not _wall_times(cron, local, local + _SECOND)
        effect = Effect.MOVED if in_place else Effect.LEFT_OUT
    else:
        effect = Effect.TWICE if following < moment + (old - new) else Effect.ONCE
    return ClockChange(at=moment, before=before, after=after, times=times, effect=effect, next_run=following)


def _wall_times(cron: str, begin: datetime, end: datetime) -> list[datetime]:
    """Return the times on a clock without changes, from ``begin`` and before ``end``, that the cron expression names."""
    dues = due_times(cron, "UTC", begin.replace(tzinfo=UTC) - _SECOND)
    return [due.replace(tzinfo=None) for due in takewhile(lambda due: due < end.replace(tzinfo=UTC), dues)]


def _transitions(zone: ZoneInfo, begin: datetime) -> Iterator[datetime]:
    """Yield the moments in the year after ``begin`` at which the zone's offset changes, to the second."""
    day = begin.replace(microsecond=0)
    while day < begin + _YEAR:
        if _offset(zone, day) != _offset(zone, day + _DAY):
            yield _transition(zone, day, day + _DAY)
        day += _DAY


def _transition(zone: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """Return the moment between these two at which the zone's offset changes."""
    while late - early > _SECOND:
        middle = early + timedelta(seconds=(late - early) // _SECOND // 2)
        if _offset(zone, middle) == _offset(zone, early):
            early = middle
        else:
            late = middle
    return late


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    """Return the zone's offset from UTC at this moment."""
    return moment.astimezone(zone).utcoffset() or timedelta()
