"""Names for ids: read from the snapshots themselves, in one pass over the objects that may have them."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence, Set

from shared.domain.compare import Record
from shared.domain.naming import names_in
from shared.domain.records import decode_id, is_guid, object_order
from shared.domain.resources import RESOURCES, properties_of
from shared.vault.snapshot_reader import SnapshotReader
from shared.vault.touched import Touched

_ID_BYTES = 16


class Names:
    """The names of objects by id, in about 60 bytes an object whose id is a GUID."""

    def __init__(self) -> None:
        self._tables: list[_Table] = []
        self._others: dict[str, str] = {}
        self._applications: dict[str, str] = {}

    def add(self, records: Iterator[Record]) -> None:
        """Add the names of one resource's objects, given as its sorted records. Earlier names of an id stay."""
        table = _Table()
        for key, value in records:
            name, app_id = names_in(value)
            if name is None:
                continue
            object_id = decode_id(key.rpartition(b"/")[2].decode())
            guid = _guid(object_id)
            if guid is not None:
                table.append(guid, name)
            else:
                self._others.setdefault(object_id, name)
            if app_id is not None:
                self._applications.setdefault(app_id.lower(), name)
        self._tables.append(table)

    def find(self, object_id: str) -> str | None:
        """Return the name of the object with this id, or of the application with this ``appId``, or None."""
        guid = _guid(object_id)
        if guid is None:
            return self._others.get(object_id)
        names = (table.find(guid) for table in self._tables)
        return next((name for name in names if name is not None), self._applications.get(object_id.lower()))


class _Table:
    """The names of the objects of one resource, sorted by id."""

    def __init__(self) -> None:
        self._ids = bytearray()
        self._names = bytearray()
        self._ends = array("Q", [0])

    def append(self, guid: bytes, name: str) -> None:
        """Add the name of an object whose id sorts after all others."""
        self._ids += guid
        self._names += name.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._names))

    def find(self, guid: bytes) -> str | None:
        """Return the name of an object, or None if it is not here."""
        n = bisect_left(range(len(self._ends) - 1), guid, key=self._id)
        if n == len(self._ends) - 1 or self._id(n) != guid:
            return None
        return self._names[self._ends[n] : self._ends[n + 1]].decode("utf-8", "surrogatepass")

    def _id(self, n: int) -> bytes:
        return bytes(self._ids[n * _ID_BYTES : (n + 1) * _ID_BYTES])


def read_names(readers: Sequence[SnapshotReader], ids: Set[str] | None, app_ids: Set[str] = frozenset()) -> Names:
    """Return the names of the objects with these ids, or of all objects if ``ids`` is None.

    The first reader's names win. ``app_ids`` are ids of applications (``appId``). To find these, all service principals
    and applications are read, because their keys do not contain the ``appId``. Raise what reading raises.
    """
    names = Names()
    for reader in readers:
        missing = None if ids is None else {each for each in ids if each and names.find(each) is None}
        missing_apps = {each for each in app_ids if names.find(each) is None}
        for resource in filter(_has_names, reader.resources):
            if missing is None or (missing_apps and "appId" in properties_of(resource)):
                names.add(reader.stored_records(resource))
            elif missing:
                orders = sorted(object_order(resource, each) for each in missing)
                names.add(reader.stored_records(resource, Touched(orders)))
    return names


def _has_names(resource: str) -> bool:
    """Return True if the resource's objects have names."""
    return resource in RESOURCES and "displayName" in properties_of(resource)


def _guid(text: str) -> bytes | None:
    """Return a GUID's 16 bytes, which sort as its text in lower case does, or None if the text is not a GUID."""
    return bytes.fromhex(text.replace("-", "")) if is_guid(text) else None
