"""Directory roles of the calling application decide what it may do to protected users, groups and units."""

from typing import Any

import pytest

from tests.simulator.graph.client import Client, simulated

_GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
_PRIVILEGED_AUTHENTICATION = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
_USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
_READER = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
_USERS = "User.ReadWrite.All"
_PASSWORDS = "User-PasswordProfile.ReadWrite.All"


async def _sign_in(client: Client, *permissions: str, role: str = "", scope: str = "/") -> None:
    """Sign in as an application that holds permissions, and a role if one is named."""
    await client.change("create", "servicePrincipals", {"id": "sp", "appId": "c"})
    if role:
        await _assign(client, "sp", role, scope)
    await client.control("apps", {"client_id": "c", "secret": "s", "permissions": list(permissions)})
    await client.sign_in("c", "s")


async def _assign(client: Client, principal: str, role: str, scope: str = "/") -> None:
    value = {"id": f"{principal}-{role}", "principalId": principal, "roleDefinitionId": role, "directoryScopeId": scope}
    await client.change("create", "roleManagement/directory/roleAssignments", value)


async def _patch(client: Client, **change: Any) -> int:
    return (await client.http.patch("/v1.0/users/u", json=change)).status_code


@pytest.mark.parametrize(
    ("role", "status"), [("", 403), (_USER_ADMINISTRATOR, 403), (_PRIVILEGED_AUTHENTICATION, 204), (_GLOBAL, 204)]
)
@pytest.mark.parametrize("protection", ["role", "directory role", "member", "owner"])
async def test_sensitive_writes_to_protected_users_need_a_role(protection: str, role: str, status: int) -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        if protection == "role":
            await _assign(client, "u", _GLOBAL)
        elif protection == "directory role":
            await client.change("create", "directoryRoles", {"id": "r", "roleTemplateId": _GLOBAL})
            await client.change("create", "directoryRoles/r/members", {"id": "u"})
        else:
            await client.change("create", "groups", {"id": "g", "isAssignableToRole": True, "securityEnabled": True})
            await client.change("create", f"groups/g/{protection}s", {"id": "u"})
        await _sign_in(client, _USERS, role=role)
        assert await _patch(client, jobTitle="Chief") == 204
        assert await _patch(client, accountEnabled=False) == status
        assert (await client.http.delete("/v1.0/users/u")).status_code == status


async def test_a_reader_is_not_protected() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await _assign(client, "u", _READER)
        await _sign_in(client, _USERS)
        assert await _patch(client, accountEnabled=False) == 204


@pytest.mark.parametrize(
    ("permissions", "role", "status"),
    [
        ((_USERS,), _USER_ADMINISTRATOR, 403),
        ((_USERS, _PASSWORDS), "", 403),
        ((_USERS, _PASSWORDS), _USER_ADMINISTRATOR, 204),
    ],
)
async def test_a_password_needs_a_permission_and_a_role(permissions: tuple[str, ...], role: str, status: int) -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await _sign_in(client, *permissions, role=role)
        assert await _patch(client, passwordProfile={"password": "Xy7-long-enough"}) == status


@pytest.mark.parametrize(
    ("role", "scope", "status"),
    [("", "/", 403), (_GLOBAL, "/", 403), (_USER_ADMINISTRATOR, "/administrativeUnits/unit", 204)],
)
async def test_members_of_a_restricted_unit_need_a_role_over_it(role: str, scope: str, status: int) -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await client.change("create", "groups", {"id": "g", "securityEnabled": True, "mailEnabled": False})
        unit = {"id": "unit", "isMemberManagementRestricted": True}
        await client.change("create", "directory/administrativeUnits", unit)
        for member in ("u", "g"):
            await client.change("create", "directory/administrativeUnits/unit/members", {"id": member})
        await _sign_in(client, _USERS, "Group.ReadWrite.All", role=role, scope=scope)
        for answer in (
            await client.http.patch("/v1.0/users/u", json={"jobTitle": "Chief"}),
            await client.http.patch("/v1.0/groups/g", json={"description": "d"}),
            await client.http.post("/v1.0/groups/g/members/$ref", json={"@odata.id": "https://x/users/u"}),
            await client.http.delete("/v1.0/groups/g"),
        ):
            assert answer.status_code == status
            assert status == 204 or "restricted management" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("permission", "status"), [("Directory.ReadWrite.All", 403), ("RoleManagement.ReadWrite.Directory", 204)]
)
async def test_members_of_a_role_assignable_group_need_the_permission_for_roles(permission: str, status: int) -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await client.change("create", "groups", {"id": "g", "isAssignableToRole": True, "securityEnabled": True})
        await _sign_in(client, "Group.ReadWrite.All", permission)
        reference = {"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/u"}
        assert (await client.http.post("/v1.0/groups/g/members/$ref", json=reference)).status_code == status
        assert (await client.http.patch("/v1.0/groups/g", json={"description": "d"})).status_code == status
