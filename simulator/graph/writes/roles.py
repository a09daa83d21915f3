"""The rules of role definitions, role assignments and eligibilities (Graph: "Create unifiedRoleAssignment", and so on)."""

import re

from simulator.graph.answers import bad_request, missing
from simulator.graph.directory import Directory
from simulator.graph.kinds import APPLICATIONS, GROUPS, ROLE_ASSIGNMENTS, SERVICE_PRINCIPALS, UNITS, USERS, Kind
from simulator.graph.kinds.roles import DEFINITIONS
from simulator.graph.stored import Stored
from simulator.graph.writes import scoped
from simulator.graph.writes.checking import CONFLICT
from simulator.graph.writes.rules import Change, Removal, Rules
from simulator.graph.writes.shapes import mappings, strings

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KEY = ("principalId", "roleDefinitionId", "directoryScopeId", "appScopeId")


# -- definitions


def _check_definition(change: Change) -> None:
    if (change.old or {}).get("isBuiltIn") is True:
        raise bad_request("A built-in role definition cannot be changed.")
    if change.creates and not _GUID.fullmatch(change.id):
        raise bad_request("Invalid value specified for property 'templateId' of resource 'UnifiedRoleDefinition'.")
    if "rolePermissions" in change.given:
        rows = mappings(change.given["rolePermissions"])
        if not rows or not all(strings(row.get("allowedResourceActions")) for row in rows):
            raise bad_request("A role definition needs rolePermissions with allowedResourceActions.")


def _definition_defaults(change: Change) -> dict[str, object]:
    return {
        "description": None,
        "inheritsPermissionsFrom": [],
        "isBuiltIn": False,
        "resourceScopes": ["/"],
        "templateId": change.id,
        "version": None,
    }


def _keep_used(removal: Removal) -> None:
    """Raise Refused (400) if the role is built in or assigned."""
    if removal.value.get("isBuiltIn") is True:
        raise bad_request("A built-in role definition cannot be deleted.")
    assigned = removal.directory.walk(ROLE_ASSIGNMENTS)
    if any(stored.properties().get("roleDefinitionId") == removal.id for _, stored in assigned):
        raise bad_request("The role definition is assigned and cannot be deleted.")


DEFINITION = Rules(
    required=("displayName", "isEnabled", "rolePermissions"),
    read_only=frozenset(("isBuiltIn",)),
    create_only=frozenset(("templateId",)),
    names_itself="templateId",
    checks=(_check_definition,),
    defaults=_definition_defaults,
    removing=(_keep_used,),
    blank=True,
)


# -- assignments


def find_principal(directory: Directory, principal: str) -> tuple[Kind, Stored] | None:
    """Return kind and object of a user, group or service principal, or None."""
    for kind in (USERS, GROUPS, SERVICE_PRINCIPALS):
        stored = directory.reachable(kind, principal)
        if stored is not None:
            return kind, stored
    return None


def check_principal(directory: Directory, principal: str) -> None:
    """Raise Refused: a principal that does not exist (404), or a group to which roles cannot be assigned (400)."""
    match = find_principal(directory, principal)
    if match is None:
        raise missing(principal)
    if match[0] is GROUPS and match[1].properties().get("isAssignableToRole") is not True:
        raise bad_request("The group is not assignable to a role.")


def check_scope(directory: Directory, scope: str) -> None:
    """Raise Refused (400) for a scope other than the directory, a unit, an application or a service principal."""
    if scope == "/":
        return
    name, _, unit = scope.strip("/").partition("/")
    kinds = (UNITS,) if unit and name == "administrativeUnits" else (APPLICATIONS, SERVICE_PRINCIPALS)
    if not scope.startswith("/") or all(directory.reachable(kind, unit or name) is None for kind in kinds):
        raise bad_request(f"The directoryScopeId '{scope}' is not valid.")


def definition(directory: Directory, role: str) -> Stored | None:
    """Return the definition of a role, named by its id, which is its template id too."""
    return directory.reachable(DEFINITIONS, role)


def same(directory: Directory, kind: Kind, wanted: dict[str, object]) -> str | None:
    """Return the id of the assignment or eligibility with this principal, role and scope, or None."""
    for key, stored in directory.referrers(kind, "principalId", str(wanted.get("principalId"))):
        value = stored.properties()
        if all(value.get(name) == wanted.get(name) for name in _KEY):
            return key
    return None


def _check_assignment(change: Change) -> None:
    if not change.given.get("directoryScopeId") and not change.given.get("appScopeId"):
        raise bad_request("A role assignment needs directoryScopeId or appScopeId.")
    check_principal(change.directory, str(change.given["principalId"]))
    if definition(change.directory, str(change.given["roleDefinitionId"])) is None:
        raise bad_request(f"The role definition '{change.given['roleDefinitionId']}' does not exist.")
    if change.given.get("directoryScopeId"):
        check_scope(change.directory, str(change.given["directoryScopeId"]))
    if same(change.directory, change.kind, change.given):
        raise bad_request(CONFLICT)


ASSIGNMENT = Rules(
    required=("principalId", "roleDefinitionId"),
    checks=(_check_assignment,),
    stored=scoped.assigned,
    removed=scoped.unassigned,
    updates=False,
)
