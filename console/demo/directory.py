"""The simulated directory from its administrators' side: its current records, and changes to them."""

import json
import ssl
import uuid
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import httpx

from shared.domain.resources import RESOURCES

_POLICIES = "identity/conditionalAccess/policies"
_LOCATIONS = "identity/conditionalAccess/namedLocations"
_CONTEXTS = "identity/conditionalAccess/authenticationContextClassReferences"
_STRENGTHS = "policies/authenticationStrengthPolicies"
_UNITS = "directory/administrativeUnits"
_ROLES = "roleManagement/directory/roleAssignments"
_USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
_LISTED = {
    "users": "users",
    "groups": "groups",
    "applications": "applications",
    "servicePrincipals": "servicePrincipals",
    "oauth2PermissionGrants": "oauth2PermissionGrants",
    _POLICIES: "conditionalAccessPolicies",
    _LOCATIONS: "namedLocations",
    _CONTEXTS: "authenticationContexts",
    _STRENGTHS: "authenticationStrengthPolicies",
    _UNITS: "administrativeUnits",
    "roleManagement/directory/roleDefinitions": "roleDefinitions",
    _ROLES: "roleAssignments",
    "organization": "organization",
}
"""The paths of Graph's lists that the demo reads, each with the resource of its records."""
_RELATIONS = {
    "users": ("manager",),
    "groups": ("members", "owners"),
    "applications": ("owners",),
    "servicePrincipals": ("owners", "appRoleAssignedTo"),
    _STRENGTHS: ("combinationConfigurations",),
    _UNITS: ("members",),
}
COMPARED = frozenset(
    (*_LISTED.values(), *(f"{_LISTED[path]}.{name}" for path, names in _RELATIONS.items() for name in names))
)
"""The resources that the demo compares record by record with the directory."""
_Change = dict[str, Any]


