"""Roles and administrative units are written as Graph allows it."""

from typing import Any

import pytest

from tests.simulator.graph.client import Client, simulated

DEFINITIONS = "roleManagement/directory/roleDefinitions"
ASSIGNMENTS = "roleManagement/directory/roleAssignments"
REQUESTS = "roleManagement/directory/roleEligibilityScheduleRequests"
UNITS = "directory/administrativeUnits"
READERS = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
_TEMPLATE = "44444444-0000-0000-0000-000000000001"
_ROLE = {"displayName": "Role", "isEnabled": True, "rolePermissions": [{"allowedResourceActions": ["a/b/c"]}]}


async def _post(client: Client, path: str, body: object) -> tuple[int, dict[str, Any]]:
    response = await client.http.post(f"/v1.0/{path}", json=body)
    return response.status_code, response.json() if response.content else {}


async def test_a_custom_role_has_the_template_id_that_the_client_chose_once() -> None:
    async with simulated() as client:
        status, created = await _post(client, DEFINITIONS, {**_ROLE, "templateId": _TEMPLATE})
        assert (status, created["id"], created["templateId"]) == (201, _TEMPLATE, _TEMPLATE)
        assert (await _post(client, DEFINITIONS, {**_ROLE, "templateId": _TEMPLATE}))[0] == 400
        path = f"/v1.0/{DEFINITIONS}/{_TEMPLATE}"
        other = "44444444-0000-0000-0000-000000000002"
        assert (await client.http.patch(path, json={"templateId": other})).status_code == 400


async def test_an_assigned_role_is_not_deleted() -> None:
    async with simulated(users=1) as client:
        (user,) = await client.ids("users")
        _, role = await _post(client, DEFINITIONS, _ROLE)
        body = {"principalId": user, "roleDefinitionId": role["id"], "directoryScopeId": "/"}
        _, assignment = await _post(client, ASSIGNMENTS, body)
        path = f"/v1.0/{DEFINITIONS}/{role['id']}"
        assert (await client.http.delete(path)).status_code == 400
        await client.http.delete(f"/v1.0/{ASSIGNMENTS}/{assignment['id']}")
        assert (await client.http.delete(path)).status_code == 204


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 201),
        ({"directoryScopeId": "/administrativeUnits/a"}, 201),
        ({"directoryScopeId": "/administrativeUnits/b"}, 400),
        ({"directoryScopeId": "/s"}, 201),
        ({"directoryScopeId": "/u"}, 400),
        ({"roleDefinitionId": _TEMPLATE}, 400),
        ({"principalId": "nobody"}, 404),
        ({"principalId": "g"}, 400),
        ({"principalId": "r"}, 201),
        ({"principalId": "s"}, 201),
    ],
)
async def test_an_assignment_needs_an_existing_principal_role_and_scope(change: dict[str, str], status: int) -> None:
    async with simulated() as client:
        for path, id in (("users", "u"), ("groups", "g"), ("servicePrincipals", "s"), (UNITS, "a")):
            await client.change("create", path, {"id": id, "displayName": id})
        await client.change("create", "groups", {"id": "r", "isAssignableToRole": True})
        body = {"principalId": "u", "roleDefinitionId": READERS, "directoryScopeId": "/", **change}
        assert (await _post(client, ASSIGNMENTS, body))[0] == status
        if status == 201:
            again, answer = await _post(client, ASSIGNMENTS, body)
            assert again == 400 and answer["error"]["message"].startswith("A conflicting object")


async def test_a_role_over_a_unit_is_an_assignment_and_a_scoped_role_member() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u", "displayName": "One"})
        await client.change("create", UNITS, {"id": "a", "displayName": "Unit"})
        members = f"{UNITS}/a/scopedRoleMembers"
        body = {"principalId": "u", "roleDefinitionId": READERS, "directoryScopeId": "/administrativeUnits/a"}
        _, assignment = await _post(client, ASSIGNMENTS, body)
        (member,) = (await client.get(members)).json()["value"]
        assert member["roleMemberInfo"] == {"id": "u", "displayName": "One"}
        role = (await client.get(f"directoryRoles/{member['roleId']}")).json()
        assert role["roleTemplateId"] == READERS
        again = {"roleId": member["roleId"], "roleMemberInfo": {"id": "u"}}
        assert (await _post(client, members, again))[0] == 400
        await client.http.delete(f"/v1.0/{ASSIGNMENTS}/{assignment['id']}")
        assert (await client.get(members)).json()["value"] == []
        status, created = await _post(client, members, again)
        assert status == 201 and created["administrativeUnitId"] == "a"
        (row,) = (await client.get(ASSIGNMENTS)).json()["value"]
        assert {name: row[name] for name in body} == body
        await client.http.delete(f"/v1.0/{members}/{created['id']}")
        assert await client.ids(ASSIGNMENTS) == []


