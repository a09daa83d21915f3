"""Define a row of the table of S3's answers, and when it matches."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The reaction to an answer."""

    TROUBLE = "trouble"
    """The call is retried."""
    FULL = "full"
    """Space must be freed: the job fails with ``STORE_FULL``."""
    FORBIDDEN = "forbidden"
    """Settings, credentials or the bucket must be changed: the job fails with ``STORE_FORBIDDEN``."""
    UNSUITABLE = "unsuitable"
    """The store lacks what Entrakeep needs: the job fails with ``STORE_UNSUITABLE``."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """An answer. ``names`` holds the error's code or, without an answer, the names of the error's classes."""

    names: frozenset[str]
    status: int = 0
    text: str = ""
    """The message in lower case."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Answers of one meaning.

    A row matches an answer if each condition that it names matches. Empty conditions match anything. Of ``codes`` and
    ``statuses`` one match is enough. ``sentence`` may name ``bucket``, ``code``, ``name`` (of the object) and
    ``operation``.
    """

    name: str
    kind: Kind
    means: str
    sentence: str
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    fresh: bool = False
    """Fresh credentials are taken and the call is retried once before the error is reported."""

    def fits(self, received: Received) -> bool:
        """Return True if this row matches the answer."""
        named = not (self.codes or self.statuses) or (
            not received.names.isdisjoint(self.codes) or received.status in self.statuses
        )
        return named and (not self.words or any(words in received.text for words in self.words))
