"""Links by `$ref` and by `@odata.bind` (Graph: "Add members", "Remove member", "Assign manager")."""

import json

from simulator.graph.answers import Answer, Request, bad_request, missing
from simulator.graph.changes import typed
from simulator.graph.directory import Directory
from simulator.graph.kinds import Kind, Relation
from simulator.graph.tokens import App
from simulator.graph.writes.body import body_of
from simulator.graph.writes.rules import Linking
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
        links = {relation.name: [self._target(relation, reference)]}
        self.check(app, kind, id, links)
        self.add(app, kind, id, links)
        return Answer(204)

    def unlink(self, app: App, kind: Kind, id: str, relation: Relation, target: str | None) -> Answer:
        """Remove a link. Return 204. Raises Refused (404, naming the object where it starts) if it does not exist."""
        existing = [end for end, _ in self._directory.existing_links(kind, id, relation)]
        chosen = target if target is not None else (existing or [""])[0]
        if self._directory.live(kind, id) is None or chosen not in existing:
            raise missing(id)
        self._check_one(Linking(self._directory, app, kind, id, relation, chosen, adds=False))
        self._directory.unlink(kind, id, relation, chosen)
        self._follow(Linking(self._directory, app, kind, id, relation, chosen, adds=False))
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

    def check(self, app: App, kind: Kind, id: str, links: dict[str, list[str]]) -> None:
        """Raise Refused if one of the links exists already, or if a rule of the kind forbids it."""
        for name, targets in links.items():
            relation = kind.relation(name)
            if relation is None:
                continue
            for target in targets:
                self._check_one(Linking(self._directory, app, kind, id, relation, target, adds=True))
            existing = {end for end, _ in self._directory.existing_links(kind, id, relation)}
            if not relation.to_one and existing.intersection(targets):
                raise bad_request(
                    f"One or more added object references already exist for the following modified properties: '{name}'."
                )
            if len(set(targets)) < len(targets):
                raise bad_request("Request contains a property with duplicate values.")

    def add(self, app: App, kind: Kind, id: str, links: dict[str, list[str]]) -> None:
        """Store links."""
        for name, targets in links.items():
            relation = kind.relation(name)
            for target in targets if relation else ():
                value = typed(self._directory, target, json.dumps({"id": target}, separators=(",", ":")).encode())
                if relation:
                    self._directory.link(kind, id, relation, target, value)
                    self._follow(Linking(self._directory, app, kind, id, relation, target, adds=True))

    @staticmethod
    def _check_one(linking: Linking) -> None:
        rules = RULES.get(linking.kind)
        for refuse in rules.linking if rules else ():
            refuse(linking)

    @staticmethod
    def _follow(linking: Linking) -> None:
        rules = RULES.get(linking.kind)
        if rules:
            rules.linked(linking)

    def _target(self, relation: Relation, reference: str) -> str:
        key = reference.rstrip("/").rpartition("/")[2]
        if self._directory.target(relation, key) is None:
            raise missing(key)
        return key
