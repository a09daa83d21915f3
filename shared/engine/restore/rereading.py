"""Read again, by id, what operations have written: far cheaper than a backup for a few records."""

from collections.abc import Iterator, Sequence

from shared.domain.errors import Skip
from shared.domain.json_text import members, string
from shared.domain.records import encode_id
from shared.domain.resources import RESOURCES, STREAMS
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.pairing import rewritten_key
from shared.domain.restore.verifying import Expectation, Unmet
from shared.domain.restore.writes import object_id, restoring_of
from shared.ports.directory import DirectoryTarget

Record = tuple[bytes, bytes]
_LICENCES = "assignedLicenses"


class Rereading:
    """Compares records with what was written. Its methods are coroutines. They raise GraphTrouble."""

    def __init__(self, target: DirectoryTarget, ids: IdMap) -> None:
        """Read through ``target``, with the current ids of ``ids``."""
        self._target = target
        self._ids = ids
        self._read: set[str] = set()
        """Paths of the collections that were read."""

    async def unmet(self, operations: Sequence[Operation], suspects: Sequence[int]) -> list[Unmet]:
        """Return what the records of some operations, by number, do not show.

        ``operations`` are all that were carried out. A record that Graph refuses to show counts as different.
        """
        numbers = set(suspects)
        records = {(each.resource, each.key) for each in operations if each.number in numbers}
        by_resource: dict[str, list[Operation]] = {}
        for each in operations:
            if (each.resource, each.key) in records:
                by_resource.setdefault(each.resource, []).append(each)
        unmet: list[Unmet] = []
        for same in by_resource.values():
            unmet += await self._unmet_of(same)
        return unmet

    async def _unmet_of(self, operations: list[Operation]) -> list[Unmet]:
        """Return what the records of operations on one resource do not show."""
        by_key: dict[str, list[Operation]] = {}
        for each in operations:
            by_key.setdefault(each.key, []).append(each)
        live: list[Record] = []
        hidden: list[Unmet] = []
        shown: list[Operation] = []
        for same in by_key.values():
            try:
                live += await self._records(same)
                shown += same
            except Skip:
                hidden.append(Unmet(same[-1]))
        return [*Expectation(shown, self._ids).unmet(live), *hidden] if shown else hidden

    async def _records(self, operations: Sequence[Operation]) -> list[Record]:
        """Return the live record that operations have written, beside others if Graph lists them together."""
        last = operations[-1]
        restoring, key = restoring_of(last), rewritten_key(last.key.encode(), self._ids)
        if restoring.link is not None:
            at_owner = restoring.link.add.removesuffix("/$ref")
            path = RESOURCES[last.resource].path.replace("{id}", "{owner}") if restoring.link.names else at_owner
            return await self._links(last, path, restoring.link.method, key)
        if Expectation([last], self._ids).by_values:
            return await self._list(last, restoring.collection, key)
        value = await self._target.get(self._path(last, restoring.item) + _query(operations), _api(last))
        return [] if value is None else [(key, value)]

    async def _links(self, operation: Operation, path: str, method: str, key: bytes) -> list[Record]:
        """Return the links of the object that owns a link."""
        if method == "POST":
            return await self._list(operation, path, key)
        value = await self._target.get(self._path(operation, path), _api(operation))
        return [] if value is None else list(_children(key, [value]))

    async def _list(self, operation: Operation, path: str, key: bytes) -> list[Record]:
        """Return the records of a collection, once: for further operations on it, return nothing."""
        path = self._path(operation, path)
        if path in self._read:
            return []
        values = await self._target.list(path, _api(operation))
        self._read.add(path)
        return list(_children(key, values))

    def _path(self, operation: Operation, path: str) -> str:
        """Return a path of the table with the current ids of an operation's record."""
        owner = self._ids.current(object_id("/".join(operation.key.split("/")[:2])))
        current = self._ids.current(object_id(operation.key))
        through = current.partition("/")[0]
        return path.replace("{owner}", owner).replace("{through}", through).replace("{id}", current)


def _children(key: bytes, values: Sequence[bytes]) -> Iterator[Record]:
    """Yield the records of a collection. ``key`` is that of any record in it."""
    prefix = key.rpartition(b"/")[0]
    for value in values:
        child = string((members(value) or {}).get("id"))
        if child is not None:
            yield prefix + b"/" + encode_id(child), value


def _query(operations: Sequence[Operation]) -> str:
    """Return the query for the properties that operations on one object have written."""
    restoring = restoring_of(operations[-1])
    if not STREAMS[RESOURCES[operations[-1].resource].stream].select:
        return ""  # these objects are always shown whole
    names = {"id", *restoring.identified_by}
    for each in operations:
        if each.action is Action.CALL:
            names.add(_LICENCES)
        else:
            names |= {name for name in members(each.body or b"{}") or {} if not name.startswith("@")}
    return f"?$select={','.join(sorted(names - {*restoring.generated, *restoring.secret}))}"


def _api(operation: Operation) -> str:
    return RESOURCES[operation.resource].api
