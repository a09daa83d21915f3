"""Other ends of links, and what objects have under a relation, as answers show them (Graph: "expand query parameter")."""

from collections.abc import Iterator
from itertools import islice

from simulator.graph import letter
from simulator.graph.directory import Directory
from simulator.graph.kinds import KINDS, Kind
from simulator.graph.options import Expand
from simulator.graph.selecting import shown
from simulator.graph.stored import State

_MOST = 20
"""So many of a relation are shown inside an object, and nothing tells that there are more."""


def end(
    directory: Directory, target: str, value: bytes, select: tuple[str, ...] | None, cast: Kind | None = None
) -> bytes | None:
    """The other end of a link: type and properties; the link's own value if no such object is known, None if deleted."""
    for kind in (cast,) if cast else KINDS.values():
        state = directory.state(kind, target)
        if state is None:
            continue
        if state is State.LIVE and select is not None and set(select) <= {"id"}:
            return value
        stored = directory.live(kind, target)
        if stored is None:
            return None
        text = shown(kind, stored, select)
        return text if cast else letter.before(text, letter.written("@odata.type", b'"%s"' % kind.odata_type.encode()))
    return None if cast else value


def expanded(directory: Directory, kind: Kind, id: str, text: bytes, expand: Expand) -> bytes:
    """The text of an object with what it has under a relation put last: one object, or an array without a next link."""
    found = list(islice(_inside(directory, kind, id, expand), _MOST))
    if expand.relation.to_one:
        return letter.after(text, letter.written(expand.relation.name, found[0])) if found else text
    return letter.after(text, letter.written(expand.relation.name, b"[" + b",".join(found) + b"]"))


def _inside(directory: Directory, kind: Kind, id: str, expand: Expand) -> Iterator[bytes]:
    relation = expand.relation
    if relation.content:
        for _, stored in directory.ties(relation.content, relation.by, id):
            yield shown(relation.content, stored, expand.select)
        return
    for target, value in directory.linked(kind, id, relation):
        text = end(directory, target, value, expand.select)
        if text is not None:
            yield text
