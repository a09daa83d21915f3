"""Leave out what an earlier restore found that Graph does not apply."""

from collections.abc import Iterator

import msgspec

from shared.domain.json_text import canonical, members
from shared.domain.restore.bodies import encoded
from shared.domain.restore.draft import Draft
from shared.domain.restore.operations import Action, Hindrance, Operation
from shared.domain.restore.world import Known

_REPEATED = frozenset({Action.UNDELETE, Action.CREATE, Action.PATCH})
"""Actions that are planned again if it is not known which values Graph did not apply: others may need what they write."""


def without_known(draft: Draft) -> Iterator[Operation]:
    """Yield the operations without the changes that Graph did not apply in an earlier restore."""
    known: dict[tuple[str, Action], list[Known]] = {}
    for each in draft.world.known:
        known.setdefault((each.key, each.action), []).append(each)
    for operation in draft.operations:
        kept: Operation | None = operation
        for one in known.get((operation.key, operation.action), ()):
            kept = _without(draft, kept, one) if kept is not None else None
        if kept is not None:
            yield kept


def _without(draft: Draft, operation: Operation, known: Known) -> Operation | None:
    """Return an operation without the properties that Graph is known not to apply, or None if nothing remains."""
    if not known.values and operation.action in _REPEATED:
        return operation
    body = members(operation.body or b"{}") or {}
    same = [
        name
        for name, value in known.values.items()
        if name in body and canonical(body[name]) == canonical(bytes(value))
    ]
    if known.values and not same:
        return operation
    draft.refuse(
        operation.resource,
        operation.key,
        Hindrance.KNOWN,
        known.note,
        name=operation.name,
        properties=same,
    )
    remaining = tuple(name for name in operation.properties if name not in same) if known.values else ()
    if not remaining:
        return None
    body = {name: value for name, value in body.items() if name not in same}
    return msgspec.structs.replace(operation, body=encoded(body), properties=remaining)
