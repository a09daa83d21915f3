"""Looking at the directory: whether an object exists, and which links came back with an undeleted one."""

from shared.domain.errors import Skip
from shared.domain.json_text import members, string
from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import SafeCreate
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.writes import is_created, object_id, restoring_of
from shared.ports.directory import DirectoryTarget, WriteRequest


class Looking:
    """Looks at the directory. Its methods are coroutines of the event loop that writes. They raise GraphTrouble."""

    def __init__(self, target: DirectoryTarget, ids: IdMap) -> None:
        """Look through ``target``, with the current ids of ``ids``."""
        self._target = target
        self._ids = ids
        self._present: dict[str, list[dict[str, bytes]]] = {}
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

        Return False for a reference to one object, and for what Graph does not show: writing these again changes
        nothing.
        """
        restoring = restoring_of(operation)
        if restoring.link is not None and restoring.link.method != "POST":
            return False
        request = request_of(operation, self._ids)
        path = request.path.removesuffix("/$ref")
        if path not in self._present:
            try:
                values = await self._target.list(path, request.api)
            except Skip:
                return False
            self._present[path] = [members(value) or {} for value in values]
        if restoring.link is not None:
            ids = {string(each.get("id")) for each in self._present[path]}
            return self._ids.current(object_id(operation.key)) in ids
        sent = request.body or b"{}"
        return any(is_created(restoring, SafeCreate.NATURAL, sent, "", each) for each in self._present[path])


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
