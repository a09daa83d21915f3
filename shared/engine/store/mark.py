"""The store's mark: an object that identifies the store, compared with what the catalog knows.

A disk that is not mounted, a wrong bucket and a wrong prefix look like an empty store. Backups would succeed there, while the
blobs that they build on are elsewhere. So the store carries an id, SQL knows it, and the two are compared before use.
"""

from enum import StrEnum

import msgspec

from shared.domain.errors import Code, Refuse, StoreNotOurs
from shared.ports.catalog.stores import KnownStore
from shared.vault.keyring import FORMAT


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the mark."""

    format: str = FORMAT
    """The store's format and its version."""
    id: str
    """The store's id, empty if the mark cannot be read."""


class State(StrEnum):
    """The state of the store's mark in comparison with the catalog."""

    OURS = "ours"
    """The store carries the mark that the catalog knows."""
    UNMARKED = "unmarked"
    """Neither has an id: the first job marks the store."""
    UNKNOWN = "unknown"
    """The store carries a mark, and the catalog knows none."""
    MISSING = "missing"
    """The catalog knows a mark, and the store carries none."""
    ANOTHER = "another"
    """The store carries the mark of another store."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The store's mark, and the store that the catalog knows, at one moment."""

    place: str
    """Where the store is: a bucket or a directory."""
    mark: Mark | None
    """The mark, None if the store carries none."""
    known: KnownStore | None
    """The store that the catalog knows, None if it knows none."""

    @property
    def state(self) -> State:
        """Return how the mark compares with the catalog."""
        if self.known is None or not self.known.marked:
            return State.UNMARKED if self.mark is None else State.UNKNOWN
        if self.mark is None:
            return State.MISSING
        return State.OURS if self.mark.id == self.known.store_id else State.ANOTHER

    @property
    def problem(self) -> StoreNotOurs | None:
        """Return the error to raise if the store is not the catalog's, otherwise None."""
        return None if self.state in (State.OURS, State.UNMARKED) else StoreNotOurs(problem_message(self))


def encode_mark(store_id: str) -> bytes:
    """Return the mark's bytes for a store with this id."""
    return msgspec.json.encode(Mark(id=store_id))


def decode_mark(data: bytes | None, place: str) -> Mark | None:
    """Return the mark, with an empty id if it is malformed; None if there is none.

    Raise Refuse ``FORMAT_UNKNOWN`` for an unknown format. The error names the store's ``place``.
    """
    if data is None:
        return None
    try:
        mark = msgspec.json.decode(data, type=Mark)
    except (msgspec.DecodeError, UnicodeError):
        return Mark(id="")
    if mark.format != FORMAT:
        raise Refuse(
            Code.FORMAT_UNKNOWN, f"The store at {place} has the unknown format {mark.format!r}; update Entrakeep."
        )
    return mark


def problem_message(look: Look) -> str:
    """Return what is wrong with the store, with both places, and what to do."""
    known, mark = look.known, look.mark
    if mark is None:
        carried = "carries no mark: it is empty, another one, or its disk is not mounted"
    elif not mark.id:
        carried = "carries a mark that cannot be read"
    else:
        carried = f"carries the mark {mark.id}, of another store"
    ours = (
        f"This catalog's store is {known.store_id}, seen last at {known.place}"
        if known is not None
        else "This catalog has seen no store yet, and nothing that it knows of is stored there"
    )
    return (
        f"The store at {look.place} {carried}. {ours}. Nothing is read or written until it is back; if it is the right one, "
        "'entrakeep store adopt' takes it over."
    )
