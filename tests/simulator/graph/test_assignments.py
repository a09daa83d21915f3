"""App role assignments and permission grants are written as in Graph's reference, with its refusals."""

import base64
import json
import uuid

import httpx
import pytest

from tests.simulator.graph.client import BASE, Client, simulated

_ROLE = "00000000-0000-0000-0000-000000000000"


async def _create_ends(client: Client) -> tuple[str, str, str]:
    """Create a user, a group and a service principal. Return their ids."""
    ids = (str(uuid.uuid4()), str(uuid.uuid4()), str(uuid.uuid4()))
    for path, id in zip(("users", "groups", "servicePrincipals"), ids, strict=True):
        await client.change("create", path, {"id": id, "displayName": f"one of {path}"})
    return ids


async def _post(client: Client, path: str, value: object) -> httpx.Response:
    return await client.http.post(f"/v1.0/{path}", json=value)


async def test_an_assignment_is_created_and_deleted() -> None:
    async with simulated() as client:
        user, group, principal = await _create_ends(client)
        path = f"servicePrincipals/{principal}/appRoleAssignedTo"
        for end, type, name in ((user, "User", "one of users"), (group, "Group", "one of groups")):
            body = {"principalId": end, "resourceId": principal, "appRoleId": _ROLE}
            answer = await _post(client, path, body)
            value = answer.json()
            assert answer.status_code == 201
            assert (
                value.pop("@odata.context")
                == f"{BASE}/v1.0/$metadata#servicePrincipals('{principal}')/appRoleAssignedTo/$entity"
            )
            assert (value["deletedDateTime"], value["createdDateTime"][-1]) == (None, "Z")
            assert value.items() >= {**body, "principalType": type, "principalDisplayName": name}.items()
            assert value["resourceDisplayName"] == "one of servicePrincipals"
            assert base64.urlsafe_b64decode(value["id"] + "=")[:16] == uuid.UUID(end).bytes_le
            assert {**(await client.get(answer.headers["Location"])).json(), "@odata.context": ""} == {
                **value,
                "@odata.context": "",
            }
            duplicate = await _post(client, path, body)
            assert (duplicate.status_code, duplicate.json()["error"]["message"]) == (
                400,
                "Permission being assigned already exists on the object",
            )
        assert len(await client.ids(path)) == 2
        assert (await client.http.delete(f"/v1.0/{path}/{value['id']}")).status_code == 204
        assert (await client.http.delete(f"/v1.0/{path}/{value['id']}")).status_code == 404
        assert await client.ids(f"groups/{group}/appRoleAssignments") == []


async def test_only_a_role_of_the_application_is_assigned_and_only_to_a_principal_that_it_allows() -> None:
    async with simulated() as client:
        user, group, principal = await _create_ends(client)
        path = f"servicePrincipals/{principal}/appRoleAssignedTo"
        roles = [
            {"id": str(uuid.uuid4()), "allowedMemberTypes": [kind], "isEnabled": True}
            for kind in ("User", "Application")
        ]
        await client.change("update", f"servicePrincipals/{principal}", {"appRoles": roles})
        for end, role, status in (
            (user, roles[0]["id"], 201),
            (group, roles[0]["id"], 201),
            (principal, roles[0]["id"], 400),
            (principal, roles[1]["id"], 201),
            (user, roles[1]["id"], 400),
            (user, str(uuid.uuid4()), 400),
        ):
            body = {"principalId": end, "resourceId": principal, "appRoleId": role}
            assert (await _post(client, path, body)).status_code == status


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"principalId": None}, 400),
        ({"appRoleId": None}, 400),
        ({"resourceId": str(uuid.uuid4())}, 400),
        ({"principalId": str(uuid.uuid4())}, 404),
    ],
)
async def test_an_assignment_requires_all_its_ends(change: dict[str, str], status: int) -> None:
    async with simulated() as client:
        user, _, principal = await _create_ends(client)
        body = {"principalId": user, "resourceId": principal, "appRoleId": _ROLE, **change}
        assert (await _post(client, f"servicePrincipals/{principal}/appRoleAssignedTo", body)).status_code == status
        assert (await _post(client, "servicePrincipals/none/appRoleAssignedTo", body)).status_code in (400, 404)
        assert await client.objects(f"servicePrincipals/{principal}/appRoleAssignedTo") == []