async def test_a_directory_role_is_activated_once() -> None:
    async with simulated() as client:
        status, role = await _post(client, "directoryRoles", {"roleTemplateId": READERS})
        assert (status, role["displayName"]) == (201, "Directory Readers")
        assert (await _post(client, "directoryRoles", {"roleTemplateId": READERS}))[0] == 400
        assert (await _post(client, "directoryRoles", {"roleTemplateId": _TEMPLATE}))[0] == 404
        assert (await client.http.delete(f"/v1.0/directoryRoles/{role['id']}")).status_code == 405


async def test_eligibilities_follow_their_requests() -> None:
    async with simulated(users=1) as client:
        (user,) = await client.ids("users")
        body = {
            "action": "adminAssign",
            "principalId": user,
            "roleDefinitionId": READERS,
            "directoryScopeId": "/",
            "scheduleInfo": {"expiration": {"type": "noExpiration"}},
        }
        schedules = "roleManagement/directory/roleEligibilitySchedules"
        refused = await _post(client, REQUESTS, {**body, "action": "adminRemove"})
        assert refused[1]["error"]["code"] == "RoleAssignmentDoesNotExist"
        assert (await _post(client, REQUESTS, body))[0] == 201
        assert len(await client.ids(schedules)) == 1
        update = {**body, "action": "adminUpdate", "scheduleInfo": {"expiration": {"type": "afterDuration"}}}
        assert (await _post(client, REQUESTS, update))[0] == 201
        (row,) = (await client.get(schedules)).json()["value"]
        assert row["scheduleInfo"]["expiration"] == {"type": "afterDuration"}
        assert (await _post(client, REQUESTS, {**body, "action": "adminRemove"}))[0] == 201
        assert await client.ids(schedules) == []
        unknown = await _post(client, REQUESTS, {**body, "principalId": "nobody"})
        assert (unknown[0], unknown[1]["error"]["code"]) == (404, "SubjectNotFound")
        await client.control("licences", ["P1"])
        assert (await _post(client, REQUESTS, body))[1]["error"]["code"] == "AadPremiumLicenseRequired"


async def test_a_unit_takes_no_service_principal_and_an_object_is_in_thirty_units_at_most() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await client.change("create", "servicePrincipals", {"id": "s"})
        statuses = []
        for number in range(31):
            await client.change("create", UNITS, {"id": f"a{number}", "displayName": "Unit"})
            path = f"{UNITS}/a{number}/members/$ref"
            statuses.append((await _post(client, path, {"@odata.id": "https://graph/users/u"}))[0])
        assert statuses == [204] * 30 + [400]
        body = {"@odata.id": "https://graph/servicePrincipals/s"}
        assert (await _post(client, f"{UNITS}/a0/members/$ref", body))[0] == 400


async def test_members_of_a_restricted_unit_need_a_role_of_the_application() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await client.change("create", UNITS, {"id": "a", "isMemberManagementRestricted": True})
        await client.change("create", "servicePrincipals", {"id": "s", "appId": "restorer"})
        permissions = ["AdministrativeUnit.ReadWrite.All"]
        await client.control("apps", {"client_id": "restorer", "secret": "s", "permissions": permissions})
        await client.sign_in("restorer", "s")
        path, body = f"{UNITS}/a/members/$ref", {"@odata.id": "https://graph/users/u"}
        assert (await _post(client, path, body))[0] == 403
        role = {"id": "r", "principalId": "s", "roleDefinitionId": "e8611ab8-c189-46e8-94e1-60213ab1f814"}
        await client.change("create", ASSIGNMENTS, {**role, "directoryScopeId": "/"})
        assert (await _post(client, path, body))[0] == 204
        assert (await client.http.delete(f"/v1.0/{UNITS}/a/members/u/$ref")).status_code == 204
