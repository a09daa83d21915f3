"""A blob store that is used only while its mark is right."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime

from shared.domain.deadline import Deadline, seconds_since
from shared.domain.errors import Code, Refuse, StoreNotOurs
from shared.domain.limits import Limits
from shared.engine.store.mark import Look, Mark, State, decode_mark, encode_mark, problem_message
from shared.engine.store.witnesses import holds_objects_of
from shared.ports.blobs import RawStore
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.stores import KnownStore
from shared.vault.names import STORE_MARK
from shared.vault.rereading import read_twice


class MarkedStore:
    """``ports.blobs.BlobStore`` over another store, whose mark is checked before each read and write.

    Each process reads the mark once in ``store_look_seconds``, and again before a blob is reported as missing. On a disk the
    mark is read each time, because that is cheap. Until the catalog knows a mark, reads are not checked, and the first write
    makes or recognises the mark. Thread-safe. The methods raise ``StoreNotOurs`` and what the other store raises.
    """

    def __init__(self, store: RawStore, catalog: Catalog, limits: Limits, now: Callable[[], float]) -> None:
        """Wrap ``store``. ``now`` returns the seconds of a monotonic clock."""
        self._store = store
        self._catalog = catalog
        self._stores = catalog.stores()
        self._limits = limits
        self._lock = threading.RLock()
        self._mark: bytes | None = None
        self._now = now
        self._checked_at = 0.0
        """When the present mark was checked, on the monotonic clock."""
        self._problem: str | None = None
        self._pause = Deadline(0.0, now)
        """The time during which the store is not checked again after a problem."""

    @property
    def place(self) -> str:
        """Return where the store is: a bucket or a directory."""
        return self._store.place

    def check(self, *, afresh: bool = False) -> None:
        """Raise unless the store may be written to, and mark it the first time.

        With ``afresh``, read the mark again unless that was done within the last second.
        """
        self._trust(writes=True, afresh=afresh)

    def look(self) -> Look:
        """Return the store's mark and what the catalog knows. This changes nothing."""
        return Look(place=self.place, mark=self._read(), known=self._stores.known_stores())

    def prove(self) -> None:
        """Raise as ``check`` does, and Refuse ``STORE_UNSUITABLE`` if the store lacks a feature that writes need."""
        self._trust(writes=True)
        if (mark := self._mark) is not None:
            self._store.prove(STORE_MARK, mark)

    def recognise(self) -> None:
        """Accept the store's mark as the catalog's own, if the catalog knows none."""
        look = self.look()
        if look.state is State.UNKNOWN and look.mark is not None and look.mark.id:
            self._stores.record_mark(look.mark.id, self.place)

    def adopt(self) -> str:
        """Make this store the catalog's at the operator's request. Return its id.

        A store without a readable mark gets one. Raises Refuse ``STORE_FORBIDDEN`` if the store does not keep it.
        """
        mark = self._read()
        if mark is None or not mark.id:
            new_mark = encode_mark(str(uuid.uuid4()))
            if mark is None:
                self._store.prove(STORE_MARK, new_mark)
            else:
                self._store.put(STORE_MARK, new_mark)
            mark = self._read()
        if mark is None or not mark.id:
            raise Refuse(
                Code.STORE_FORBIDDEN,
                f"The store at {self.place} does not keep its new mark; check who else writes there.",
            )
        self._stores.adopt(mark.id, self.place)
        self._mark = self._problem = None
        return mark.id

    def put(self, name: str, data: bytes) -> None:
        self._trust(writes=True)
        self._store.put(name, data)

    def put_new(self, name: str, data: bytes) -> bool:
        self._trust(writes=True)
        return self._store.put_new(name, data)

    def get(self, name: str) -> bytes | None:
        self._trust()
        data = self._store.get(name)
        if data is None:
            self._trust(afresh=True)
        return data

    def delete(self, name: str) -> None:
        self._trust(writes=True)
        self._store.delete(name)

    def erase(self, name: str) -> None:
        self._trust(writes=True)
        self._store.erase(name)

    def names(self, prefix: str, *, deleted: bool = False) -> Iterator[str]:
        self._trust()
        return self._store.names(prefix, deleted=deleted)

    def locked_until(self, name: str) -> datetime | None:
        self._trust()
        return self._store.locked_until(name)

    def folders(self, prefix: str) -> list[str]:
        self._trust()
        return self._store.folders(prefix)

    def _trust(self, *, writes: bool = False, afresh: bool = False) -> None:
        """Raise ``StoreNotOurs`` unless the store may be used. ``writes`` and ``afresh`` mean what they do for ``check``."""
        if self._is_fresh(afresh):
            return
        with self._lock:
            if self._is_fresh(afresh):
                return
            if self._problem is not None and not self._pause.over:
                raise StoreNotOurs(self._problem)
            started_at, pause = self._now(), Deadline(self._limits.store_pause_seconds, self._now)
            try:
                mark = self._check_mark(writes)
            except StoreNotOurs as wrong:
                self._mark, self._problem, self._pause = None, wrong.message, pause
                raise
            self._mark, self._problem, self._checked_at = mark, None, started_at

    def _is_fresh(self, afresh: bool) -> bool:
        """Return whether the last check still counts. On a disk, read the mark instead."""
        mark = self._mark
        if mark is None:
            return False
        if self._store.near:
            return self._store.get(STORE_MARK) == mark
        return seconds_since(self._checked_at, self._now) < (
            self._limits.store_missing_seconds if afresh else self._limits.store_look_seconds
        )

    def _check_mark(self, writes: bool) -> bytes | None:
        """Return the mark's bytes if they are right, or None if the catalog knows no mark and nothing is to be written."""
        known = self._stores.known_stores()
        if known is None or not known.marked:
            if not writes:
                return None
            known = self._establish_mark(known or self._stores.choose(str(uuid.uuid4()), self.place))
        text = self._read_expected(known)
        if known.place != self.place:
            self._stores.record_mark(known.store_id, self.place)
        return text

    @read_twice
    def _read_expected(self, known: KnownStore) -> bytes | None:
        """Return the mark's bytes. Raise ``StoreNotOurs`` if they are not those of the ``known`` store."""
        text = self._store.get(STORE_MARK)
        look = Look(place=self.place, mark=decode_mark(text, self.place), known=known)
        if look.state is not State.OURS:
            raise StoreNotOurs(problem_message(look))
        return text

    def _establish_mark(self, chosen: KnownStore) -> KnownStore:
        """Mark the store, or recognise its mark. Return the store that the catalog knows from then on.

        Raises ``StoreNotOurs`` unless the store holds objects that SQL knows. If SQL knows no tenants, the store must be
        unmarked or carry the chosen id.
        """
        mark, tenants = self._read(), self._catalog.tenants(self._limits.witnesses)
        if tenants:
            is_ours = holds_objects_of(self._store, self._catalog, tenants)
        else:
            is_ours = mark is None or mark.id == chosen.store_id
        if not is_ours:
            raise StoreNotOurs(problem_message(Look(place=self.place, mark=mark, known=None)))
        if mark is None:
            self._store.prove(STORE_MARK, encode_mark(chosen.store_id))
            mark = self._read()
        if mark is not None and mark.id:
            self._stores.record_mark(mark.id, self.place)
        return self._stores.choose(chosen.store_id, self.place)

    def _read(self) -> Mark | None:
        return decode_mark(self._store.get(STORE_MARK), self.place)
