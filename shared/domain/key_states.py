"""States of a KMS key in which it cannot be used: what each means, and what to do about it.

Every sentence about a key's state comes from this table: that of a refusal, of a warning and of a failed check. (KMS
developer guide, "Key states of AWS KMS keys".)
"""

from datetime import datetime

import msgspec


class StateAdvice(msgspec.Struct, frozen=True, kw_only=True):
    """The advice on some states of a KMS key."""

    states: tuple[str, ...]
    """The states as AWS KMS names them. Empty stands for every state that has no row."""
    problem: str
    """A sentence on what is wrong. It may name ``arn`` and ``state``."""
    remedy: str
    """A sentence on who must do what. It may name ``before``: a date, or nothing."""
    warning: str | None = None
    """The word of the warning to give while the key still works, None for no warning."""

    @property
    def sentence(self) -> str:
        """Return the problem and the remedy, to be formatted."""
        return f"{self.problem} {self.remedy}"


DISABLED = StateAdvice(
    states=("Disabled",),
    problem="The KMS key {arn} is disabled.",
    remedy="Its owner must enable it in AWS KMS.",
    warning="disabled",
)
NO_MATERIAL = StateAdvice(
    states=("PendingImport",),
    problem="The KMS key {arn} has no key material.",
    remedy="Its owner must import it again.",
    warning="no-material",
)
DISCONNECTED = StateAdvice(
    states=("Unavailable",),
    problem="The key store of the KMS key {arn} is disconnected.",
    remedy="Its owner must connect it.",
    warning="store-away",
)
TO_BE_DELETED = StateAdvice(
    states=("PendingDeletion", "PendingReplicaDeletion"),
    problem="The KMS key {arn} is to be deleted, and with it all that it protects.",
    remedy="Its owner must cancel the deletion{before} and enable the key.",
    warning="deletion",
)
CHANGING = StateAdvice(
    states=("Creating", "Updating"),
    problem="The KMS key {arn} is being created or changed ({state}).",
    remedy="Wait a minute, then try again.",
)
UNKNOWN = StateAdvice(
    states=(),
    problem="The KMS key {arn} cannot be used in its current state ({state}).",
    remedy="Its owner must fix this.",
)
_ROWS = (DISABLED, NO_MATERIAL, DISCONNECTED, TO_BE_DELETED, CHANGING)
STATE_WARNINGS = frozenset(row.warning for row in _ROWS if row.warning is not None)
"""Words of the warnings about a key's state."""


def advice_on(state: str) -> StateAdvice:
    """Return the row of a state in which a key cannot be used."""
    return next((row for row in _ROWS if state in row.states), UNKNOWN)


def state_sentence(arn: str, state: str, deletion: datetime | None) -> str:
    """Return what is wrong with the key, and what to do. ``deletion`` is when the key will be deleted, or None."""
    return advice_on(state).sentence.format(arn=arn, state=state, before=before(deletion))


def before(date: datetime | None) -> str:
    """Return the words " before 2026-12-31" for a date, and nothing for None."""
    return f" before {date:%Y-%m-%d}" if date else ""
