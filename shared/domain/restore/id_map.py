"""The id map: which id an object has now that was restored under a new one."""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

import msgspec

from shared.domain.records import decode_id, encode_id

_GUID = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


ID_MAP = "idMap"
"""The resource of a snapshot that has the id map. Its records are no objects of the directory."""


class EntryState(StrEnum):
    """The state of an entry of the id map."""

    INTENDED = "intended"
    """The object is about to be created, or its creation got no answer."""
    CREATED = "created"
    """The object exists under its new id."""


class MapEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An object that was, or is about to be, created anew.

    An application has two entries, one for its id and one for its ``appId``.
    """

    old_id: str
    """The id in the snapshot. Unique within a tenant."""
    first_id: str
    """The id under which the first backup of the object knew it."""
    current_id: str | None
    """The id now; None while it is not known."""
    resource: str
    state: EntryState
    job_id: str
    """The restore that created it."""
    mark: str = ""
    """The text, unique for this creation, by which the object is found if the answer is lost."""


class StoredEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The value of a record of the id map in a snapshot. The key has the old id."""

    first: str
    current: str
    resource: str
    job: str


def record_of(entry: MapEntry) -> tuple[bytes, bytes] | None:
    """Return the record of an entry in a snapshot, None if its object was not created."""
    if entry.current_id is None:
        return None
    value = StoredEntry(first=entry.first_id, current=entry.current_id, resource=entry.resource, job=entry.job_id)
    return ID_MAP.encode() + b"/" + encode_id(entry.old_id), msgspec.json.encode(value)


def entry_in(key: bytes, value: bytes) -> MapEntry:
    """Return the entry of a record of a snapshot. Raise msgspec.ValidationError or DecodeError."""
    stored = msgspec.json.decode(value, type=StoredEntry)
    return MapEntry(
        old_id=decode_id(key.rpartition(b"/")[2].decode()),
        first_id=stored.first,
        current_id=stored.current,
        resource=stored.resource,
        state=EntryState.CREATED,
        job_id=stored.job,
    )


class IdMap:
    """The entries of a tenant, followed from any earlier id to the current one."""

    def __init__(self, entries: Iterable[MapEntry]) -> None:
        """Take the entries whose objects exist."""
        self._current: dict[str, str] = {
            entry.old_id.lower(): entry.current_id for entry in entries if entry.current_id is not None
        }

    def __len__(self) -> int:
        return len(self._current)

    def add(self, entry: MapEntry) -> None:
        """Take one more entry whose object exists."""
        if entry.current_id is not None:
            self._current[entry.old_id.lower()] = entry.current_id

    def current(self, object_id: str) -> str:
        """Return the current id of an object: its own id if it was never created anew."""
        later = self.path(object_id)
        return later[-1] if later else object_id

    def path(self, object_id: str) -> list[str]:
        """Return the ids that the object has had after this one, the current one last."""
        later = list[str]()
        seen = set[str]()
        while (key := object_id.lower()) in self._current and key not in seen:
            seen.add(key)
            object_id = self._current[key]
            later.append(object_id)
        return later

    def earlier(self) -> Mapping[str, str]:
        """Return the current id by earlier id, in lower case."""
        return {old: self.current(old) for old in self._current}

    def rewritten(self, text: bytes) -> bytes:
        """Return a text, such as a JSON value or a path, with every earlier id replaced by the current one.

        Ids are replaced everywhere in the text: in lists, paths and membership rules. GUIDs do not collide.
        """
        return replace_ids(text, self.current) if self._current else text


def replace_ids(text: bytes, current: Callable[[str], str]) -> bytes:
    """Return the text with every GUID replaced by what ``current`` returns for it."""
    return _GUID.sub(lambda match: current(match[0].decode()).encode(), text)


def ids_of(text: bytes) -> set[str]:
    """Return every GUID in a text, in lower case."""
    return {match.decode().lower() for match in _GUID.findall(text)}
