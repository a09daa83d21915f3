"""The store's mark: an object that says which store this is, and a blob store that is used only while its mark is right.

A disk that is not mounted, a wrong bucket and a wrong prefix look like an empty store: backups would succeed there, beside
older ones whose blobs are elsewhere. So the store carries an id, SQL knows it, and the two are compared before use.
"""

import hashlib
import math
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.errors import Alarm, Code, Refuse, StoreNotOurs
from shared.domain.limits import Limits
from shared.domain.model import Purpose, Tenant
from shared.ports.blobs import RawStore
from shared.ports.catalog import Catalog, TenantCatalog
from shared.ports.stores import KnownStore
from shared.vault.keyring import FORMAT, check_key_object
from shared.vault.names import STORE_MARK, manifest_blob
from shared.vault.rereading import read_twice

_WITNESSES = 20
"""Tenants of whom anything is looked for in a store that carries no mark yet: one that is right is enough."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What the mark says. ``id`` is empty if it cannot be read."""

    format: str = FORMAT
    id: str


class State(StrEnum):
    """How the store's mark and the catalog go together."""

    OURS = "ours"
    UNMARKED = "unmarked"
    """Neither carries an id: the first job marks the store."""
    UNKNOWN = "unknown"
    """The store carries a mark, and the catalog knows none."""
    MISSING = "missing"
    """The catalog knows a mark, and the store carries none."""
    ANOTHER = "another"
    """The store carries the mark of another one."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A look at the store: its mark, None if it carries none, and what the catalog knows."""

    place: str
    mark: Mark | None
    known: KnownStore | None

    @property
    def state(self) -> State:
        if self.known is None or not self.known.marked:
            return State.UNMARKED if self.mark is None else State.UNKNOWN
        if self.mark is None:
            return State.MISSING
        return State.OURS if self.mark.id == self.known.store_id else State.ANOTHER

    @property
    def problem(self) -> StoreNotOurs | None:
        """What is wrong with the store as far as a look tells, with both places, and what to do."""
        return None if self.state in (State.OURS, State.UNMARKED) else StoreNotOurs(_sentence(self))


