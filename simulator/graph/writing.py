"""Writes through Graph: create, update, delete, links, and the way out of the recycle bin (Graph reference, same names)."""

import json
import re
import uuid

from simulator.graph import letter
from simulator.graph.answers import Answer, Refused, Request, bad_request, missing
from simulator.graph.changing import typed
from simulator.graph.directory import Directory
from simulator.graph.entities import created, directory_object
from simulator.graph.kinds import APPLICATIONS, GROUPS, POLICIES, SERVICE_PRINCIPALS, USERS, Kind, Relation
from simulator.graph.selecting import shown
from simulator.graph.stored import State, Stored

_MOST_BOUND = 20
_NUMBER = re.compile(r"(\d+)@")


class Writes:
    """Changes the directory as Graph's callers do."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def user_named(self, name: str) -> str | None:
        """The id of the user, live or deleted, who has this userPrincipalName."""
        for key, _ in self._directory.named(USERS, "userPrincipalName", name):
            return key
        for key, stored in self._generated(name):
            if (letter.text(stored.value, "userPrincipalName") or "").lower() == name.lower():
                return key
        return None

    def _generated(self, name: str) -> list[tuple[str, Stored]]:
        found = _NUMBER.search(name)
        number = int(found[1]) if found else -1
        inside = 0 <= number < self._directory.slots(USERS) and self._directory.untouched(USERS, number)
        return [self._directory.at(USERS, number)] if inside else []

    def create(self, request: Request, kind: Kind, unique_name: str | None = None) -> Answer:
        """201 with the new object. Refused (400) if a required property is missing or a name is taken."""
        given = body_of(request)
        for name in kind.required:
            if given.get(name) is None:
                resource = kind.type[0].upper() + kind.type[1:]
                raise bad_request(f"A value is required for property '{name}' of resource '{resource}'.")
        if kind is USERS and self.user_named(str(given["userPrincipalName"])):
            raise Refused(
                400,
                "Request_BadRequest",
                "Another object with the same value for property userPrincipalName already exists.",
                details=[{"code": "ObjectConflict", "message": "The value is taken.", "target": "userPrincipalName"}],
            )
        binds = self._binds(kind, given)
        own = [
            request.body[member.start : member.stop]
            for member in letter.members(request.body)
            if member.name not in ("id", "passwordProfile") and "@odata." not in member.name
        ]
        key = str(uuid.uuid4())
        set_by_graph = {"id": key, **self._set_by_graph(kind, given)}
        if unique_name is not None:
            set_by_graph["uniqueName"] = unique_name
        value = letter.before(b"{" + b",".join(own) + b"}", json.dumps(set_by_graph).encode()[1:-1])
        self._directory.keep(kind, key, value, to_the_letter=False)
        self._bind(kind, key, binds)
        text = shown(kind, Stored(value, to_the_letter=False), None)
        return created(request, kind.path, f"{kind.path}/{key}", text)

    def _set_by_graph(self, kind: Kind, given: dict[str, object]) -> dict[str, object]:
        clock = self._directory.clock
        said: dict[str, object] = {
            "createdDateTime": clock.precise() if kind in (APPLICATIONS, POLICIES) else clock.text()
        }
        if kind is USERS:
            said["userType"] = "Member"
        elif kind is GROUPS:
            said |= {"groupTypes": [], "proxyAddresses": []}
        elif kind is APPLICATIONS:
            said |= {"appId": str(uuid.uuid4()), "signInAudience": "AzureADMyOrg"}
        elif kind is SERVICE_PRINCIPALS:
            said |= {"accountEnabled": True, "servicePrincipalType": "Application"}
        elif kind is POLICIES:
            said |= {"templateId": None, "modifiedDateTime": None, "sessionControls": None, "grantControls": None}
        return {name: value for name, value in said.items() if name not in given}

    def update(self, request: Request, kind: Kind, id: str) -> Answer:
        """204; links named by `@odata.bind` are added, all or none."""
        given = body_of(request)
        if self._directory.live(kind, id) is None:
            raise missing(id)
        binds = self._binds(kind, given)
        self._refuse_standing(kind, id, binds)
        own = [
            request.body[member.start : member.stop]
            for member in letter.members(request.body)
            if member.name not in ("id", "passwordProfile") and "@odata." not in member.name
        ]
        if own:
            self._directory.update(kind, id, b"{" + b",".join(own) + b"}", to_the_letter=False)
        self._bind(kind, id, binds)
        return Answer(204)

    def upsert(self, request: Request, kind: Kind, unique_name: str) -> Answer:
        """PATCH by uniqueName: 204 if somebody has it, 201 if asked to create, else 404."""
        for key, stored in self._directory.named(kind, "uniqueName", unique_name):
            if stored.state is State.LIVE:
                return self.update(request, kind, key)
        if "create-if-missing" not in request.headers.get("prefer", ""):
            raise missing(unique_name)
        return self.create(request, kind, unique_name)

    def delete(self, kind: Kind, id: str) -> Answer:
        """204; where Graph has a recycle bin the object lies there now."""
        try:
            self._directory.delete(kind, id)
        except KeyError:
            raise missing(id) from None
        return Answer(204)

    def purge(self, kind: Kind, id: str) -> Answer:
        """204 for a deleted object; it is gone for good."""
        self._directory.purge(kind, id)
        return Answer(204)

    def restore(self, request: Request, kind: Kind, id: str) -> Answer:
        """200 with the object, out of the recycle bin."""
        self._directory.restore(kind, id)
        stored = self._directory.live(kind, id)
        return directory_object(request, kind, shown(kind, stored, None) if stored else b"{}")

    # -- links

    def link(self, request: Request, kind: Kind, id: str, relation: Relation) -> Answer:
        """204 for `$ref`. Refused: an unknown end (404), a link that stands (400)."""
        reference = body_of(request).get("@odata.id")
        if not isinstance(reference, str):
            raise bad_request("The request body must hold '@odata.id'.")
        if self._directory.live(kind, id) is None:
            raise missing(id)
        binds = {relation.name: [self._target(reference)]}
        if not relation.to_one:
            self._refuse_standing(kind, id, binds)
        self._bind(kind, id, binds)
        return Answer(204)

    def unlink(self, kind: Kind, id: str, relation: Relation, target: str | None) -> Answer:
        """204; 404 names the object that the link would start from."""
        standing = [other for other, _ in self._directory.linked(kind, id, relation)]
        chosen = target if target is not None else (standing or [""])[0]
        if self._directory.live(kind, id) is None or chosen not in standing:
            raise missing(id)
        self._directory.unlink(kind, id, relation, chosen)
        return Answer(204)

    def _target(self, reference: str) -> str:
        key = reference.rstrip("/").rpartition("/")[2]
        if self._directory.anywhere(key) is None:
            raise missing(key)
        return key

    def _binds(self, kind: Kind, given: dict[str, object]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, references in given.items():
            relation = kind.relation(name.removesuffix("@odata.bind")) if name.endswith("@odata.bind") else None
            if relation is None:
                continue
            listed = references if isinstance(references, list) else [references]
            if len(listed) > _MOST_BOUND:
                raise bad_request(f"At most {_MOST_BOUND} references can be added in one request.")
            found[relation.name] = [self._target(str(reference)) for reference in listed]
        return found

    def _refuse_standing(self, kind: Kind, id: str, binds: dict[str, list[str]]) -> None:
        for name, targets in binds.items():
            relation = kind.relation(name)
            standing = {other for other, _ in self._directory.linked(kind, id, relation)} if relation else set()
            if standing.intersection(targets):
                raise bad_request(
                    f"One or more added object references already exist for the following modified properties: '{name}'."
                )

    def _bind(self, kind: Kind, id: str, binds: dict[str, list[str]]) -> None:
        for name, targets in binds.items():
            relation = kind.relation(name)
            for target in targets if relation else ():
                value = typed(self._directory, target, json.dumps({"id": target}, separators=(",", ":")).encode())
                if relation:
                    self._directory.link(kind, id, relation, target, value)


def body_of(request: Request) -> dict[str, object]:
    """The object that a request brings. Refused (400) if it brings none."""
    try:
        given = letter.valid(request.body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise bad_request("Unable to read JSON request payload. Please ensure that the payload is valid JSON.")
    return given
