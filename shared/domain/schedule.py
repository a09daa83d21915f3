"""Due times of a schedule: five cron fields in a time zone.

A local time that does not exist (clocks put forward) is due when the gap ends. One that occurs twice is due once.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from shared.domain.errors import Code, Refuse


def next_due(cron: str, timezone: str, after: datetime) -> datetime:
    """Return the first time strictly after ``after`` at which the schedule is due, in UTC.

    ``after`` is aware. Missed times collapse: only the next one from now on counts. Raise Refuse ``SETTINGS_INVALID``
    if the cron expression or the time zone is invalid, or the schedule is never due.
    """
    if len(cron.split()) != 5:
        raise _invalid(
            f"'{cron}' is not a schedule: give five fields, minute hour day month weekday, as in '0 */6 * * *'"
        )
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _invalid(f"There is no time zone '{timezone}': give a name such as Europe/Berlin") from None
    try:
        due = next(CronSim(cron, after.astimezone(zone)))
    except CronSimError:
        raise _invalid(
            f"'{cron}' is not a schedule: a field is wrong or out of range, or it never comes true"
        ) from None
    except StopIteration:
        raise _invalid(f"'{cron}' never comes true") from None
    return due.astimezone(UTC)


def _invalid(text: str) -> Refuse:
    return Refuse(Code.SETTINGS_INVALID, f"{text}.")
