"""Compare the directory after a restore with what the operations that were carried out have written. Pure.

Of several operations that write one property of an object, the last one counts. Graph adds to what it stores, so a value
counts as applied if everything that was sent is there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from shared.domain.json_text import canonical, elements, members, string
from shared.domain.records import is_guid
from shared.domain.restore.bodies import is_blank
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.pairing import identified_by, rewritten_key, row_identity
from shared.domain.restore.writes import is_marked, restoring_of

_LICENCES = "assignedLicenses"


@dataclass
class Unmet:
    """The values of an operation that the directory does not show."""

    operation: Operation
    values: dict[str, bytes] = field(default_factory=dict)
    """The values that were sent, by property; empty if a whole record is missing, or there too much."""
    marked: bool = False
    """True if the object carries a mark again."""


@dataclass
class _Wanted:
    """The values that the operations want in one record."""

    last: Operation
    """The last operation that writes the record."""
    properties: dict[str, tuple[Operation, bytes]] = field(default_factory=dict)
    """The values by property, each with the operation that writes it last."""
    licences: list[Operation] = field(default_factory=list)


class Expectation:
    """The expected records of one resource after a restore."""

    def __init__(self, operations: Iterable[Operation], ids: IdMap) -> None:
        """Take the operations of the resource that were carried out, in their order."""
        carried_out = list(operations)
        self._ids = ids
        self._resource = carried_out[0].resource if carried_out else ""
        self._wanted: dict[str, _Wanted] = {}
        self._names: dict[str, str] = {}
        """The text by which a record is found, by the record's key in the snapshot."""
        for operation in carried_out:
            self._take(operation)

    @property
    def first_ids(self) -> set[str]:
        """Return the current ids of the objects to which the records belong, in lower case; none for a singleton."""
        return {key.split("/")[1].lower() for wanted in self._wanted.values() if "/" in (key := self._key(wanted.last))}

    @property
    def read_whole(self) -> bool:
        """Return True if all records of the resource are needed, because not all belong to objects with GUIDs.

        Ids of other forms compare with case, and an object of which a directory has one has none.
        """
        owned = all("/" in self._key(wanted.last) for wanted in self._wanted.values())
        return self.by_values or not owned or not all(map(is_guid, self.first_ids))

    @property
    def by_values(self) -> bool:
        """Return True if records are found by their values, because Graph makes their ids from them."""
        return bool(identified_by(self._resource))

    def unmet(self, live: Iterable[tuple[bytes, bytes]]) -> list[Unmet]:
        """Return the expected values that the live records do not show.

        ``live`` are the records of ``first_ids``, or all with ``read_whole``.
        """
        records: dict[str, bytes] = {}
        for key, value in live:
            text = key.decode()
            records[text] = records[row_identity(self._resource, text, value)] = value
        missing: dict[int, Unmet] = {}
        for name, wanted in self._wanted.items():
            for each in _differences(wanted, records.get(name)):
                known = missing.setdefault(each.operation.number, each)
                known.values |= each.values
                known.marked |= each.marked
        return list(missing.values())

    def _take(self, operation: Operation) -> None:
        """Add what one operation wants."""
        sent = operation.action in (Action.CREATE, Action.LINK)
        value = (operation.body if sent else operation.before or operation.body) or b"{}"
        name = self._names.get(operation.key) or row_identity(
            self._resource, self._key(operation), self._ids.rewritten(value)
        )
        self._names[operation.key] = name
        wanted = self._wanted.setdefault(name, _Wanted(operation))
        if operation.action is Action.CALL:
            if operation.path.endswith("/assignLicense"):
                wanted.licences.append(operation)
            return
        wanted.last = operation
        if operation.action not in (Action.CREATE, Action.PATCH):
            return
        restoring = restoring_of(operation)
        unseen = {*restoring.generated, *restoring.secret}
        for name, value in (members(self._ids.rewritten(operation.body or b"{}")) or {}).items():
            if not name.startswith("@") and name not in unseen:
                wanted.properties[name] = (operation, value)

    def _key(self, operation: Operation) -> str:
        """Return the current key of the record that the operation writes."""
        return rewritten_key(operation.key.encode(), self._ids).decode()


def _differences(wanted: _Wanted, live: bytes | None) -> Iterable[Unmet]:
    """Yield the values that the operations want and a live record does not show."""
    if wanted.last.action in (Action.UNLINK, Action.DELETE):
        if live is not None:
            yield Unmet(wanted.last)
        return
    if live is None:
        if wanted.last.action is not Action.CALL:
            yield Unmet(wanted.last)
        return
    properties = members(live) or {}
    for name, (operation, value) in wanted.properties.items():
        if not covers(properties.get(name), value):
            mark = restoring_of(operation).mark
            yield Unmet(operation, {name: value}, marked=name == mark and is_marked(properties.get(name)))
    for operation in wanted.licences:
        if not _licensed(properties.get(_LICENCES), operation):
            yield Unmet(operation, {_LICENCES: operation.body or b"{}"})


def covers(live: bytes | None, wanted: bytes) -> bool:
    """Return True if a live value shows everything of the wanted one. Empty values, null and absence are equal."""
    if canonical(live) == canonical(wanted) or (is_blank(live) and is_blank(wanted)):
        return True
    wanted_members, live_members = members(wanted), members(live or b"")
    if wanted_members is not None and live_members is not None:
        return all(
            covers(live_members.get(name), value) for name, value in wanted_members.items() if "@odata." not in name
        )
    wanted_elements, live_elements = elements(wanted), elements(live or b"")
    if wanted_elements is None or live_elements is None or len(wanted_elements) != len(live_elements):
        return False
    remaining = list(live_elements)
    for each in wanted_elements:
        match = next((other for other in remaining if covers(other, each)), None)
        if match is None:
            return False
        remaining.remove(match)
    return True


def _licensed(live: bytes | None, operation: Operation) -> bool:
    """Return True if the object has the licences that a call adds, and lacks those that the call removes."""
    body = members(operation.body or b"{}") or {}
    present = {_sku(each) for each in elements(live or b"[]") or []}
    added = {_sku(each) for each in elements(body.get("addLicenses", b"[]")) or []}
    removed = {(string(each) or "").lower() for each in elements(body.get("removeLicenses", b"[]")) or []}
    return added <= present and present.isdisjoint(removed)


def _sku(licence: bytes) -> str:
    """Return the id of the product that a licence is for."""
    return (string((members(licence) or {}).get("skuId")) or "").lower()


def raw(values: Mapping[str, bytes]) -> dict[str, msgspec.Raw]:
    """Return values as they are stored with a result."""
    return {name: msgspec.Raw(value) for name, value in values.items()}
