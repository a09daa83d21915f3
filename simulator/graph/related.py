"""Requests for relations of objects: links, and app role assignments (Graph: members, owners, manager, …)."""

from simulator.graph.answers import Answer, Request, missing, no_segment, not_allowed, only, unsupported
from simulator.graph.assignments import Tying
from simulator.graph.directory import Directory
from simulator.graph.entities import directory_object, entity
from simulator.graph.kinds import Kind, Relation, cast, is_cast
from simulator.graph.options import parsed
from simulator.graph.paging import Listings, counted
from simulator.graph.permissions import allow, allow_related
from simulator.graph.selecting import shown
from simulator.graph.tokens import App
from simulator.graph.writing import Writes


class Related:
    """The handler of paths that start with `{kind}/{id}/{relation}`."""

    def __init__(self, directory: Directory, listings: Listings, writes: Writes, tying: Tying) -> None:
        self._directory = directory
        self._listings = listings
        self._writes = writes
        self._tying = tying

    def answer(self, request: Request, app: App, kind: Kind, tail: list[str]) -> Answer:
        """Answer a request. `tail` holds the segments after the kind: an id, a relation and what follows."""
        key, rest = tail[0], tail[2:]
        relation = kind.relation(tail[1])
        if relation is None:
            raise no_segment(tail[1])
        reads = request.method == "GET"
        allow_related(app, kind, relation, not reads)
        if reads and rest[-1:] == ["$count"]:
            return self._count(request, kind, key, relation, rest[:-1])
        if relation.content:
            return self._content(request, kind, key, relation, rest)
        if reads and relation.child and len(rest) == 1:
            return self._child(request, kind, key, relation, rest[0])
        if relation.to_one:
            return self._to_one(request, kind, key, relation, rest)
        if reads and (not rest or is_cast(rest[0])):
            return self._listings.related(request, kind, key, relation, _cast(rest))
        if rest == ["$ref"] and request.method == "POST":
            return self._writes.link(request, kind, key, relation)
        if request.method == "DELETE" and rest[1:] == ["$ref"]:
            return self._writes.unlink(kind, key, relation, rest[0])
        if request.method == "DELETE" and len(rest) == 1:
            return self._delete_member(app, kind, key, relation, rest[0])
        raise not_allowed()

    def _count(self, request: Request, kind: Kind, id: str, relation: Relation, rest: list[str]) -> Answer:
        if relation.to_one or (rest and not is_cast(rest[0])):
            raise no_segment("$count")
        return counted(request, lambda: self._listings.count_related(request, kind, id, relation, _cast(rest)))

    def _to_one(self, request: Request, kind: Kind, id: str, relation: Relation, rest: list[str]) -> Answer:
        if request.method == "GET" and not rest:
            return self._other_end(request, kind, id, relation)
        if request.method == "PUT" and rest == ["$ref"]:
            return self._writes.link(request, kind, id, relation)
        if request.method == "DELETE" and rest == ["$ref"]:
            return self._writes.unlink(kind, id, relation, None)
        raise not_allowed()

    def _other_end(self, request: Request, kind: Kind, id: str, relation: Relation) -> Answer:
        if self._directory.live(kind, id) is None:
            raise missing(id)
        links = self._directory.existing_links(kind, id, relation)
        match = self._directory.find_any(links[0][0]) if links else None
        if match is None:
            raise missing(relation.name)
        end, stored = match
        return directory_object(request, end, shown(end, stored, parsed(request, end).select))

    def _child(self, request: Request, kind: Kind, id: str, relation: Relation, key: str) -> Answer:
        children = dict(self._directory.existing_links(kind, id, relation))
        if self._directory.live(kind, id) is None or key not in children:
            raise missing(key)
        return entity(request, f"{kind.path}('{id}')/{relation.name}", children[key])

    def _delete_member(self, app: App, kind: Kind, id: str, relation: Relation, target: str) -> Answer:
        """Delete the target itself, as Graph does without `$ref` (a warning in Graph: "Remove member")."""
        match = self._directory.find_any(target)
        if match is None or target not in dict(self._directory.existing_links(kind, id, relation)):
            raise missing(target)
        allow(app, match[0], writes=True)
        return self._writes.delete(match[0], target)

    # -- app role assignments

    def _content(self, request: Request, kind: Kind, id: str, relation: Relation, rest: list[str]) -> Answer:
        if not rest and request.method == "POST":
            return self._tying.assign(request, kind, id, relation)
        if not rest:
            only(request, "GET")
            return self._listings.related(request, kind, id, relation, None)
        if len(rest) > 1:
            raise no_segment(rest[1])
        if request.method == "DELETE":
            return self._tying.unassign(id, relation, rest[0])
        only(request, "GET")
        return self._one(request, kind, id, relation, rest[0])

    def _one(self, request: Request, kind: Kind, id: str, relation: Relation, key: str) -> Answer:
        content = relation.content or kind
        stored = self._directory.referrer(content, relation.owner_property, id, key)
        if stored is None or self._directory.live(kind, id) is None:
            raise missing(key)
        text = shown(content, stored, parsed(request, content).select)
        return entity(request, f"{kind.path}('{id}')/{relation.name}", text)


def _cast(rest: list[str]) -> Kind | None:
    if not rest:
        return None
    if len(rest) > 1:
        raise no_segment(rest[1])
    kind = cast(rest[0])
    if kind is None:
        raise unsupported(f"The cast to '{rest[0]}' is not supported.")
    return kind
