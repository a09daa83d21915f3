"""Creation, update and deletion of objects, by the rules of their kinds."""

import json
import uuid
from collections.abc import Collection
from typing import NamedTuple

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Request, not_allowed
from simulator.graph.apps import App
from simulator.graph.directory import Directory
from simulator.graph.entities import created
from simulator.graph.kinds import Kind, Relation
from simulator.graph.selecting import shown
from simulator.graph.stored import State, Stored
from simulator.graph.writes.body import body_of
from simulator.graph.writes.checking import CONFLICT, check
from simulator.graph.writes.object_quota import check_room
from simulator.graph.writes.references import References
from simulator.graph.writes.rules import Change, Removal, Rules
from simulator.graph.writes.table import RULES


class Place(NamedTuple):
    """Where objects of a kind are: in a collection, or under another object."""

    kind: Kind
    owner_kind: Kind | None = None
    owner: str = ""
    relation: Relation | None = None

    @property
    def path(self) -> str:
        """Return the path of the place, without version."""
        if self.owner_kind is None or self.relation is None:
            return self.kind.path
        return f"{self.owner_kind.path}/{self.owner}/{self.relation.name}"

    @property
    def context(self) -> str:
        """Return the context of answers with an object of the place."""
        if self.owner_kind is None or self.relation is None:
            return self.kind.path
        return f"{self.owner_kind.path}('{self.owner}')/{self.relation.name}"


class Objects:
    """The write operations on objects of one directory."""

    def __init__(self, directory: Directory, references: References) -> None:
        self._directory = directory
        self._references = references

    def create(self, request: Request, app: App, place: Place, key: dict[str, object] | None = None) -> Answer:
        """Create an object. Return 201 with it. Raises Refused where a rule of its kind forbids that.

        `key` is the alternate key in the address, such as a unique name.
        """
        kind = place.kind
        rules = rules_of(kind)
        if not rules.creates and key is None:
            raise not_allowed()
        properties = body_of(request) | (key or {})
        new_id = rules.identify(properties) or str(properties.get(rules.names_itself) or uuid.uuid4())
        links = self._references.requested(kind, properties)
        change = Change(self._directory, app, kind, new_id, _plain(kind, properties), None, links, place.owner)
        check(rules, change)
        if self._stored(place, new_id) is not None:
            raise rules.refused(CONFLICT)
        self._references.check(change)
        check_room(self._directory, kind)
        defaults = {name: value for name, value in rules.defaults(change).items() if name not in change.given}
        set_by_graph = {"id": new_id, **(key or {}), **defaults, **rules.derived(change)}
        value = raw_json.before(_stored_members(kind, rules, request, set_by_graph), _members(set_by_graph))
        self._keep(place, new_id, value)
        if place.relation:
            self._directory.created.note(kind, value)
        self._references.add(change)
        rules.stored(change)
        stored = self._stored(place, new_id) or Stored(value, to_the_letter=False)
        return created(request, place.context, f"{place.path}/{new_id}", shown(kind, stored, None))

    def update(self, request: Request, app: App, place: Place, id: str) -> Answer:
        """Update an object, and add the links named by `@odata.bind`, all or none. Return 204."""
        rules = rules_of(place.kind)
        if not rules.updates:
            raise not_allowed()
        if rules.creates_by_patch and self._reachable(place, id) is None:
            self.create(request, app, place, {"id": id})
            return Answer(204)
        return self._change(request, app, place, id)

    def _change(self, request: Request, app: App, place: Place, id: str) -> Answer:
        kind = place.kind
        rules = rules_of(kind)
        stored = self._reachable(place, id)
        if stored is None:
            raise rules.missing(id)
        properties = body_of(request)
        links = self._references.requested(kind, properties)
        given = _plain(kind, properties)
        change = Change(self._directory, app, kind, id, given, stored.properties(), links, place.owner)
        check(rules, change)
        self._references.check(change)
        derived = rules.derived(change)
        value = _stored_members(kind, rules, request, {"id", *derived})
        if derived:
            value = raw_json.after(value, _members(derived))
        if raw_json.members(value):
            self._merge(place, id, stored, value)
        self._references.add(change)
        rules.stored(change)
        return Answer(204)

    def replace(self, request: Request, app: App, place: Place, id: str) -> Answer:
        """Replace an object by the body of a PUT, which has every property. Return 204."""
        return self._change(request, app, place, id)

    def upsert(self, request: Request, app: App, kind: Kind, name: str, value: str) -> Answer:
        """Update the object with this alternate key (204), or create it if the Prefer header asks for that (201).

        Raises Refused (404) if the object does not exist and is not to be created.
        """
        for key, stored in self._directory.with_value(kind, name, value):
            if stored.state is State.LIVE:
                return self.update(request, app, Place(kind), key)
        if "create-if-missing" not in request.headers.get("prefer", ""):
            raise rules_of(kind).missing(value)
        return self.create(request, app, Place(kind), {name: value})

    def delete(self, app: App, place: Place, id: str) -> Answer:
        """Delete an object, into the recycle bin if its kind has one. Return 204."""
        rules = rules_of(place.kind)
        if not rules.deletes:
            raise not_allowed()
        stored = self._stored(place, id)
        if stored is None:
            raise rules.missing(id)
        removal = Removal(self._directory, app, place.kind, id, stored.properties(), place.owner)
        for refuse in rules.removing:
            refuse(removal)
        if place.owner_kind is None or place.relation is None:
            self._directory.remove(place.kind, id)
        else:
            self._directory.unlink(place.owner_kind, place.owner, place.relation, id)
        rules.removed(removal)
        return Answer(204)

    # -- storing in a collection or under another object

    def _stored(self, place: Place, id: str) -> Stored | None:
        if place.owner_kind is None or place.relation is None:
            return self._directory.live(place.kind, id)
        value = self._directory.links(place.owner_kind, place.owner, place.relation).get(id)
        return None if value is None else Stored(value, to_the_letter=True)

    def _reachable(self, place: Place, id: str) -> Stored | None:
        return self._stored(place, id) if place.relation else self._directory.reachable(place.kind, id)

    def _keep(self, place: Place, id: str, value: bytes) -> None:
        if place.owner_kind is None or place.relation is None:
            self._directory.create(place.kind, id, value)
        else:
            self._directory.link(place.owner_kind, place.owner, place.relation, id, value)

    def _merge(self, place: Place, id: str, stored: Stored, change: bytes) -> None:
        if place.relation is None:
            self._directory.patch(place.kind, id, change)
        else:
            self._keep(place, id, raw_json.merged(stored.value, change))


def rules_of(kind: Kind) -> Rules:
    """Return the rules of a kind. Raises Refused (405) if it cannot be written."""
    rules = RULES.get(kind)
    if rules is None:
        raise not_allowed()
    return rules


def _is_property(kind: Kind, name: str) -> bool:
    return "@odata." not in name or (bool(kind.types) and name == "@odata.type")


def _plain(kind: Kind, properties: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in properties.items() if name != "id" and _is_property(kind, name)}


def _members(values: dict[str, object]) -> bytes:
    """Return the members of an object as bytes, without braces."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")[1:-1]


def _stored_members(kind: Kind, rules: Rules, request: Request, others: Collection[str]) -> bytes:
    """Return the body's members that are stored, byte by byte, without those set otherwise."""
    parts = [
        request.body[member.start : member.stop]
        for member in raw_json.members(request.body)
        if member.name not in others and member.name not in rules.unstored and _is_property(kind, member.name)
    ]
    return b"{" + b",".join(parts) + b"}"
