"""The health of a tenant's KMS key: results of probes, the condition to report, and the next probe. Rules without I/O."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from shared.domain.errors import Code
from shared.domain.key_states import STATE_WARNINGS
from shared.domain.limits import LIMITS

WELL = "KMS answers for the key."


NO_NEW_DATA_KEYS = "no-new-data-keys"
"""The warning that KMS opens existing data keys but makes no new ones, so due times make no backups."""


class KeyCondition(StrEnum):
    """The condition of a KMS key."""

    OK = "ok"
    """KMS opens the tenant's data keys."""
    REVOKED = "revoked"
    """KMS refuses the key."""
    UNREACHABLE = "unreachable"
    """KMS does not answer, throttles or has an error."""
    MISCONFIGURED = "misconfigured"
    """The operator or the tenant's administrator must change a setting or credential."""
    DAMAGED = "damaged"
    """A data key that KMS wrapped for this tenant no longer opens. No change of the KMS key fixes that."""


ANSWERS = frozenset({KeyCondition.REVOKED, KeyCondition.UNREACHABLE})
"""Conditions that one answer for the key disproves; ``misconfigured`` may concern another process's credentials."""
DISPROVED = STATE_WARNINGS
"""Warnings about a state of the key in which KMS would not have answered for it."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one probe."""

    condition: KeyCondition
    code: Code | None
    """None if the key may be used."""
    message: str
    """A sentence about the result."""


class KeyWarning(msgspec.Struct, frozen=True, kw_only=True):
    """A future obstacle to the tenant's backups, unless somebody acts."""

    warning: str
    """A word of a closed list."""
    message: str
    """A sentence for people."""
    at: datetime | None = None
    """When the obstacle begins, if that is known."""


class KeyHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The health of the key ``arn``."""

    arn: str
    condition: KeyCondition
    """The condition to report."""
    since: datetime
    """When the key got this condition."""
    code: Code | None = None
    message: str = ""
    last_result: KeyCondition | None = None
    """The condition that the last probe got."""
    checked_at: datetime | None = None
    """When the last probe ended."""
    looked_at: datetime | None = None
    """When the last closer look ended."""
    warnings: list[KeyWarning] = []
    """The warnings of the last closer look."""


class KeyEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the key's condition or warnings."""

    number: int
    """The number among the tenant's key events."""
    at: datetime
    arn: str
    condition: KeyCondition
    code: Code | None
    message: str
    warnings: list[KeyWarning] = []


def next_condition(current: KeyCondition, previous_probe: KeyCondition | None, probe: KeyCondition) -> KeyCondition:
    """Return the condition to report after a probe, given the current one and the result of the previous probe.

    A refusal counts at once. A single silence is not an outage. A single success after a refusal may come from a part
    of AWS that has not seen the change yet. Both count when the next probe gets the same result. (KMS developer guide,
    "AWS KMS eventual consistency".)
    """
    at_once = probe is not KeyCondition.UNREACHABLE
    if probe is KeyCondition.OK:
        at_once = current is KeyCondition.UNREACHABLE
    return probe if at_once or probe in (current, previous_probe) else current


class KeyDay(NamedTuple):
    """The worst that a day brought for a key."""

    day: date
    condition: KeyCondition | None
    """The worst condition on that day; None before the tenant existed."""
    warned: bool
    """True if there were warnings on that day."""


_WORST_FIRST = (
    KeyCondition.REVOKED,
    KeyCondition.DAMAGED,
    KeyCondition.MISCONFIGURED,
    KeyCondition.UNREACHABLE,
    KeyCondition.OK,
)


def days_of(history: Sequence[KeyEvent], begun_at: datetime, now: datetime, days: int) -> list[KeyDay]:
    """Return the last ``days`` days in UTC, oldest first. ``history`` is newest first; before it the key was well.

    ``begun_at`` is when the tenant was added.
    """
    condition, warned = KeyCondition.OK, False
    events = list(reversed(history))
    result = []
    first = now.astimezone(UTC).date() - timedelta(days=days - 1)
    for day in (first + timedelta(days=n) for n in range(days)):
        conditions, warnings = [condition], warned
        while events and events[0].at.astimezone(UTC).date() <= day:
            event = events.pop(0)
            condition, warned = event.condition, bool(event.warnings)
            if event.at.astimezone(UTC).date() == day:
                conditions.append(condition)
                warnings = warnings or warned
            else:
                conditions, warnings = [condition], warned
        exists = day >= begun_at.astimezone(UTC).date()
        result.append(KeyDay(day, min(conditions, key=_WORST_FIRST.index) if exists else None, exists and warnings))
    return result


REGAINED_FOR = timedelta(days=1)
"""How long it is worth saying that a key answers again."""


def regained(health: KeyHealth, begun_at: datetime, now: datetime) -> bool:
    """Return True if the key answers again since not long ago. ``begun_at`` is when the tenant was added."""
    well = health.condition is KeyCondition.OK
    return well and health.since > begun_at and now - health.since <= REGAINED_FOR


def makes_nothing_new(warnings: list[KeyWarning]) -> bool:
    """Return True if backups wait for the key, although it opens existing data keys."""
    return any(warning.warning == NO_NEW_DATA_KEYS for warning in warnings)


def wait_for(
    current: KeyCondition, probe: KeyCondition, every: float, lease: float, warnings: list[KeyWarning]
) -> float:
    """Return the seconds until the next probe.

    While the key is refused, or makes no new data keys, it is probed twice a lease. So a remembered refusal is never
    older than a lease, and due times make no jobs while it lasts.
    """
    if probe is not current:
        return min(every, LIMITS.probe_again_seconds)
    return min(every, lease / 2) if current is KeyCondition.REVOKED or makes_nothing_new(warnings) else every
