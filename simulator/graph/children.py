"""Requests for objects that exist only under another object, such as federated identity credentials."""

import base64
import re

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Request, missing, no_segment, not_allowed, only
from simulator.graph.apps import App
from simulator.graph.directory import Directory
from simulator.graph.entities import entity
from simulator.graph.kinds import Kind, Relation
from simulator.graph.paging import Listings
from simulator.graph.permissions import licensed
from simulator.graph.writes.objects import Objects, Place, rules_of

_BY_NAME = re.compile(r"\w+\(name='([^']*)'\)")


class Children:
    """The handler of relations whose objects are children."""

    def __init__(self, directory: Directory, listings: Listings, objects: Objects) -> None:
        self._directory = directory
        self._listings = listings
        self._objects = objects

    def answer(self, request: Request, app: App, kind: Kind, tail: list[str], relation: Relation) -> Answer:
        """Answer a request. `tail` holds the id of the owner, the relation with an optional name, and what follows."""
        owner, segment, *rest = tail
        place = Place(relation.child or kind, kind, owner, relation)
        licensed(self._directory, place.kind)
        if self._directory.reachable(kind, owner) is None:
            raise missing(owner)
        named = _BY_NAME.fullmatch(segment)
        if named:
            return self._named(request, app, place, named[1])
        if relation.to_one:
            return self._only(request, app, place, rest)
        if not rest and request.method == "POST":
            return self._objects.create(request, app, place)
        if not rest:
            only(request, "GET")
            return self._listings.related(request, kind, owner, relation, None)
        if len(rest) > 1:
            raise no_segment(rest[1])
        return self._one(request, app, place, rest[0])

    def _one(self, request: Request, app: App, place: Place, id: str) -> Answer:
        children = self._values(place)
        key = next((each for each in children if each.lower() == id.lower()), id)
        if request.method == "PATCH":
            return self._objects.update(request, app, place, key)
        if request.method == "PUT" and rules_of(place.kind).replaces:
            return self._objects.replace(request, app, place, key)
        if request.method == "DELETE":
            return self._objects.delete(app, place, key)
        only(request, "GET")
        if key not in children:
            raise missing(key)
        return entity(request, place.context, children[key])

    def _only(self, request: Request, app: App, place: Place, rest: list[str]) -> Answer:
        """Answer a request for the only child of an owner, which a PUT creates."""
        if rest and not (place.relation and place.relation.binary and rest == ["$value"]):
            raise no_segment(rest[0])
        if place.relation and place.relation.binary:
            return self._file(request, place)
        if request.method == "PUT" and rules_of(place.kind).replaces and self._values(place):
            return self._objects.replace(request, app, place, next(iter(self._values(place))))
        if request.method == "PUT":
            return self._objects.create(request, app, place, {"id": place.owner})
        if request.method == "POST":
            raise not_allowed()
        return self._one(request, app, place, next(iter(self._values(place)), place.owner))

    def _file(self, request: Request, place: Place) -> Answer:
        """Answer a request for the content of a file."""
        only(request, "GET")
        file = next(iter(self._values(place).values()), None)
        if file is None:
            raise missing(place.owner)
        content = base64.b64decode(raw_json.text(file, "contentBytes") or "")
        return Answer(200, content, content_type=raw_json.text(file, "contentType") or "image/png")

    def _named(self, request: Request, app: App, place: Place, name: str) -> Answer:
        """Answer a request that names a child by its name. A PATCH may create it."""
        named = (key for key, value in self._values(place).items() if raw_json.text(value, "name") == name)
        key = next(named, None)
        if key is not None:
            return self._one(request, app, place, key)
        if request.method == "PATCH" and "create-if-missing" in request.headers.get("prefer", ""):
            return self._objects.create(request, app, place, {"name": name})
        raise rules_of(place.kind).missing(name)

    def _values(self, place: Place) -> dict[str, bytes]:
        if place.owner_kind is None or place.relation is None:
            return {}
        return dict(self._directory.existing_links(place.owner_kind, place.owner, place.relation))
