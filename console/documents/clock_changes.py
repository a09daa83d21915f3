"""Documents of clock changes."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from console.documents.times import Moment, moment
from shared.domain.clock_changes import ClockChange, Effect

_NAMED = 3
"""The largest number of due times that a sentence names one by one."""


class ClockChangeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the clocks in a schedule's time zone, and what happens to backups then."""

    at: Moment
    """When the clocks change."""
    times: list[str]
    """The due times, as ``HH:MM`` of the zone, that do not exist or that occur twice."""
    effect: Effect
    """What happens to them. ``none``: no due time is affected. ``moved``: they do not exist, and one backup runs when the \
clocks have changed. ``left_out``: they do not exist, and no backup runs in their place. ``once``: they occur twice, and a \
backup runs the first time only. ``twice``: a backup runs both times."""
    next: Moment
    """When the first backup at the change or after it is due."""
    message: str
    """The same in words."""


def clock_change_document(change: ClockChange, zone: ZoneInfo) -> ClockChangeDocument:
    """Return the document of a clock change in this zone."""
    return ClockChangeDocument(
        at=moment(change.at),
        times=[f"{time:%H:%M}" for time in change.times],
        effect=change.effect,
        next=moment(change.next_run),
        message=_message(change, zone),
    )


def _message(change: ClockChange, zone: ZoneInfo) -> str:
    """Return the sentences for a clock change."""
    direction = "forward" if change.forward else "back"
    clocks = f"{_day(change.before)}: clocks go {direction} from {change.before:%H:%M} to {change.after:%H:%M}."
    return f"{clocks} {_effect(change, zone)}"


def _effect(change: ClockChange, zone: ZoneInfo) -> str:
    """Return the sentence for what happens to the backups."""
    if change.effect is Effect.NONE:
        return "No backup is affected."
    one = len(change.times) == 1
    if not change.forward:
        how = "a backup runs both times" if change.effect is Effect.TWICE else "a backup runs the first time only"
        return f"{_times(change.times)} {'occurs' if one else 'occur'} twice: {how}."
    missing = f"{_times(change.times)} {'does' if one else 'do'} not exist:"
    runs_at = _clock(change.next_run.astimezone(zone), change.after)
    if change.effect is Effect.MOVED:
        return f"{missing} {'the' if one else 'one'} backup runs at {runs_at}{'' if one else ' instead'}."
    return f"{missing} {'its backup is' if one else 'their backups are'} left out, and the next one runs at {runs_at}."


def _times(times: list[datetime]) -> str:
    """Return due times in words."""
    names = [f"{time:%H:%M}" for time in times]
    if len(names) > _NAMED:
        return f"{len(names)} due times from {names[0]} to {names[-1]}"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _clock(local: datetime, near: datetime) -> str:
    """Return a local time, with its day if that is not the day of ``near``."""
    return f"{local:%H:%M}" if local.date() == near.date() else f"{local:%H:%M} on {_day(local)}"


def _day(time: datetime) -> str:
    """Return the day of a time."""
    return f"{time.day} {time:%B %Y}"