class MarkedStore:
    """``ports.blobs.BlobStore`` over another one, whose mark is looked at before anything is read or written.

    The mark is read once in ``store_look_seconds`` a process, and again before a blob is said to be missing; on a disk, where
    that costs next to nothing, it is read each time. Until the catalog knows a mark, reading is free, and the first writing
    makes or recognises the mark. May be used from any thread. Its methods raise ``StoreNotOurs`` beside what the other store
    raises.
    """

    def __init__(self, store: RawStore, catalog: Catalog, limits: Limits) -> None:
        self._store = store
        self._catalog = catalog
        self._stores = catalog.stores()
        self._limits = limits
        self._lock = threading.RLock()
        self._mark: bytes | None = None
        self._right_at = self._wrong_at = -math.inf
        self._wrong: str | None = None

    @property
    def place(self) -> str:
        return self._store.place

    def check(self, *, afresh: bool = False) -> None:
        """Raise unless the store may be written to; the first time, mark it. ``afresh``: do not rely on an earlier look."""
        self._trust(writes=True, afresh=afresh)

    def look(self) -> Look:
        """Look at the store and change nothing."""
        return Look(place=self.place, mark=self._read(), known=self._stores.known())

    def prove(self) -> None:
        """Raise as ``check`` does, and Refuse ``STORE_UNSUITABLE`` if the store lacks what writing needs."""
        self._trust(writes=True)
        if (mark := self._mark) is not None:
            self._store.prove(STORE_MARK, mark)

    def recognise(self) -> None:
        """Take a mark that is there for the catalog's own, if the catalog knows none."""
        look = self.look()
        if look.state is State.UNKNOWN and look.mark is not None and look.mark.id:
            self._stores.seen(look.mark.id, self.place)

    def adopt(self) -> str:
        """Make this store the catalog's, on purpose; give it a mark if it has none that can be read. Return the id."""
        mark = self._read()
        if mark is None or not mark.id:
            fresh = _encoded(str(uuid.uuid4()))
            if mark is None:
                self._store.prove(STORE_MARK, fresh)
            else:
                self._store.put(STORE_MARK, fresh)
            mark = self._read()
        if mark is None or not mark.id:
            raise Refuse(
                Code.STORE_FORBIDDEN, f"The store at {self.place} does not keep its mark; check who writes there."
            )
        self._stores.adopt(mark.id, self.place)
        self._mark = self._wrong = None
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
        """Return if the store may be used. ``afresh``: what was seen more than a second ago does not count."""
        if self._still_right(afresh):
            return
        with self._lock:
            if self._still_right(afresh):
                return
            now = time.monotonic()
            if self._wrong is not None and now < self._wrong_at + self._limits.store_pause_seconds:
                raise StoreNotOurs(self._wrong)
            try:
                mark = self._looked(writes)
            except StoreNotOurs as wrong:
                self._mark, self._wrong, self._wrong_at = None, wrong.message, now
                raise
            self._mark, self._wrong, self._right_at = mark, None, now

    def _still_right(self, afresh: bool) -> bool:
        mark = self._mark
        if mark is None:
            return False
        if self._store.near:
            return self._store.get(STORE_MARK) == mark
        return time.monotonic() < self._right_at + (1.0 if afresh else self._limits.store_look_seconds)

    def _looked(self, writes: bool) -> bytes | None:
        """Return the mark's bytes once they are right; None if nobody knows yet what is right, and nothing is written."""
        known = self._stores.known()
        if known is None or not known.marked:
            if not writes:
                return None
            known = self._marked(known or self._stores.choose(str(uuid.uuid4()), self.place))
        text = self._carried_by(known)
        if known.place != self.place:
            self._stores.seen(known.store_id, self.place)
        return text

    @read_twice
    def _carried_by(self, known: KnownStore) -> bytes | None:
        """Return the mark's bytes if they are this store's. Raise ``StoreNotOurs`` if not."""
        text = self._store.get(STORE_MARK)
        look = Look(place=self.place, mark=self._decoded(text), known=known)
        if look.state is not State.OURS:
            raise StoreNotOurs(_sentence(look))
        return text

    def _marked(self, chosen: KnownStore) -> KnownStore:
        """Mark the store, or recognise its mark, if it holds what SQL says, or SQL says nothing. Return what counts then."""
        mark, tenants = self._read(), self._catalog.tenants()
        rightful = self._holds_anything_of(tenants) if tenants else mark is None or mark.id == chosen.store_id
        if not rightful:
            raise StoreNotOurs(_sentence(Look(place=self.place, mark=mark, known=None)))
        if mark is None:
            self._store.prove(STORE_MARK, _encoded(chosen.store_id))
            mark = self._read()
        if mark is not None and mark.id:
            self._stores.seen(mark.id, self.place)
        return self._stores.choose(chosen.store_id, self.place)

    def _holds_anything_of(self, tenants: list[Tenant]) -> bool:
        """Return whether the newest manifest, or the key object for credentials, of a tenant is what SQL says."""
        handles = [self._catalog.tenant(tenant.tenant_id) for tenant in tenants[:_WITNESSES]]
        return any(self._holds_manifest(handle) or self._holds_key(handle) for handle in handles)

    def _holds_manifest(self, catalog: TenantCatalog) -> bool:
        try:
            snapshot = catalog.snapshots.get("latest")
        except Refuse:
            return False
        sealed = self._store.get(manifest_blob(catalog.tenant_id, snapshot.snapshot_id))
        return sealed is not None and hashlib.sha256(sealed).hexdigest() == snapshot.manifest_sha256

    def _holds_key(self, catalog: TenantCatalog) -> bool:
        key = catalog.keys.find(Purpose.SECRETS, None)
        try:
            return key is not None and bool(check_key_object(self._store, catalog.tenant_id, key))
        except Alarm:
            return False

    def _read(self) -> Mark | None:
        return self._decoded(self._store.get(STORE_MARK))

    def _decoded(self, text: bytes | None) -> Mark | None:
        if text is None:
            return None
        try:
            mark = msgspec.json.decode(text, type=Mark)
        except (msgspec.DecodeError, UnicodeError):
            return Mark(id="")
        if mark.format != FORMAT:
            raise Refuse(
                Code.FORMAT_UNKNOWN, f"The store at {self.place} is of the format {mark.format!r}; update Entrakeep."
            )
        return mark


def _encoded(store_id: str) -> bytes:
    return msgspec.json.encode(Mark(id=store_id))


def _sentence(look: Look) -> str:
    """What is wrong, with both places, and what to do."""
    known, mark = look.known, look.mark
    if mark is None:
        carries = "carries no mark: it is empty, another one, or its disk is not mounted"
    elif not mark.id:
        carries = "carries a mark that cannot be read"
    else:
        carries = f"carries the mark {mark.id}, of another store"
    ours = (
        f"This catalog's store is {known.store_id}, seen last at {known.place}"
        if known is not None
        else "This catalog has seen no store yet, and nothing that it knows of is stored there"
    )
    return (
        f"The store at {look.place} {carries}. {ours}. Nothing is read or written until it is back; if it is the right one, "
        "'entrakeep store adopt' takes it over."
    )
