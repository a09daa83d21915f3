"""Times and numbers in words."""

from datetime import UTC, datetime

_STEPS = ((60, 1, "s"), (3_600, 60, "min"), (172_800, 3_600, "h"), (None, 86_400, "d"))


def span(seconds: float) -> str:
    """Return a length of time in its largest fitting unit: ``40 s``, ``3 h``, ``12 d``."""
    for below, unit, word in _STEPS:
        if below is None or seconds < below:
            return f"{int(seconds // unit):,} {word}"
    raise AssertionError("the last step has no end")


def relative(moment: datetime, now: datetime) -> str:
    """Return a time as people say it, from ``now``: ``3 h ago``, ``in 12 d``, ``now``."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def exact(moment: datetime) -> str:
    """Return a time to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def count(number: int) -> str:
    """Return a number with commas between thousands."""
    return f"{number:,}"
