"""Decide what an expired claim means for its job, and when a claim has expired."""

from datetime import datetime, timedelta
from enum import StrEnum


class Expired(StrEnum):
    """The effect of a claim that expired."""

    INTERRUPTED = "interrupted"
    """The process that requested the job and ran it has ended: the job fails."""
    LOST = "lost"
    """Too many claims were lost without progress: the job fails."""
    QUEUED = "queued"
    """The step is queued again."""


def effect_of(lost: int, most: int, *, foreground: bool) -> Expired:
    """Return the effect of an expired claim. ``lost`` claims were lost without progress, including this one."""
    if foreground:
        return Expired.INTERRUPTED
    return Expired.LOST if lost >= most else Expired.QUEUED


def is_foreground_expired(claim_until: datetime, now: datetime, seconds: float) -> bool:
    """Return True if a foreground job's claim has expired.

    ``seconds`` is how long a claim lasts. A claim that ends more than ``seconds`` from now counts as expired too: it
    was made before the clock was set back.
    """
    return claim_until <= now or claim_until > now + timedelta(seconds=seconds)
