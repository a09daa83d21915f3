"""Looking at the directory: whether an object exists, and which links came back with an undeleted one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.errors import Skip
from shared.domain.json_text import canonical, members, string
from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import Restoring, SafeCreate
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.writes import is_created, object_id, restoring_of
from shared.ports.directory import DirectoryTarget, WriteRequest

_PAGE = 999
"""Links or rows in one page of a listing: the most that Graph allows."""


@dataclass
class Present:
    """The links or rows of one object."""

    ids: set[str] = field(default_factory=set)
    """The ids of the links' targets, in lower case."""
    rows: dict[str, list[dict[str, bytes]]] = field(default_factory=dict)
    """The rows by their identifying values."""


class Looking:
    """Looks at the directory. Its methods are coroutines of the event loop that writes. They raise GraphTrouble."""

    def __init__(self, target: DirectoryTarget, ids: IdMap) -> None:
        """Look through ``target``, with the current ids of ``ids``."""
        self._target = target
        self._ids = ids
        self._present: dict[str, Present] = {}
        """Links and rows of objects that were undeleted, by the path of their collection."""

    async def exists(self, operation: Operation) -> bool:
        """Return True if the object to undelete or delete exists. Raise Skip if Graph refuses to show it."""
        path = operation.path
        if operation.action is Action.UNDELETE:
            path = restoring_of(operation).item.replace("{id}", object_id(operation.key))
        api = RESOURCES[operation.resource].api
        return await self._target.get(self._ids.rewritten(path.encode()).decode(), api) is not None

    async def has_returned(self, operation: Operation) -> bool:
        """Return True if a link or row is there already. The links of one object are read once.

        Return False for a reference to one object, for one that is written at its other end, and for what Graph does not
        show: writing these again changes nothing.
        """
        restoring = restoring_of(operation)
        if restoring.link is not None and (restoring.link.method != "POST" or restoring.link.names):
            return False
        request = request_of(operation, self._ids)
        path = request.path.removesuffix("/$ref")
        if path not in self._present:
            self._present[path] = await self._listed(path, request.api, restoring)
        present = self._present[path]
        if restoring.link is not None:
            return self._ids.current(object_id(operation.key)).lower() in present.ids
        sent = members(request.body or b"{}") or {}
        candidates = present.rows.get(_identity(restoring, sent), ())
        return any(is_created(restoring, SafeCreate.NATURAL, request.body or b"{}", "", each) for each in candidates)

    async def _listed(self, path: str, api: str, restoring: Restoring) -> Present:
        """Return a collection's links or rows, or none if Graph does not show them. Raise GraphTrouble."""
        present = Present()
        try:
            values = await self._target.list(f"{path}?$top={_PAGE}", api)
        except Skip:
            return present
        for value in values:
            properties = members(value) or {}
            if restoring.link is not None:
                present.ids.add((string(properties.get("id")) or "").lower())
            else:
                present.rows.setdefault(_identity(restoring, properties), []).append(properties)
        return present


def _identity(restoring: Restoring, properties: Mapping[str, bytes]) -> str:
    """Return a text that is the same for rows with the same identifying values."""
    return "\n".join(canonical(properties.get(name)).lower() for name in restoring.identified_by)


def request_of(operation: Operation, ids: IdMap, body: bytes | None = None) -> WriteRequest:
    """Return the request of an operation with current ids. ``body``, if given, replaces the operation's body."""
    text = operation.body if body is None else body
    return WriteRequest(
        method=operation.method,
        path=ids.rewritten(operation.path.encode()).decode(),
        body=ids.rewritten(text) if text is not None else None,
        api=RESOURCES[operation.resource].api,
        bucket=restoring_of(operation).bucket,
    )
