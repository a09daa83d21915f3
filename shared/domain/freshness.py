"""How old a tenant's newest complete snapshot may become: the RPO, its target, and the state of both. Rules without I/O."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.errors import Refuse
from shared.domain.limits import LIMITS
from shared.domain.schedule import longest_gap


class Freshness(StrEnum):
    """The state of a tenant's protection. The members are in order, the worst first."""

    HELD = "held"
    """KMS refuses the tenant's key, so no backup can run."""
    OVERDUE = "overdue"
    """The RPO is above twice its target."""
    NEVER = "never"
    """There is no complete snapshot yet."""
    LATE = "late"
    """The RPO is above its target."""
    UNSCHEDULED = "unscheduled"
    """Nothing makes backups by itself: there is no schedule, or it is never due."""
    PAUSED = "paused"
    """Somebody has paused the schedule."""
    FRESH = "fresh"
    """The RPO is within its target."""

    @property
    def rank(self) -> int:
        """Return the place of this state among all states, 0 for the worst."""
        return _RANKS[self]


_RANKS = {state: rank for rank, state in enumerate(Freshness)}


def rpo_target(cron: str, timezone: str, now: datetime) -> timedelta | None:
    """Return the longest RPO that is in order: the schedule's longest gap of the next 14 days, plus a quarter of it.

    It is 10 minutes at least. Return None if the schedule is never due, or its time zone does not exist any more.
    """
    try:
        gap = longest_gap(cron, timezone, now)
    except Refuse:
        return None
    return max(timedelta(seconds=LIMITS.rpo_target_least_seconds), gap + gap / 4)


def freshness(*, rpo: timedelta | None, target: timedelta | None, paused: bool, refused: bool) -> Freshness:
    """Return the state of a tenant's protection.

    ``rpo`` is None without a complete snapshot. ``target`` is None without a schedule that is due some day. ``refused``:
    KMS refuses a key of the tenant.
    """
    if refused:
        return Freshness.HELD
    if rpo is None:
        return Freshness.NEVER
    if target is None:
        return Freshness.UNSCHEDULED
    if paused:
        return Freshness.PAUSED
    if rpo <= target:
        return Freshness.FRESH
    return Freshness.OVERDUE if rpo > 2 * target else Freshness.LATE
