"""Targets of links, and expanded relations, as answers show them (Graph: "expand query parameter")."""

from collections.abc import Iterator
from itertools import islice

from simulator.graph import raw_json
from simulator.graph.directory import Directory
from simulator.graph.kinds import KINDS, Kind
from simulator.graph.options import Expand, Options
from simulator.graph.selecting import shown
from simulator.graph.stored import State, Stored

_MAX_EXPANDED = 20
"""Most objects of a relation shown inside an object. Nothing indicates that there are more."""


def end(
    directory: Directory, target: str, value: bytes, select: tuple[str, ...] | None, cast: Kind | None = None
) -> bytes | None:
    """Return the target of a link with type and properties.

    Return the link's own value if the target is unknown, or None if it is deleted or not of the kind `cast`.
    """
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
        return (
            text if cast else raw_json.before(text, raw_json.written("@odata.type", b'"%s"' % kind.odata_type.encode()))
        )
    return None if cast else value


def expanded(directory: Directory, kind: Kind, id: str, text: bytes, expand: Expand) -> bytes:
    """Return an object with its expanded relation as last member: one object, or an array without a next link.

    An object that was loaded with the relation inside stays as it was loaded.
    """
    if raw_json.member(text, expand.relation.name) is not None:
        return text
    targets = list(islice(_targets(directory, kind, id, expand), _MAX_EXPANDED))
    if expand.relation.to_one:
        return raw_json.after(text, raw_json.written(expand.relation.name, targets[0])) if targets else text
    return raw_json.after(text, raw_json.written(expand.relation.name, b"[" + b",".join(targets) + b"]"))


def inlined(directory: Directory, kind: Kind, id: str, stored: Stored, options: Options) -> bytes:
    """Return an object as a listing or a GET shows it, with the children that it contains or shows without `$expand`."""
    select = options.select
    text = shown(kind, stored, select)
    if options.embedded and not stored.to_the_letter:
        inner = raw_json.values(stored.value)
        parts = [raw_json.written(name, inner[name]) for name in options.embedded if name in inner]
        text = raw_json.after(text, b",".join(parts)) if parts else text
    for relation in kind.relations:
        if relation.inline and not stored.to_the_letter and (select is None or relation.name in select):
            children = b",".join(value for _, value in directory.existing_links(kind, id, relation))
            text = raw_json.after(text, raw_json.written(relation.name, b"[" + children + b"]"))
    return text


def _targets(directory: Directory, kind: Kind, id: str, expand: Expand) -> Iterator[bytes]:
    relation = expand.relation
    if relation.content:
        for _, stored in directory.referrers(relation.content, relation.owner_property, id):
            yield shown(relation.content, stored, expand.select)
        return
    if relation.by_property:
        start = directory.live(kind, id)
        target = raw_json.text(start.value, relation.by_property) if start else None
        match = directory.find_any(target) if target else None
        if match is not None:
            name = raw_json.written("@odata.type", b'"%s"' % match[0].odata_type.encode())
            yield raw_json.before(shown(*match, expand.select), name)
        return
    for target, value in directory.existing_links(kind, id, relation):
        text = value if relation.child else end(directory, target, value, expand.select)
        if text is not None:
            yield text
