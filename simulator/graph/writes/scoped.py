"""Roles in administrative units, which Graph shows as role assignments and as scoped role members of the unit.

The two are the same rows: a write of one of them writes the other.
"""

import json
import uuid
from collections.abc import Mapping

from simulator.graph.answers import bad_request, missing
from simulator.graph.directory import Directory
from simulator.graph.kinds import DIRECTORY_ROLES, ROLE_ASSIGNMENTS, UNITS, USERS, Kind
from simulator.graph.kinds.roles import DEFINITIONS, SCOPED
from simulator.graph.writes.checking import CONFLICT
from simulator.graph.writes.rules import Change, Removal, Rules
from simulator.graph.writes.shapes import mapping

_SCOPE = "/administrativeUnits/"


def activated(directory: Directory, template: str) -> str:
    """Return the id of the directory role of a template, which is activated if it was not."""
    for key, stored in directory.walk(DIRECTORY_ROLES):
        if stored.properties().get("roleTemplateId") == template:
            return key
    definition = directory.live(DEFINITIONS, template)
    name = definition.properties().get("displayName") if definition else ""
    key = str(uuid.uuid4())
    _create(directory, DIRECTORY_ROLES, key, {"displayName": name, "description": name, "roleTemplateId": template})
    return key


def assigned(change: Change) -> None:
    """Show a new role assignment over a unit as a scoped role member too."""
    unit = str(change.given.get("directoryScopeId", ""))
    if not change.creates or not unit.startswith(_SCOPE):
        return
    unit = unit.removeprefix(_SCOPE)
    role = activated(change.directory, str(change.given["roleDefinitionId"]))
    _member(change.directory, unit, str(uuid.uuid4()), role, str(change.given["principalId"]))


def unassigned(removal: Removal) -> None:
    """Remove the scoped role member that shows a deleted role assignment."""
    unit = str(removal.value.get("directoryScopeId", "")).removeprefix(_SCOPE)
    for key, text in removal.directory.existing_links(UNITS, unit, SCOPED):
        value = json.loads(text)
        role = _template(removal.directory, str(value.get("roleId")))
        principal = mapping(value.get("roleMemberInfo")).get("id")
        if (role, principal) == (removal.value.get("roleDefinitionId"), removal.value.get("principalId")):
            removal.directory.unlink(UNITS, unit, SCOPED, key)


def _check(change: Change) -> None:
    principal = str(mapping(change.given["roleMemberInfo"]).get("id"))
    if change.directory.reachable(USERS, principal) is None:
        raise missing(principal)
    if not _template(change.directory, str(change.given["roleId"])):
        raise bad_request("The roleId must name an activated directory role.")
    scope = f"{_SCOPE}{change.owner}"
    wanted = (principal, _template(change.directory, str(change.given["roleId"])), scope)
    if wanted in {_row(value) for value in _assignments(change.directory, principal).values()}:
        raise bad_request(CONFLICT)


def _derived(change: Change) -> dict[str, object]:
    principal = str(mapping(change.given["roleMemberInfo"]).get("id"))
    return {"administrativeUnitId": change.owner, "roleMemberInfo": _identity(change.directory, principal)}


def _stored(change: Change) -> None:
    """Show a new scoped role member as a role assignment too."""
    value = {
        "principalId": str(mapping(change.given["roleMemberInfo"]).get("id")),
        "roleDefinitionId": _template(change.directory, str(change.given["roleId"])),
        "directoryScopeId": f"{_SCOPE}{change.owner}",
    }
    _create(change.directory, ROLE_ASSIGNMENTS, str(uuid.uuid4()), value)


def _removed(removal: Removal) -> None:
    """Delete the role assignment that shows a removed scoped role member."""
    principal = str(mapping(removal.value.get("roleMemberInfo")).get("id"))
    role = _template(removal.directory, str(removal.value.get("roleId")))
    scope = f"{_SCOPE}{removal.owner}"
    for key, value in _assignments(removal.directory, principal).items():
        if _row(value) == (principal, role, scope):
            removal.directory.delete(ROLE_ASSIGNMENTS, key)


def _assignments(directory: Directory, principal: str) -> dict[str, dict[str, object]]:
    rows = directory.referrers(ROLE_ASSIGNMENTS, "principalId", principal)
    return {key: stored.properties() for key, stored in rows}


def _row(value: dict[str, object]) -> tuple[object, object, object]:
    return value.get("principalId"), value.get("roleDefinitionId"), value.get("directoryScopeId")


def _template(directory: Directory, role: str) -> str:
    """Return the template id of an activated directory role, or an empty text."""
    stored = directory.live(DIRECTORY_ROLES, role)
    return str(stored.properties().get("roleTemplateId") or "") if stored else ""


def _identity(directory: Directory, principal: str) -> dict[str, object]:
    stored = directory.live(USERS, principal)
    return {"id": principal, "displayName": stored.properties().get("displayName") if stored else None}


def _member(directory: Directory, unit: str, key: str, role: str, principal: str) -> None:
    value = {
        "id": key,
        "administrativeUnitId": unit,
        "roleId": role,
        "roleMemberInfo": _identity(directory, principal),
    }
    directory.link(UNITS, unit, SCOPED, key, _text(value))


def _create(directory: Directory, kind: Kind, key: str, value: Mapping[str, object]) -> None:
    directory.create(kind, key, _text({"id": key, **value}))


def _text(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


MEMBER = Rules(
    required=("roleId", "roleMemberInfo"),
    checks=(_check,),
    derived=_derived,
    stored=_stored,
    removed=_removed,
    updates=False,
)
"""Scoped role members of administrative units."""


def _check_role(change: Change) -> None:
    template = change.given["roleTemplateId"]
    if change.directory.live(DEFINITIONS, str(template)) is None:
        raise missing(str(template))
    roles = change.directory.walk(DIRECTORY_ROLES)
    if any(stored.properties().get("roleTemplateId") == template for _, stored in roles):
        raise bad_request(CONFLICT)


def _role_names(change: Change) -> dict[str, object]:
    definition = change.directory.live(DEFINITIONS, str(change.given["roleTemplateId"]))
    properties = definition.properties() if definition else {}
    return {name: properties.get(name) for name in ("displayName", "description")} | {"deletedDateTime": None}


DIRECTORY_ROLE = Rules(
    required=("roleTemplateId",), checks=(_check_role,), derived=_role_names, updates=False, deletes=False
)
"""Directory roles, which are activated once and forever."""
