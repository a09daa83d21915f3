"""What a row of the table of S3's answers says, and when it fits."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is done about an answer."""

    TROUBLE = "trouble"
    """Tried again."""
    FULL = "full"
    """Somebody must make room: the job fails with ``STORE_FULL``."""
    FORBIDDEN = "forbidden"
    """Somebody must change settings, credentials or the bucket: the job fails with ``STORE_FORBIDDEN``."""
    UNSUITABLE = "unsuitable"
    """The store lacks what Entrakeep needs: the job fails with ``STORE_UNSUITABLE``."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """An answer. ``names`` are the error's code, or, where nothing was answered, the classes of the error."""

    names: frozenset[str]
    status: int = 0
    text: str = ""
    """The message, in small letters."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Answers of one meaning. A row fits an answer if all that it names does; what it leaves empty fits anything.

    ``statuses`` fit beside ``codes``: one of the two is enough. ``sentence`` may name ``bucket``, ``code``, ``name`` (of the
    object) and ``operation``.
    """

    name: str
    kind: Kind
    means: str
    sentence: str
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    fresh: bool = False
    """Fresh credentials are taken, and the call is made once more, before anything is said."""

    def fits(self, received: Received) -> bool:
        named = not (self.codes or self.statuses) or (
            not received.names.isdisjoint(self.codes) or received.status in self.statuses
        )
        return named and (not self.words or any(words in received.text for words in self.words))
