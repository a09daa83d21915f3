"""The simulated directory, as its own administrators have it: what it holds now, and changes made to it."""

import json
import ssl
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

_POLICIES = "identity/conditionalAccess/policies"
_LISTED = {
    "users": "users",
    "groups": "groups",
    "applications": "applications",
    "servicePrincipals": "servicePrincipals",
    "oauth2PermissionGrants": "oauth2PermissionGrants",
    _POLICIES: "conditionalAccessPolicies",
    "organization": "organization",
}
"""Where Graph lists what the demo looks at, and the resource that a record of it belongs to."""
_RELATIONS = {
    "users": ("manager",),
    "groups": ("members", "owners"),
    "applications": ("owners",),
    "servicePrincipals": ("owners", "appRoleAssignedTo"),
}
_Change = dict[str, Any]


class Directory:
    """Talks to the simulator's own addresses under ``/_sim``, past Graph."""

    def __init__(self, url: str, ca_file: Path) -> None:
        trusted = ssl.create_default_context(cafile=ca_file)
        self._client = httpx.Client(base_url=f"{url}/_sim", verify=trusted, timeout=30.0, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def records(self) -> dict[str, bytes]:
        """All that a backup of it should hold now: the key of each record, and its value to the letter.

        Raises httpx.HTTPError, as every method here.
        """
        return dict(self._records())

    def _records(self) -> Iterator[tuple[str, bytes]]:
        for path, resource in _LISTED.items():
            for value in self._values(path):
                owner = f"{resource}/{_id(value)}"
                yield owner, value
                for relation in _RELATIONS.get(path, ()):
                    for link in self._values(f"{owner}/{relation}"):
                        yield f"{owner}/{relation}/{_id(link)}", link

    def change(self) -> list[str]:
        """Change a little of everything, as a day's work would; says what was done."""
        users, groups, policies = self._ids("users"), self._ids("groups"), self._ids(_POLICIES)
        members = {group: self._ids(f"groups/{group}/members")[:2] for group in groups[:6]}
        done = _changes(users, groups, policies, members)
        done |= _of_applications(users, self._ids("applications"), self._ids("oauth2PermissionGrants"))
        for changes in done.values():
            self._client.post("/changes", json=changes).raise_for_status()
        return list(done)

    def _values(self, path: str) -> list[bytes]:
        return self._client.get("/objects", params={"path": path}).raise_for_status().content.splitlines()

    def _ids(self, path: str) -> list[str]:
        return [_id(value) for value in self._values(path)]


def by_resource(records: dict[str, bytes]) -> Counter[str]:
    """How many records there are of each resource: the odd segments of a key name it."""
    return Counter(".".join(key.split("/")[::2]) for key in records)


def _changes(
    users: list[str], groups: list[str], policies: list[str], members: dict[str, list[str]]
) -> dict[str, list[_Change]]:
    """What is done, in words, and how. ``members`` are the memberships to end, by group."""
    new = [_new_user(number) for number in range(5)]
    group = _new_group()
    at = f"groups/{group['id']}"
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
            *(_create(f"{at}/members", {"id": user["id"]}) for user in new),
            _create(f"{at}/owners", {"id": users[3]}),
        ],
        "1 group renamed, 1 group deleted": [
            _update(f"groups/{groups[20]}", {"displayName": "Renamed in the demo"}),
            _delete(f"groups/{groups[21]}"),
        ],
        "6 groups given a new member and rid of old ones": [
            *(_delete(f"groups/{old}/members/{member}") for old, ended in members.items() for member in ended),
            *(_create(f"groups/{old}/members", {"id": new[0]["id"]}) for old in members),
        ],
        "1 conditional access policy switched off": [_update(f"{_POLICIES}/{policies[0]}", {"state": "disabled"})],
    }


def _of_applications(users: list[str], applications: list[str], grants: list[str]) -> dict[str, list[_Change]]:
    return {
        "1 application renamed and given another owner, 1 consent withdrawn": [
            _update(f"applications/{applications[3]}", {"displayName": "Renamed in the demo"}),
            _create(f"applications/{applications[3]}/owners", {"id": users[11]}),
            _delete(f"oauth2PermissionGrants/{grants[0]}"),
        ],
    }


def _id(value: bytes) -> str:
    found: str = json.loads(value)["id"]
    return found


def _create(path: str, value: dict[str, Any]) -> _Change:
    return {"op": "create", "path": path, "value": value}


def _update(path: str, value: dict[str, Any]) -> _Change:
    return {"op": "update", "path": path, "value": value}


def _delete(path: str) -> _Change:
    return {"op": "delete", "path": path}


def _new_user(number: int) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-00000000000{number}",
        "displayName": f"Zoë Ångström {number}",
        "userPrincipalName": f"zoe{number}@contoso.onmicrosoft.com",
        "mailNickname": f"zoe{number}",
        "accountEnabled": True,
        "department": None,
    }


def _new_group() -> dict[str, Any]:
    return {
        "id": "00000000-0000-4000-8000-000000000100",
        "displayName": "New in the demo",
        "mailEnabled": False,
        "mailNickname": "new-in-the-demo",
        "securityEnabled": True,
        "groupTypes": [],
    }
