"""Due times of a schedule: five cron fields in a time zone.

If the minute or the hour field begins with a star, the fields are compared with the clock of the zone: a local time that
does not exist (clocks put forward) is left out, and one that occurs twice is due twice. Otherwise a time that does not exist
is due when the gap ends, and one that occurs twice is due once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from shared.domain.errors import Code, Refuse

_LOOKED_AHEAD = timedelta(days=14)
"""The time over which the longest gap of a schedule is searched."""
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def next_due(cron: str, timezone: str, after: datetime) -> datetime:
    """Return the first time strictly after ``after`` at which the schedule is due, in UTC.

    ``after`` is aware. Missed times collapse: only the next one from now on counts. Raise Refuse ``SETTINGS_INVALID``
    if the cron expression or the time zone is invalid, or the schedule is never due.
    """
    for due in due_times(cron, timezone, after):
        return due
    raise _invalid(f"'{cron}' never comes true")


def due_times(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """Return the times strictly after ``after`` at which the schedule is due, in order, in UTC.

    They end if the schedule is not due within fifty years. Raise Refuse ``SETTINGS_INVALID`` if the cron expression or the
    time zone is invalid.
    """
    return _later(_simulated(cron, after.astimezone(zone_of(timezone))), after.astimezone(UTC))


def upcoming(cron: str, timezone: str, after: datetime, count: int) -> list[datetime]:
    """Return the next due times after ``after``, ``count`` at most, in UTC. Raise as ``next_due`` does."""
    return [next_due(cron, timezone, after), *islice(due_times(cron, timezone, after), 1, count)]


def longest_gap(cron: str, timezone: str, now: datetime) -> timedelta:
    """Return the longest time between two due times, of which the first is in the next 14 days or the next one of all.

    The 14 days begin with the UTC day of ``now``. Raise as ``next_due`` does.
    """
    return _longest_gap(cron, timezone, now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0))


@lru_cache(maxsize=4096)
def _longest_gap(cron: str, timezone: str, after: datetime) -> timedelta:
    """Return the longest gap. Cached, because a schedule that is due each minute takes a tenth of a second."""
    next_due(cron, timezone, after)
    longest = timedelta()
    for earlier, later in pairwise(due_times(cron, timezone, after)):
        if longest and earlier > after + _LOOKED_AHEAD:
            break
        longest = max(longest, later - earlier)
    return longest


def in_words(cron: str) -> str:
    """Return the cron expression in English. Raise Refuse ``SETTINGS_INVALID`` if it is invalid."""
    words: str = _simulated(cron, _ANY_TIME).explain()
    return words


def zone_of(timezone: str) -> ZoneInfo:
    """Return the time zone. Raise Refuse ``SETTINGS_INVALID`` if there is none of this name."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _invalid(f"There is no time zone '{timezone}': give a name such as Europe/Berlin") from None


def _later(dues: Iterator[datetime], after: datetime) -> Iterator[datetime]:
    """Yield the due times in UTC, without those that do not exist, or are not later than ``after`` or than the one before.

    While a local hour repeats, the simulation returns times of its first occurrence, which are over. Where clocks are put
    forward at midnight, it may return a local time that does not exist.
    """
    for local in dues:
        due = local.astimezone(UTC)
        exists = due.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)
        if exists and due > after:
            yield due
            after = due


def _simulated(cron: str, after: datetime) -> CronSim:
    """Return the simulation of the cron expression. Raise Refuse ``SETTINGS_INVALID`` if it is invalid."""
    if len(cron.split()) != 5:
        raise _invalid(
            f"'{cron}' is not a schedule: give five fields, minute hour day month weekday, as in '0 */6 * * *'"
        )
    try:
        return CronSim(cron, after)
    except CronSimError as error:
        field = str(error).removeprefix("Bad ").replace("-", " ")
        never = ", or no month has such a day" if field == "day of month" else ""
        raise _invalid(f"'{cron}' is not a schedule: the {field} is wrong or out of range{never}") from None
    except ValueError:  # a number of thousands of digits
        raise _invalid(f"'{cron}' is not a schedule: a field is wrong or out of range") from None


def _invalid(text: str) -> Refuse:
    return Refuse(Code.SETTINGS_INVALID, f"{text}.")
