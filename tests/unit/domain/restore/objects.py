"""Objects and links as a backup holds them."""

from typing import Any

from tests.unit.domain.restore.worlds import Json, guid

Record = dict[str, Json]
TYPES = {"users": "user", "groups": "group", "servicePrincipals": "servicePrincipal", "devices": "device"}


def user(number: int, **properties: Any) -> Record:
    value = {
        "id": guid(number),
        "displayName": f"User {number}",
        "userPrincipalName": f"u{number}@contoso.com",
        "mailNickname": f"u{number}",
        "accountEnabled": True,
    }
    return {f"users/{guid(number)}": value | properties}


def group(number: int, **properties: Any) -> Record:
    value = {
        "id": guid(number),
        "displayName": f"Group {number}",
        "mailNickname": f"g{number}",
        "mailEnabled": False,
        "securityEnabled": True,
        "groupTypes": [],
    }
    return {f"groups/{guid(number)}": value | properties}


def unified(number: int, **properties: Any) -> Record:
    return group(number, **({"groupTypes": ["Unified"], "mailEnabled": True} | properties))


def dynamic(number: int, rule: str, **properties: Any) -> Record:
    types = {"groupTypes": ["DynamicMembership"], "membershipRule": rule, "membershipRuleProcessingState": "On"}
    return group(number, **(types | properties))


def application(number: int, **properties: Any) -> Record:
    value = {"id": guid(number), "appId": app_id(number), "displayName": f"App {number}"}
    return {f"applications/{guid(number)}": value | properties}


def principal(number: int, app: int, **properties: Any) -> Record:
    value = {"id": guid(number), "appId": app_id(app), "displayName": f"App {app}", "accountEnabled": True}
    return {f"servicePrincipals/{guid(number)}": value | properties}


def app_id(number: int) -> str:
    return f"{number:08x}-aaaa-4aaa-8aaa-{number:012x}"


def policy(number: int, **properties: Any) -> Record:
    value = {
        "id": guid(number),
        "displayName": f"Policy {number}",
        "state": "enabled",
        "conditions": {"users": {"includeUsers": ["All"], "excludeUsers": [], "excludeGroups": []}, "locations": None},
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        "sessionControls": None,
    }
    return {f"conditionalAccessPolicies/{guid(number)}": value | properties}


def excluding(users: list[int], groups: list[int]) -> Json:
    """Return conditions for all users but some."""
    names = {"excludeUsers": list(map(guid, users)), "excludeGroups": list(map(guid, groups))}
    return {"users": {"includeUsers": ["All"], **names}, "locations": None, "clientAppTypes": ["all"]}


def link(owners: str, owner: int, name: str, target: int, kind: str = "users") -> Record:
    value = {"@odata.type": f"#microsoft.graph.{TYPES[kind]}", "id": guid(target)}
    return {f"{owners}/{guid(owner)}/{name}/{guid(target)}": value}


def member(of: int, target: int, kind: str = "users") -> Record:
    return link("groups", of, "members", target, kind)


def owner(of: int, target: int, kind: str = "users") -> Record:
    return link("groups", of, "owners", target, kind)


def assignment(row: str, role: str, principal_number: int, resource_number: int) -> Record:
    """Return an app role assignment, as the resource's side has it."""
    value = {
        "id": row,
        "appRoleId": role,
        "principalId": guid(principal_number),
        "principalDisplayName": f"User {principal_number}",
        "resourceId": guid(resource_number),
    }
    return {f"servicePrincipals/{guid(resource_number)}/appRoleAssignedTo/{row}": value}


def together(*records: Record) -> Record:
    """Return all records."""
    return {key: value for each in records for key, value in each.items()}
