"""Writes of app role assignments and permission grants (Graph reference pages of the same names)."""

import json
import uuid
from collections.abc import Iterator, Mapping

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Refused, Request, bad_request, missing
from simulator.graph.directory import Directory
from simulator.graph.entities import created
from simulator.graph.kinds import ASSIGNMENTS, GRANTS, GROUPS, SERVICE_PRINCIPALS, USERS, Kind, Relation
from simulator.graph.numbering import joined
from simulator.graph.writes.body import body_of
from simulator.graph.writes.principals import DEFAULT_ACCESS
from simulator.graph.writes.shapes import mappings, strings

_PRINCIPALS = {USERS: "User", GROUPS: "Group", SERVICE_PRINCIPALS: "ServicePrincipal"}


class Tying:
    """The write operations on app role assignments and permission grants."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def assign(self, request: Request, kind: Kind, id: str, relation: Relation) -> Answer:
        """Create an assignment (201). Raises Refused: unknown object (404), missing property or duplicate (400)."""
        fields = _required(request, ASSIGNMENTS, "principalId", "resourceId", "appRoleId")
        if self._directory.reachable(kind, id) is None:
            raise missing(id)
        if fields[relation.owner_property] != id:
            raise bad_request(f"The property '{relation.owner_property}' must name the object in the path.")
        principal, resource, role = fields["principalId"], fields["resourceId"], fields["appRoleId"]
        principal_kind, principal_name = self._kind_and_name(principal, *_PRINCIPALS)
        _, resource_name = self._kind_and_name(resource, SERVICE_PRINCIPALS)
        self._check_role(resource, role, principal_kind)
        for _, stored in self._directory.referrers(ASSIGNMENTS, "principalId", principal):
            if (
                raw_json.text(stored.value, "resourceId") == resource
                and raw_json.text(stored.value, "appRoleId") == role
            ):
                raise bad_request("Permission being assigned already exists on the object")
        key = joined(_guid(principal), uuid.uuid4().bytes)
        value = {
            "id": key,
            "deletedDateTime": None,
            "appRoleId": role,
            "createdDateTime": self._directory.clock.precise(),
            "principalDisplayName": principal_name,
            "principalId": principal,
            "principalType": _PRINCIPALS[principal_kind],
            "resourceDisplayName": resource_name,
            "resourceId": resource,
        }
        text = self._keep(ASSIGNMENTS, key, value)
        context = f"{kind.path}('{id}')/{relation.name}"
        return created(request, context, f"{kind.path}/{id}/{relation.name}/{key}", text)

    def _check_role(self, resource: str, role: str, principal: Kind) -> None:
        """Raise Refused (400) for a role that the application lacks, or that is for another kind of principals."""
        application = self._directory.live(SERVICE_PRINCIPALS, resource)
        roles = mappings(application.properties().get("appRoles")) if application else []
        match = next((each for each in roles if each.get("id") == role), None)
        if role == DEFAULT_ACCESS:
            return
        if match is None:
            raise bad_request(f"Permission being assigned was not found on application '{resource}'.")
        wanted = "Application" if principal is SERVICE_PRINCIPALS else "User"
        if wanted not in strings(match.get("allowedMemberTypes")):
            raise bad_request(f"The role cannot be assigned to a principal of this kind: it allows no {wanted}.")

    def unassign(self, id: str, relation: Relation, key: str) -> Answer:
        """Delete an assignment. Return 204. Raises Refused (404) if the object has no such assignment."""
        if self._directory.referrer(ASSIGNMENTS, relation.owner_property, id, key) is None:
            raise missing(key)
        self._directory.remove(ASSIGNMENTS, key)
        return Answer(204)

    def grant(self, request: Request) -> Answer:
        """Create a grant (201). Raises Refused: unknown object (404), missing property (400), duplicate (409)."""
        fields = _required(request, GRANTS, "clientId", "consentType", "resourceId")
        consent, principal = fields["consentType"], fields.get("principalId")
        if consent not in ("AllPrincipals", "Principal") or (consent == "Principal") != isinstance(principal, str):
            raise bad_request("consentType is AllPrincipals, or Principal with a principalId.")
        self._kind_and_name(fields["clientId"], SERVICE_PRINCIPALS)
        self._kind_and_name(fields["resourceId"], SERVICE_PRINCIPALS)
        if principal is not None:
            self._kind_and_name(principal, USERS)
        ends = [fields["clientId"], fields["resourceId"], *([principal] if principal else [])]
        if ends in self._existing_grants(fields["clientId"]):
            raise Refused(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
        key = joined(*map(_guid, ends))
        value = {
            "clientId": fields["clientId"],
            "consentType": consent,
            "id": key,
            "principalId": principal,
            "resourceId": fields["resourceId"],
            "scope": fields.get("scope") or "",
        }
        return created(request, GRANTS.path, f"{GRANTS.path}/{key}", self._keep(GRANTS, key, value))

    def _existing_grants(self, client: str) -> Iterator[list[str]]:
        """Yield client, resource and user (if any) of each grant to a client."""
        for _, stored in self._directory.referrers(GRANTS, "clientId", client):
            ends = [raw_json.text(stored.value, name) for name in ("clientId", "resourceId", "principalId")]
            yield [end for end in ends if end is not None]

    def _kind_and_name(self, id: str, *kinds: Kind) -> tuple[Kind, str]:
        """Return the kind and displayName of an object. Raises Refused if there is none (404) or it is too new (400)."""
        for kind in kinds:
            stored = self._directory.live(kind, id)
            if stored is not None and self._directory.reachable(kind, id) is None:
                raise bad_request("Not a valid reference update.")
            if stored is not None:
                return kind, raw_json.text(stored.value, "displayName") or ""
        raise missing(id)

    def _keep(self, kind: Kind, key: str, value: Mapping[str, object]) -> bytes:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        self._directory.create(kind, key, text)
        return text


def _required(request: Request, kind: Kind, *names: str) -> dict[str, str]:
    fields = body_of(request)
    for name in names:
        if not isinstance(fields.get(name), str):
            resource = kind.type[0].upper() + kind.type[1:]
            raise bad_request(f"A value is required for property '{name}' of resource '{resource}'.")
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _guid(id: str) -> str:
    """Return an id as a GUID. An id of a test that is not a GUID is mapped to one."""
    try:
        return str(uuid.UUID(id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, id))
