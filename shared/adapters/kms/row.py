"""What a row of the table of answers says, and when it fits."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is done about an answer."""

    REVOKED = "revoked"
    """The key is refused: everything of the tenant under it ends."""
    MISCONFIGURED = "misconfigured"
    """Somebody must mend settings or credentials: the job fails."""
    TROUBLE = "trouble"
    """Asked again. Never taken for a revocation."""
    CORRUPT = "corrupt"
    """What is stored is not what was stored: alarm."""


class Who(StrEnum):
    """Who must act."""

    OWNER = "the key's owner"
    STORE = "who runs the external key store"
    OPERATOR = "the operator"
    NOBODY = "nobody, it passes; the operator if it stays"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was told. ``names`` are the error's code, or, where nothing was answered, the classes of the error."""

    names: frozenset[str]
    status: int = 0
    said: str = ""
    """The message, in small letters."""
    state: str = ""
    """The key's state, where the code makes one ask for it; ``UNSEEN`` if KMS does not show it."""
    ours: bool = False
    """Whether the provider key is denied to the same credentials."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """An answer. It fits what was told if all that it names does; what it leaves empty fits anything.

    ``sentence`` may name ``arn``, ``code``, ``action``, ``state``, ``before`` (a date) and ``data_key``.
    """

    name: str
    kind: Kind
    who: Who
    means: str
    sentence: str
    codes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    least_status: int = 0
    ours: bool = False
    doubtful: bool = False
    """The answer does not say whose side refuses: our own is looked at before the key's owner is blamed."""
    unknown: bool = False
    """KMS knows no such key."""
    does: str = ""
    """What is done beside what its kind says."""

    def fits(self, told: Told) -> bool:
        return (
            (not self.codes or not told.names.isdisjoint(self.codes))
            and (not self.states or told.state in self.states)
            and (not self.words or any(words in told.said for words in self.words))
            and told.status >= self.least_status
            and (told.ours or not self.ours)
        )


UNSEEN = "unseen"
"""For a key whose state KMS does not show us."""
CORRUPT = "The wrapped data key {data_key} is not what AWS KMS made for this tenant and key ({code})."