class Directory:
    """A client of the simulator's own endpoints under ``/_sim``, which bypass Graph."""

    def __init__(self, url: str, ca_file: Path) -> None:
        trusted = ssl.create_default_context(cafile=ca_file)
        self._client = httpx.Client(base_url=f"{url}/_sim", verify=trusted, timeout=30.0, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def records(self) -> dict[str, bytes]:
        """Return the records that a backup should hold now: each key with its value, byte for byte.

        Raise httpx.HTTPError, as every method of this class does.
        """
        return dict(self._records())

    def _records(self) -> Iterator[tuple[str, bytes]]:
        """Yield the key and the value of each object and link."""
        for path, resource in _LISTED.items():
            for value in self._values(path):
                owner = f"{resource}/{_id(value)}"
                yield owner, value
                for relation in _RELATIONS.get(path, ()):
                    for link in self._values(f"{path}/{_id(value)}/{relation}"):
                        yield f"{owner}/{relation}/{_id(link)}", link

    def change(self) -> list[str]:
        """Change a little of everything, as a day's work would. Return a description of each change."""
        users, groups, policies = self._ids("users"), self._ids("groups"), self._ids(_POLICIES)
        members = {group: self._ids(f"groups/{group}/members")[:2] for group in groups[:6]}
        changes = _changes(users, groups, policies, members)
        changes |= _application_changes(users, self._ids("applications"), self._ids("oauth2PermissionGrants"))
        changes |= _unit_changes(users)
        for batch in changes.values():
            self._client.post("/changes", json=batch).raise_for_status()
        return list(changes)

    def register(self, client_id: str, secret: str) -> None:
        """Register an application that has every permission to restore."""
        permissions = sorted({name for row in RESOURCES.values() for name in row.permissions_to_restore})
        application = {"client_id": client_id, "secret": secret, "permissions": permissions}
        self._client.post("/apps", json=application).raise_for_status()

    def attack(self) -> list[str]:
        """Delete a policy, and a group that it excludes. Return a description of each deletion."""
        groups = {group["id"]: group for group in map(json.loads, self._values("groups"))}
        excluded = [
            (len(self._ids(f"groups/{each}/members")), each, policy)
            for policy in map(json.loads, self._values(_POLICIES))
            for each in policy["conditions"]["users"]["excludeGroups"]
            if policy["state"] == "enabled" and each in groups and groups[each]["groupTypes"] in ([], ["Unified"])
        ]
        members, group_id, policy = min(excluded, key=itemgetter(0))  # few, so that the plan is short
        deletions = [_delete(f"groups/{group_id}"), _delete(f"{_POLICIES}/{policy['id']}")]
        self._client.post("/changes", json=deletions).raise_for_status()
        return [
            f"Group deleted: {groups[group_id]['displayName']}, with {members} members",
            f"Policy deleted: {policy['displayName']}, which excludes that group",
        ]

    def _values(self, path: str) -> list[bytes]:
        """Return the objects of a list, each as JSON."""
        return self._client.get("/objects", params={"path": path}).raise_for_status().content.splitlines()

    def _ids(self, path: str) -> list[str]:
        """Return the ids of the objects of a list."""
        return [_id(value) for value in self._values(path)]


def by_resource(records: dict[str, bytes]) -> Counter[str]:
    """Return the number of records of each resource."""
    return Counter(map(resource_of, records))


def resource_of(key: str) -> str:
    """Return the resource of a record, which the odd segments of its key name."""
    return ".".join(key.split("/")[::2])


def _changes(
    users: list[str], groups: list[str], policies: list[str], members: dict[str, list[str]]
) -> dict[str, list[_Change]]:
    """Return descriptions of changes, each with its operations. ``members`` are the memberships to remove, by group."""
    new = [_new_user(number) for number in range(5)]
    group = _new_group()
    group_path = f"groups/{group['id']}"
    title = {"department": "Forschung & Entwicklung", "jobTitle": "Ingénieure"}
    return {
        "5 users created, each with a manager": [
            *(_create("users", user) for user in new),
            *(_create(f"users/{user['id']}/manager", {"id": users[3]}) for user in new),
        ],
        "20 users given another department and title": [_update(f"users/{user}", title) for user in users[100:120]],
        "10 users given another manager": [
            _create(f"users/{user}/manager", {"id": users[7]}) for user in users[201:211]
        ],
        "6 users deleted, one of them a manager": [_delete(f"users/{user}") for user in (users[60], *users[-5:])],
        "1 group created, with members and an owner": [
            _create("groups", group),
            *(_create(f"{group_path}/members", {"id": user["id"]}) for user in new),
            _create(f"{group_path}/owners", {"id": users[3]}),
        ],
        "1 group renamed, 1 group deleted": [
            _update(f"groups/{groups[20]}", {"displayName": "Renamed in the demo"}),
            _delete(f"groups/{groups[21]}"),
        ],
        "6 groups given a new member, their old members removed": [
            *(_delete(f"groups/{old}/members/{member}") for old, removed in members.items() for member in removed),
            *(_create(f"groups/{old}/members", {"id": new[0]["id"]}) for old in members),
        ],
        "1 conditional access policy switched off": [_update(f"{_POLICIES}/{policies[0]}", {"state": "disabled"})],
    }


def _application_changes(users: list[str], applications: list[str], grants: list[str]) -> dict[str, list[_Change]]:
    """Return the changes to applications and consents, as ``_changes`` does."""
    return {
        "1 application renamed and given another owner, 1 consent withdrawn": [
            _update(f"applications/{applications[3]}", {"displayName": "Renamed in the demo"}),
            _create(f"applications/{applications[3]}/owners", {"id": users[11]}),
            _delete(f"oauth2PermissionGrants/{grants[0]}"),
        ],
    }


def _unit_changes(users: list[str]) -> dict[str, list[_Change]]:
    """Return the changes to units, roles and what policies name, as ``_changes`` does."""
    unit, strength, *others = (str(uuid.uuid4()) for _ in range(5))
    countries = {"@odata.type": "#microsoft.graph.countryNamedLocation", "countriesAndRegions": ["DE", "FR"]}
    keys = {"@odata.type": "#microsoft.graph.fido2CombinationConfiguration", "appliesToCombinations": ["fido2"]}
    custom = {"policyType": "custom", "allowedCombinations": ["fido2"]}
    role = {"principalId": users[3], "roleDefinitionId": _USER_ADMINISTRATOR, "appScopeId": None}
    return {
        "1 administrative unit created, with 3 members and an administrator": [
            _create(_UNITS, {"id": unit, "displayName": "Berlin"}),
            *(_create(f"{_UNITS}/{unit}/members", {"id": user}) for user in users[:3]),
            _create(_ROLES, {"id": others[0], **role, "directoryScopeId": f"/administrativeUnits/{unit}"}),
        ],
        "1 named location, 1 authentication context and 1 authentication strength created": [
            _create(_LOCATIONS, {"id": others[1], "displayName": "Home countries", **countries}),
            _create(_CONTEXTS, {"id": "c1", "displayName": "Payroll", "isAvailable": True}),
            _create(_STRENGTHS, {"id": strength, "displayName": "Security keys", **custom}),
            _create(f"{_STRENGTHS}/{strength}/combinationConfigurations", {"id": others[2], **keys}),
        ],
    }


def _id(value: bytes) -> str:
    """Return the id of an object."""
    object_id: str = json.loads(value)["id"]
    return object_id


def _create(path: str, value: dict[str, Any]) -> _Change:
    """Return the operation that creates an object or a link."""
    return {"op": "create", "path": path, "value": value}


def _update(path: str, value: dict[str, Any]) -> _Change:
    """Return the operation that updates an object."""
    return {"op": "update", "path": path, "value": value}


def _delete(path: str) -> _Change:
    """Return the operation that deletes an object or a link."""
    return {"op": "delete", "path": path}


def _new_user(number: int) -> dict[str, Any]:
    """Return a new user."""
    return {
        "id": f"00000000-0000-4000-8000-00000000000{number}",
        "displayName": f"Zoë Ångström {number}",
        "userPrincipalName": f"zoe{number}@contoso.onmicrosoft.com",
        "mailNickname": f"zoe{number}",
        "accountEnabled": True,
        "department": None,
    }


def _new_group() -> dict[str, Any]:
    """Return a new group."""
    return {
        "id": "00000000-0000-4000-8000-000000000100",
        "displayName": "New in the demo",
        "mailEnabled": False,
        "mailNickname": "new-in-the-demo",
        "securityEnabled": True,
        "groupTypes": [],
    }
