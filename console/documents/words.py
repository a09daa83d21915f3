"""Numbers and lengths of time in words."""

from datetime import timedelta

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun, such as ``1 record`` or ``2,000 records``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def duration(length: timedelta) -> str:
    """Return a length of time in its two largest units, such as ``2 min 11 s`` or ``3 d``."""
    rest = max(0, int(length.total_seconds()))
    parts: list[tuple[int, str]] = []
    for seconds, unit in _UNITS:
        number, rest = divmod(rest, seconds)
        if number or parts:
            parts.append((number, unit))
    return " ".join(f"{number:,} {unit}" for number, unit in parts[:2] if number) or "0 s"