async def test_a_grant_is_created_changed_and_deleted() -> None:
    async with simulated() as client:
        user, _, principal = await _create_ends(client)
        await client.change("create", "servicePrincipals", {"id": "client"})
        ends = {"clientId": "client", "resourceId": principal}
        for more in ({"consentType": "AllPrincipals"}, {"consentType": "Principal", "principalId": user}):
            answer = await _post(client, "oauth2PermissionGrants", {**ends, **more, "scope": "User.Read"})
            assert answer.status_code == 201
            value = answer.json()
            assert value.items() >= {"principalId": None, **ends, **more, "scope": "User.Read"}.items()
            duplicate = await _post(client, "oauth2PermissionGrants", {**ends, **more, "scope": "Mail.Read"})
            assert (duplicate.status_code, duplicate.json()["error"]["code"], duplicate.json()["error"]["message"]) == (
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                "Permission entry already exists.",
            )
        path = f"/v1.0/oauth2PermissionGrants/{value['id']}"
        assert (await client.http.patch(path, json={"scope": "Mail.Read"})).status_code == 204
        assert (await client.http.get(path)).json()["scope"] == "Mail.Read"
        assert (await client.http.delete(path)).status_code == 204
        assert (await client.http.delete(path)).status_code == 404
        assert len(await client.objects("oauth2PermissionGrants")) == 1
        created = await _post(client, "oauth2PermissionGrants", {**ends, **more})
        assert (created.status_code, created.json()["id"], created.json()["scope"]) == (201, value["id"], "")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"clientId": None}, 400),
        ({"clientId": "none"}, 404),
        ({"resourceId": "none"}, 404),
        ({"consentType": "Everybody"}, 400),
        ({"consentType": "Principal"}, 400),
        ({"consentType": "Principal", "principalId": "none"}, 404),
        ({"principalId": "none"}, 400),
    ],
)
async def test_a_grant_requires_all_its_ends(change: dict[str, str], status: int) -> None:
    async with simulated() as client:
        _, _, principal = await _create_ends(client)
        body = {
            "clientId": principal,
            "resourceId": principal,
            "consentType": "AllPrincipals",
            "scope": "x",
            **change,
        }
        assert (await _post(client, "oauth2PermissionGrants", body)).status_code == status
        assert await client.objects("oauth2PermissionGrants") == []


@pytest.mark.parametrize(
    ("permissions", "assigns", "grants"),
    [
        (["AppRoleAssignment.ReadWrite.All", "Application.Read.All"], 201, 403),
        (["AppRoleAssignment.ReadWrite.All"], 403, 403),
        (["Application.ReadWrite.All"], 403, 403),
        (["DelegatedPermissionGrant.ReadWrite.All"], 403, 201),
    ],
)
async def test_writing_requires_its_own_permissions(permissions: list[str], assigns: int, grants: int) -> None:
    async with simulated() as client:
        user, _, principal = await _create_ends(client)
        await client.control("apps", {"client_id": "c", "secret": "s", "permissions": permissions})
        await client.sign_in("c", "s")
        assignment = {"principalId": user, "resourceId": principal, "appRoleId": _ROLE}
        grant = {"clientId": principal, "resourceId": principal, "consentType": "AllPrincipals"}
        answer = await _post(client, f"servicePrincipals/{principal}/appRoleAssignedTo", assignment)
        assert answer.status_code == assigns
        assert (await _post(client, "oauth2PermissionGrants", grant)).status_code == grants


async def test_an_assignment_cannot_be_patched_or_put() -> None:
    async with simulated(users=5, servicePrincipals=1) as client:
        principal = (await client.ids("servicePrincipals"))[0]
        path = f"/v1.0/servicePrincipals/{principal}/appRoleAssignedTo"
        first = (await client.objects(path.removeprefix("/v1.0/")))[0]["id"]
        for method, target in (("PATCH", f"{path}/{first}"), ("PUT", path)):
            answer = await client.http.request(method, target, content=json.dumps({"principalId": "x"}))
            assert answer.status_code == 405
