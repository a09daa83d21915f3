"""Links by `$ref` and by `@odata.bind` (Graph: "Add members", "Remove member", "Assign manager")."""

import json

from simulator.graph.answers import Answer, Request, bad_request, missing
from simulator.graph.apps import App
from simulator.graph.changes import typed
from simulator.graph.directory import Directory
from simulator.graph.kinds import Kind, Relation
from simulator.graph.writes.body import body_of
from simulator.graph.writes.rules import Change, Linking
from simulator.graph.writes.table import RULES

_MAX_LINKS = 20
_BIND = "@odata.bind"


class References:
    """The write operations on links of one directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def link(self, request: Request, app: App, kind: Kind, id: str, relation: Relation) -> Answer:
        """Add a link by `$ref`. Return 204. Raises Refused: an unknown object (404), an existing link (400)."""
        reference = body_of(request).get("@odata.id")
        if not isinstance(reference, str):
            raise bad_request("The request body must hold '@odata.id'.")
        if self._directory.reachable(kind, id) is None:
            raise missing(id)
        self.link_to(app, kind, id, relation, self._target(relation, reference))
        return Answer(204)

    def link_to(self, app: App, kind: Kind, id: str, relation: Relation, target: str) -> None:
        """Add a link from one object to another. Raises Refused: an unknown object (404), an existing link (400)."""
        stored = self._directory.reachable(kind, id)
        if stored is None:
            raise missing(id)
        change = Change(self._directory, app, kind, id, {}, stored.properties(), {relation.name: [target]})
        self.check(change)
        self.add(change)

    def unlink(self, app: App, kind: Kind, id: str, relation: Relation, target: str | None) -> Answer:
        """Remove a link. Return 204. Raises Refused (404, naming the object where it starts) if it does not exist."""
        existing = [end for end, _ in self._directory.existing_links(kind, id, relation)]
        chosen = target if target is not None else (existing or [""])[0]
        stored = self._directory.live(kind, id)
        if stored is None or chosen not in existing:
            raise missing(id)
        change = Change(self._directory, app, kind, id, {}, stored.properties())
        linking = _linking(change, relation, chosen, adds=False)
        _check_one(linking)
        self._directory.unlink(kind, id, relation, chosen)
        _follow(linking)
        return Answer(204)

    def requested(self, kind: Kind, properties: dict[str, object]) -> dict[str, list[str]]:
        """Return the targets of the links in a body, by relation. Raises Refused: too many (400), unknown ones (404)."""
        references: dict[Relation, list[str]] = {}
        for name, value in properties.items():
            relation = kind.relation(name.removesuffix(_BIND)) if name.endswith(_BIND) else None
            if relation is not None:
                references[relation] = [str(each) for each in (value if isinstance(value, list) else [value])]
        if sum(map(len, references.values())) > _MAX_LINKS:
            raise bad_request(f"A resource cannot contain more than {_MAX_LINKS} link changes in a single request.")
        return {
            relation.name: [self._target(relation, each) for each in targets]
            for relation, targets in references.items()
        }

    def check(self, change: Change) -> None:
        """Raise Refused if one of a change's links exists already, or if a rule of the kind forbids it."""
        for name, targets in change.links.items():
            relation = change.kind.relation(name)
            if relation is None:
                continue
            for target in targets:
                _check_one(_linking(change, relation, target, adds=True))
            existing = {end for end, _ in self._directory.existing_links(change.kind, change.id, relation)}
            if not relation.to_one and existing.intersection(targets):
                raise bad_request(
                    f"One or more added object references already exist for the following modified properties: '{name}'."
                )
            if len(set(targets)) < len(targets):
                raise bad_request("Request contains a property with duplicate values.")

    def add(self, change: Change) -> None:
        """Store the links of a change."""
        for name, targets in change.links.items():
            relation = change.kind.relation(name)
            for target in targets if relation else ():
                value = typed(self._directory, target, json.dumps({"id": target}, separators=(",", ":")).encode())
                if relation:
                    self._directory.link(change.kind, change.id, relation, target, value)
                    _follow(_linking(change, relation, target, adds=True))

    def _target(self, relation: Relation, reference: str) -> str:
        key = reference.rstrip("/").rpartition("/")[2]
        if self._directory.target(relation, key) is None:
            raise missing(key)
        return key


def _linking(change: Change, relation: Relation, target: str, adds: bool) -> Linking:
    start = {**(change.old or {}), **change.given}
    return Linking(change.directory, change.app, change.kind, change.id, relation, target, adds, start)


def _check_one(linking: Linking) -> None:
    rules = RULES.get(linking.kind)
    for refuse in rules.linking if rules else ():
        refuse(linking)


def _follow(linking: Linking) -> None:
    rules = RULES.get(linking.kind)
    if rules:
        rules.linked(linking)
