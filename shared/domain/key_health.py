"""How a tenant's KMS key is: what one probe found, what is held to be so, and when to look again. Rules without I/O."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.errors import Code

WELL = "KMS answers for the key."
SOON = 5.0
"""Seconds until a finding that says something new is looked at once more."""


NO_NEW_DATA_KEYS = "no-new-data-keys"
"""The warning that KMS opens what stands and makes nothing new: due times make no backups."""


class KeyCondition(StrEnum):
    OK = "ok"
    REVOKED = "revoked"
    UNREACHABLE = "unreachable"
    MISCONFIGURED = "misconfigured"
    DAMAGED = "damaged"
    """What KMS made for this tenant does not open any more: no key will mend that."""


ANSWERS = frozenset({KeyCondition.REVOKED, KeyCondition.UNREACHABLE})
"""Conditions that one answer for the key disproves. What is misconfigured may be another process's credentials."""
DISPROVED = frozenset({"disabled", "no-material", "store-away", "deletion"})
"""Warnings about a state of the key in which KMS would not have answered for it."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one probe found. ``code`` is None, and ``message`` says so, if the key may be used."""

    condition: KeyCondition
    code: Code | None
    message: str


class KeyWarning(msgspec.Struct, frozen=True, kw_only=True):
    """What will stop the tenant's backups unless somebody acts: a word of a closed list, our sentence, and a date if there
    is one."""

    warning: str
    message: str
    at: datetime | None = None


class KeyHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How the key ``arn`` is held to be, ``since`` then; what the last probe found; the warnings of the last closer look."""

    arn: str
    condition: KeyCondition
    since: datetime
    code: Code | None = None
    message: str = ""
    found: KeyCondition | None = None
    checked_at: datetime | None = None
    looked_at: datetime | None = None
    warnings: list[KeyWarning] = []


class KeyEvent(msgspec.Struct, frozen=True, kw_only=True):
    """That the key's condition or its warnings changed. Numbered within the tenant."""

    number: int
    at: datetime
    arn: str
    condition: KeyCondition
    code: Code | None
    message: str
    warnings: list[KeyWarning] = []


def confirmed(held: KeyCondition, last: KeyCondition | None, found: KeyCondition) -> KeyCondition:
    """What is held to be so after a probe has ``found`` this, the one before it ``last``.

    A refusal counts at once. One silence is no outage, and one success after a refusal may be the last answer of a part of
    AWS that does not know better yet: both count when the next probe finds the same. (KMS developer guide, "AWS KMS
    eventual consistency".)
    """
    at_once = found is not KeyCondition.UNREACHABLE
    if found is KeyCondition.OK:
        at_once = held is KeyCondition.UNREACHABLE
    return found if at_once or found in (held, last) else held


def makes_nothing_new(warnings: list[KeyWarning]) -> bool:
    """Whether backups wait for the key, though it opens what stands."""
    return any(warning.warning == NO_NEW_DATA_KEYS for warning in warnings)


def wait_for(held: KeyCondition, found: KeyCondition, every: float, lease: float, warnings: list[KeyWarning]) -> float:
    """Seconds until the next probe.

    While the key is refused, or makes nothing new, it is asked for twice a lease: what is remembered of it then never grows
    older than a lease, and due times make no jobs for as long as it lasts.
    """
    if found is not held:
        return min(every, SOON)
    return min(every, lease / 2) if held is KeyCondition.REVOKED or makes_nothing_new(warnings) else every
