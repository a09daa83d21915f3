"""Requests for relations of objects: links, and app role assignments (Graph: members, owners, manager, …)."""

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Refused, Request, missing, no_segment, not_allowed, only, unsupported
from simulator.graph.apps import App
from simulator.graph.assignments import Tying
from simulator.graph.children import Children
from simulator.graph.directory import Directory
from simulator.graph.entities import directory_object, entity
from simulator.graph.kinds import ASSIGNMENTS, Kind, Relation, cast, is_cast
from simulator.graph.options import parsed
from simulator.graph.paging import Listings, counted
from simulator.graph.permissions import allow, allow_related
from simulator.graph.selecting import shown
from simulator.graph.writes.body import body_of
from simulator.graph.writes.objects import Objects, Place
from simulator.graph.writes.references import References


class Related:
    """The handler of paths that start with `{kind}/{id}/{relation}`."""

    def __init__(
        self,
        directory: Directory,
        listings: Listings,
        objects: Objects,
        references: References,
        tying: Tying,
        children: Children,
    ) -> None:
        self._directory = directory
        self._listings = listings
        self._objects = objects
        self._references = references
        self._tying = tying
        self._children = children

    def answer(self, request: Request, app: App, kind: Kind, tail: list[str]) -> Answer:
        """Answer a request. `tail` holds the segments after the kind: an id, a relation and what follows."""
        key, rest = tail[0], tail[2:]
        reverse = next((each for each in kind.reverse if each.name == tail[1]), None)
        if reverse is not None and not rest:
            only(request, "GET")
            allow(app, kind, writes=False)
            return self._listings.referring(request, kind, key, reverse)
        relation = kind.relation(tail[1].partition("(")[0])
        if relation is None or (tail[1] != relation.name and not relation.child):
            raise no_segment(tail[1])
        reads = request.method == "GET"
        allow_related(app, kind, relation, not reads)
        if reads and rest[-1:] == ["$count"]:
            return self._count(request, kind, key, relation, rest[:-1])
        if relation.content:
            return self._content(request, kind, key, relation, rest)
        if relation.child:
            return self._children.answer(request, app, kind, [key, *tail[1:]], relation)
        if relation.to_one:
            return self._to_one(request, app, kind, key, relation, rest)
        if reads and (not rest or is_cast(rest[0])):
            return self._listings.related(request, kind, key, relation, _cast(rest))
        if rest == ["$ref"] and request.method == "POST":
            return self._references.link(request, app, kind, key, relation)
        if request.method == "DELETE" and rest[1:] == ["$ref"]:
            return self._references.unlink(app, kind, key, relation, rest[0])
        if request.method == "DELETE" and len(rest) == 1:
            return self._delete_member(app, kind, key, relation, rest[0])
        if request.method == "POST" and not rest and relation.creates:
            return self._create_member(request, app, kind, key, relation)
        if request.method == "POST" and not rest:
            raise Refused(400, "BadRequest", "Write requests are only supported on contained entities")
        if request.method == "PATCH" and rest == ["$ref"]:
            raise Refused(400, "BadRequest", "The request is currently not supported on the targeted entity set")
        raise not_allowed()

    def _count(self, request: Request, kind: Kind, id: str, relation: Relation, rest: list[str]) -> Answer:
        if relation.to_one or (rest and not is_cast(rest[0])):
            raise no_segment("$count")
        return counted(request, lambda: self._listings.count_related(request, kind, id, relation, _cast(rest)))

    def _to_one(self, request: Request, app: App, kind: Kind, id: str, relation: Relation, rest: list[str]) -> Answer:
        if request.method == "GET" and not rest:
            return self._other_end(request, kind, id, relation)
        if request.method == "PUT" and rest == ["$ref"]:
            return self._references.link(request, app, kind, id, relation)
        if request.method == "DELETE" and rest == ["$ref"]:
            return self._references.unlink(app, kind, id, relation, None)
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

    def _create_member(self, request: Request, app: App, kind: Kind, id: str, relation: Relation) -> Answer:
        """Create an object of the kind in the body's `@odata.type` and link it. Return 201 with it."""
        member = cast(str(body_of(request).get("@odata.type", "")).removeprefix("#"))
        if member is None:
            raise unsupported("The request body must hold '@odata.type' of the new member.")
        if self._directory.reachable(kind, id) is None:
            raise missing(id)
        allow(app, member, writes=True)
        answer = self._objects.create(request, app, Place(member))
        new = raw_json.text(answer.body, "id") or ""
        self._references.link_to(app, kind, id, relation, new)
        return answer

    def _delete_member(self, app: App, kind: Kind, id: str, relation: Relation, target: str) -> Answer:
        """Delete the target itself, as Graph does without `$ref` (a warning in Graph: "Remove member")."""
        match = self._directory.find_any(target)
        if match is None or target not in dict(self._directory.existing_links(kind, id, relation)):
            raise missing(target)
        allow(app, match[0], writes=True)
        return self._objects.delete(app, Place(match[0]), target)

    # -- app role assignments

    def _content(self, request: Request, kind: Kind, id: str, relation: Relation, rest: list[str]) -> Answer:
        if relation.content is not ASSIGNMENTS:
            only(request, "GET")
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
