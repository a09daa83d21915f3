"""Define a row of the table of answers, and when it matches."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The reaction to an answer."""

    REVOKED = "revoked"
    """The key is refused: all work of the tenant under it ends."""
    MISCONFIGURED = "misconfigured"
    """Settings or credentials must be fixed: the job fails."""
    TROUBLE = "trouble"
    """The call is retried. It is never treated as a revocation."""
    CORRUPT = "corrupt"
    """Stored data is damaged: an alarm is raised."""


class Responsible(StrEnum):
    """Who must act."""

    OWNER = "the key's owner"
    """The owner of the KMS key."""
    STORE = "the external key store's administrator"
    """The administrator of the external key store behind the key."""
    OPERATOR = "the operator"
    """The operator of this installation."""
    NOBODY = "none at first; the operator if it lasts"
    """Nothing to do unless the trouble lasts."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """An answer. ``names`` holds the error's code or, without an answer, the names of the error's classes."""

    names: frozenset[str]
    status: int = 0
    text: str = ""
    """The message in lower case."""
    state: str = ""
    """The key's state, if the code makes Entrakeep request it; ``UNSEEN`` if KMS does not show it."""
    ours: bool = False
    """True if the operator's own key is denied to the same credentials."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Answers of one meaning.

    A row matches an answer if each condition that it names matches. Empty conditions match anything. ``sentence`` may
    name ``arn``, ``code``, ``action``, ``state``, ``before`` (a date) and ``data_key``.
    """

    name: str
    kind: Kind
    responsible: Responsible
    means: str
    sentence: str
    codes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    least_status: int = 0
    ours: bool = False
    doubtful: bool = False
    """The answer does not say who denied. The operator's own key is tried before the key's owner is blamed."""
    unknown: bool = False
    """KMS reports no such key."""
    does: str = ""
    """The action taken in addition to that of ``kind``."""

    def fits(self, received: Received) -> bool:
        """Return True if this row matches the answer."""
        return (
            (not self.codes or not received.names.isdisjoint(self.codes))
            and (not self.states or received.state in self.states)
            and (not self.words or any(words in received.text for words in self.words))
            and received.status >= self.least_status
            and (received.ours or not self.ours)
        )


UNSEEN = "unseen"
"""The state of a key whose state KMS does not show."""
CORRUPT = "The wrapped data key {data_key} is not what AWS KMS made for this tenant and key ({code})."
