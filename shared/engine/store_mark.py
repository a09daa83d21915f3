"""The store's mark: an object that identifies the store, and a blob store that is used only while its mark is right.

A disk that is not mounted, a wrong bucket and a wrong prefix look like an empty store. Backups would succeed there, while the
blobs that they build on are elsewhere. So the store carries an id, SQL knows it, and the two are compared before use.
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
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.stores import KnownStore
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.keyring import FORMAT, check_key_object
from shared.vault.names import STORE_MARK, manifest_blob
from shared.vault.rereading import read_twice

_WITNESSES = 20
"""Number of tenants whose objects are looked up in a store without a known mark. One match is enough."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the mark."""

    format: str = FORMAT
    """The store's format and its version."""
    id: str
    """The store's id, empty if the mark cannot be read."""


class State(StrEnum):
    """How the store's mark compares with the catalog."""

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
        return None if self.state in (State.OURS, State.UNMARKED) else StoreNotOurs(_problem_message(self))


class MarkedStore:
    """``ports.blobs.BlobStore`` over another store, whose mark is checked before each read and write.

    Each process reads the mark once in ``store_look_seconds``, and again before a blob is reported as missing. On a disk the
    mark is read each time, because that is cheap. Until the catalog knows a mark, reads are not checked, and the first write
    makes or recognises the mark. Thread-safe. The methods raise ``StoreNotOurs`` and what the other store raises.
    """

    def __init__(self, store: RawStore, catalog: Catalog, limits: Limits) -> None:
        """Wrap ``store``, the catalog's by its mark."""
        self._store = store
        self._catalog = catalog
        self._stores = catalog.stores()
        self._limits = limits
        self._lock = threading.RLock()
        self._mark: bytes | None = None
        self._valid_at = self._invalid_at = -math.inf
        self._problem: str | None = None

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
            new_mark = _encode(str(uuid.uuid4()))
            if mark is None:
                self._store.prove(STORE_MARK, new_mark)
            else:
                self._store.put(STORE_MARK, new_mark)
            mark = self._read()
        if mark is None or not mark.id:
            raise Refuse(
                Code.STORE_FORBIDDEN, f"The store at {self.place} does not keep its mark; check who writes there."
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
            now = time.monotonic()
            if self._problem is not None and now < self._invalid_at + self._limits.store_pause_seconds:
                raise StoreNotOurs(self._problem)
            try:
                mark = self._check_mark(writes)
            except StoreNotOurs as wrong:
                self._mark, self._problem, self._invalid_at = None, wrong.message, now
                raise
            self._mark, self._problem, self._valid_at = mark, None, now

    def _is_fresh(self, afresh: bool) -> bool:
        """Return whether the last check still counts. On a disk, read the mark instead."""
        mark = self._mark
        if mark is None:
            return False
        if self._store.near:
            return self._store.get(STORE_MARK) == mark
        return time.monotonic() < self._valid_at + (1.0 if afresh else self._limits.store_look_seconds)

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
        look = Look(place=self.place, mark=self._decode(text), known=known)
        if look.state is not State.OURS:
            raise StoreNotOurs(_problem_message(look))
        return text

    def _establish_mark(self, chosen: KnownStore) -> KnownStore:
        """Mark the store, or recognise its mark. Return the store that the catalog knows from then on.

        Raises ``StoreNotOurs`` unless the store holds objects that SQL knows. If SQL knows no tenants, the store must be
        unmarked or carry the chosen id.
        """
        mark, tenants = self._read(), self._catalog.tenants(_WITNESSES)
        belongs_to_catalog = self._holds_objects_of(tenants) if tenants else mark is None or mark.id == chosen.store_id
        if not belongs_to_catalog:
            raise StoreNotOurs(_problem_message(Look(place=self.place, mark=mark, known=None)))
        if mark is None:
            self._store.prove(STORE_MARK, _encode(chosen.store_id))
            mark = self._read()
        if mark is not None and mark.id:
            self._stores.record_mark(mark.id, self.place)
        return self._stores.choose(chosen.store_id, self.place)

    def _holds_objects_of(self, tenants: list[Tenant]) -> bool:
        """Return whether the newest manifest, or the key object for credentials, of any of these tenants matches SQL."""
        handles = [self._catalog.tenant(tenant.tenant_id) for tenant in tenants]
        return any(self._holds_manifest(handle) or self._holds_key(handle) for handle in handles)

    def _holds_manifest(self, catalog: TenantCatalog) -> bool:
        """Return whether the tenant's newest manifest is in the store, with the hash that SQL has."""
        try:
            snapshot = catalog.snapshots.get("latest")
        except Refuse:
            return False
        sealed = self._store.get(manifest_blob(catalog.tenant_id, snapshot.snapshot_id))
        return sealed is not None and hashlib.sha256(sealed).hexdigest() == snapshot.manifest_sha256

    def _holds_key(self, catalog: TenantCatalog) -> bool:
        """Return whether the key object of the tenant's data key for credentials matches SQL."""
        key = catalog.keys.find(Purpose.SECRETS, None)
        try:
            return key is not None and bool(check_key_object(self._store, catalog.tenant_id, key))
        except Alarm:
            return False

    def _read(self) -> Mark | None:
        return self._decode(self._store.get(STORE_MARK))

    def _decode(self, text: bytes | None) -> Mark | None:
        """Return the mark, with an empty id if it is malformed. Raise Refuse ``FORMAT_UNKNOWN`` for an unknown format."""
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


def _encode(store_id: str) -> bytes:
    return msgspec.json.encode(Mark(id=store_id))


def _problem_message(look: Look) -> str:
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
