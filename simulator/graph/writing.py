"""Writes through Graph: create, update, delete, links, and restore from the recycle bin (Graph reference, same names)."""

import json
import re
import uuid

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Refused, Request, bad_request, missing
from simulator.graph.changes import typed
from simulator.graph.directory import Directory
from simulator.graph.entities import created, directory_object
from simulator.graph.kinds import APPLICATIONS, GROUPS, POLICIES, SERVICE_PRINCIPALS, USERS, Kind, Relation
from simulator.graph.selecting import shown
from simulator.graph.stored import State, Stored

_MAX_LINKS = 20
_NUMBER = re.compile(r"(\d+)@")


class Writes:
    """The write operations of Graph on one directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def user_named(self, name: str) -> str | None:
        """Return the id of the user, live or deleted, with this userPrincipalName, or None."""
        for key, _ in self._directory.with_value(USERS, "userPrincipalName", name):
            return key
        for key, stored in self._generated(name):
            if (raw_json.text(stored.value, "userPrincipalName") or "").lower() == name.lower():
                return key
        return None

    def _generated(self, name: str) -> list[tuple[str, Stored]]:
        match = _NUMBER.search(name)
        number = int(match[1]) if match else -1
        inside = 0 <= number < self._directory.slots(USERS) and self._directory.untouched(USERS, number)
        return [self._directory.object_at(USERS, number)] if inside else []

    def create(self, request: Request, kind: Kind, unique_name: str | None = None) -> Answer:
        """Create an object. Return 201 with it. Raises Refused (400) if a required property is missing or a name is taken."""
        properties = body_of(request)
        for name in kind.required:
            if properties.get(name) is None:
                resource = kind.type[0].upper() + kind.type[1:]
                raise bad_request(f"A value is required for property '{name}' of resource '{resource}'.")
        if kind is USERS and self.user_named(str(properties["userPrincipalName"])):
            raise Refused(
                400,
                "Request_BadRequest",
                "Another object with the same value for property userPrincipalName already exists.",
                details=[{"code": "ObjectConflict", "message": "The value is taken.", "target": "userPrincipalName"}],
            )
        links = self._requested_links(kind, properties)
        body_members = [
            request.body[member.start : member.stop]
            for member in raw_json.members(request.body)
            if member.name not in ("id", "passwordProfile") and "@odata." not in member.name
        ]
        key = str(uuid.uuid4())
        set_by_graph = {"id": key, **self._set_by_graph(kind, properties)}
        if unique_name is not None:
            set_by_graph["uniqueName"] = unique_name
        value = raw_json.before(b"{" + b",".join(body_members) + b"}", json.dumps(set_by_graph).encode()[1:-1])
        self._directory.keep(kind, key, value, to_the_letter=False)
        self._add_links(kind, key, links)
        text = shown(kind, Stored(value, to_the_letter=False), None)
        return created(request, kind.path, f"{kind.path}/{key}", text)

    def _set_by_graph(self, kind: Kind, properties: dict[str, object]) -> dict[str, object]:
        clock = self._directory.clock
        defaults: dict[str, object] = {
            "createdDateTime": clock.precise() if kind in (APPLICATIONS, POLICIES) else clock.text()
        }
        if kind is USERS:
            defaults["userType"] = "Member"
        elif kind is GROUPS:
            defaults |= {"groupTypes": [], "proxyAddresses": []}
        elif kind is APPLICATIONS:
            defaults |= {"appId": str(uuid.uuid4()), "signInAudience": "AzureADMyOrg"}
        elif kind is SERVICE_PRINCIPALS:
            defaults |= {"accountEnabled": True, "servicePrincipalType": "Application"}
        elif kind is POLICIES:
            defaults |= {"templateId": None, "modifiedDateTime": None, "sessionControls": None, "grantControls": None}
        return {name: value for name, value in defaults.items() if name not in properties}

    def update(self, request: Request, kind: Kind, id: str) -> Answer:
        """Update an object, and add the links named by `@odata.bind`, all or none. Return 204."""
        properties = body_of(request)
        if self._directory.live(kind, id) is None:
            raise missing(id)
        links = self._requested_links(kind, properties)
        self._refuse_existing(kind, id, links)
        body_members = [
            request.body[member.start : member.stop]
            for member in raw_json.members(request.body)
            if member.name not in ("id", "passwordProfile") and "@odata." not in member.name
        ]
        if body_members:
            self._directory.update(kind, id, b"{" + b",".join(body_members) + b"}", to_the_letter=False)
        self._add_links(kind, id, links)
        return Answer(204)

    def upsert(self, request: Request, kind: Kind, unique_name: str) -> Answer:
        """Update the object with this uniqueName (204), or create it if the Prefer header asks for that (201).

        Raises Refused (404) if the object does not exist and is not to be created.
        """
        for key, stored in self._directory.with_value(kind, "uniqueName", unique_name):
            if stored.state is State.LIVE:
                return self.update(request, kind, key)
        if "create-if-missing" not in request.headers.get("prefer", ""):
            raise missing(unique_name)
        return self.create(request, kind, unique_name)

    def delete(self, kind: Kind, id: str) -> Answer:
        """Delete an object, into the recycle bin if its kind has one. Return 204."""
        try:
            self._directory.delete(kind, id)
        except KeyError:
            raise missing(id) from None
        return Answer(204)

    def purge(self, kind: Kind, id: str) -> Answer:
        """Delete an object from the recycle bin permanently. Return 204."""
        self._directory.purge(kind, id)
        return Answer(204)

    def restore(self, request: Request, kind: Kind, id: str) -> Answer:
        """Restore an object from the recycle bin. Return 200 with it."""
        self._directory.restore(kind, id)
        stored = self._directory.live(kind, id)
        return directory_object(request, kind, shown(kind, stored, None) if stored else b"{}")

    # -- links

    def link(self, request: Request, kind: Kind, id: str, relation: Relation) -> Answer:
        """Add a link by `$ref`. Return 204. Raises Refused: an unknown object (404), an existing link (400)."""
        reference = body_of(request).get("@odata.id")
        if not isinstance(reference, str):
            raise bad_request("The request body must hold '@odata.id'.")
        if self._directory.live(kind, id) is None:
            raise missing(id)
        links = {relation.name: [self._target(reference)]}
        if not relation.to_one:
            self._refuse_existing(kind, id, links)
        self._add_links(kind, id, links)
        return Answer(204)

    def unlink(self, kind: Kind, id: str, relation: Relation, target: str | None) -> Answer:
        """Remove a link. Return 204. Raises Refused (404, naming the object where it starts) if it does not exist."""
        existing = [end for end, _ in self._directory.existing_links(kind, id, relation)]
        chosen = target if target is not None else (existing or [""])[0]
        if self._directory.live(kind, id) is None or chosen not in existing:
            raise missing(id)
        self._directory.unlink(kind, id, relation, chosen)
        return Answer(204)

    def _target(self, reference: str) -> str:
        key = reference.rstrip("/").rpartition("/")[2]
        if self._directory.find_any(key) is None:
            raise missing(key)
        return key

    def _requested_links(self, kind: Kind, properties: dict[str, object]) -> dict[str, list[str]]:
        links: dict[str, list[str]] = {}
        for name, references in properties.items():
            relation = kind.relation(name.removesuffix("@odata.bind")) if name.endswith("@odata.bind") else None
            if relation is None:
                continue
            items = references if isinstance(references, list) else [references]
            if len(items) > _MAX_LINKS:
                raise bad_request(f"At most {_MAX_LINKS} references can be added in one request.")
            links[relation.name] = [self._target(str(reference)) for reference in items]
        return links

    def _refuse_existing(self, kind: Kind, id: str, links: dict[str, list[str]]) -> None:
        for name, targets in links.items():
            relation = kind.relation(name)
            existing = {end for end, _ in self._directory.existing_links(kind, id, relation)} if relation else set()
            if existing.intersection(targets):
                raise bad_request(
                    f"One or more added object references already exist for the following modified properties: '{name}'."
                )

    def _add_links(self, kind: Kind, id: str, links: dict[str, list[str]]) -> None:
        for name, targets in links.items():
            relation = kind.relation(name)
            for target in targets if relation else ():
                value = typed(self._directory, target, json.dumps({"id": target}, separators=(",", ":")).encode())
                if relation:
                    self._directory.link(kind, id, relation, target, value)


def body_of(request: Request) -> dict[str, object]:
    """Return the JSON object in a request's body. Raises Refused (400) if the body is not one."""
    try:
        body = raw_json.valid(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise bad_request("Unable to read JSON request payload. Please ensure that the payload is valid JSON.")
    return body
