"""Times and ages in documents."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, overload

import msgspec

Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""A time as RFC 3339 text, in UTC."""


@overload
def moment(time: datetime) -> str: ...


@overload
def moment(time: datetime | None) -> str | None: ...


def moment(time: datetime | None) -> str | None:
    """Return a time as RFC 3339 text, in UTC, to the millisecond."""
    return None if time is None else f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


@overload
def to_second(text: str) -> str: ...


@overload
def to_second(text: str | None) -> str | None: ...


def to_second(text: str | None) -> str | None:
    """Return the text of ``moment`` cut to the second, as tables show it."""
    return None if text is None else f"{text[:19]}Z"


def whole_seconds(length: timedelta | None) -> int | None:
    """Return a length of time in whole seconds, or None."""
    return None if length is None else int(length.total_seconds())
