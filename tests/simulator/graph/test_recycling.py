"""The recycle bin is listed by type and read by id. Objects leave it by a restore or a purge."""

import pytest

from tests.simulator.graph.client import simulated

_BIN = "directory/deletedItems"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", _BIN, 400, "Request_UnsupportedQuery"),
        ("GET", f"{_BIN}/microsoft.graph.user/more", 400, "BadRequest"),
        ("GET", f"{_BIN}/microsoft.graph.user/$count/more", 400, "BadRequest"),
        ("GET", f"{_BIN}/none", 404, "Request_ResourceNotFound"),
        ("GET", f"{_BIN}/u/more", 400, "BadRequest"),
        ("GET", f"{_BIN}/u/restore", 400, "BadRequest"),
        ("POST", f"{_BIN}/microsoft.graph.user", 405, "Request_BadRequest"),
        ("PATCH", f"{_BIN}/u", 405, "Request_BadRequest"),
    ],
)
async def test_other_paths_of_the_recycle_bin_are_refused(method: str, path: str, status: int, code: str) -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await client.change("delete", "users/u")
        answer = await client.http.request(method, f"/v1.0/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_deleted_object_is_restored_or_purged() -> None:
    async with simulated() as client:
        for id in ("u", "v"):
            await client.change("create", "users", {"id": id})
            await client.change("delete", f"users/{id}")
        answer = await client.http.post(f"/v1.0/{_BIN}/u/restore")
        assert (answer.status_code, answer.json()["@odata.type"]) == (200, "#microsoft.graph.user")
        assert (await client.http.delete(f"/v1.0/{_BIN}/v")).status_code == 204
        assert await client.ids(f"{_BIN}/microsoft.graph.user") == []
        assert await client.ids("users") == ["u"]


async def test_the_recycle_bin_requires_the_permissions_of_its_objects() -> None:
    async with simulated() as client:
        for path, id in (("users", "u"), ("groups", "g")):
            await client.change("create", path, {"id": id})
            await client.change("delete", f"{path}/{id}")
        results = {}
        for permission in ("User.Read.All", "User.DeleteRestore.All", "Group.ReadWrite.All"):
            await client.control("apps", {"client_id": "c", "secret": "s", "permissions": [permission]})
            await client.sign_in("c", "s")
            statuses = [
                (await client.get(f"{_BIN}/{name}")).status_code for name in ("graph.user", "u", "graph.group", "g")
            ]
            statuses += [(await client.http.post(f"/v1.0/{_BIN}/{id}/restore")).status_code for id in ("u", "g")]
            results[permission] = statuses
        assert results == {
            "User.Read.All": [200, 200, 403, 403, 403, 403],
            "User.DeleteRestore.All": [403, 403, 403, 403, 200, 403],
            "Group.ReadWrite.All": [403, 404, 200, 200, 404, 200],
        }


async def test_a_location_comes_back_untrusted_and_no_application_restores_it() -> None:
    async with simulated() as client:
        path = "identity/conditionalAccess/namedLocations"
        await client.change("create", path, {"id": "l", "isTrusted": True})
        await client.change("delete", f"{path}/l")
        assert (await client.get(f"{path}/l")).status_code == 404
        bin_path = "/v1.0/identity/conditionalAccess/deletedItems/namedLocations"
        assert (await client.http.get(bin_path)).status_code == 403
        assert (await client.http.post(f"{bin_path}/l/restore")).status_code == 403
        await client.change("restore", f"{path}/l")
        assert (await client.get(f"{path}/l")).json()["isTrusted"] is False


async def test_a_custom_role_comes_back_from_a_bin_of_its_own() -> None:
    async with simulated() as client:
        path = "roleManagement/directory/roleDefinitions"
        bin_path = "/v1.0/roleManagement/directory/deletedItems/roleDefinitions"
        await client.change("create", path, {"id": "d", "displayName": "Role"})
        assert (await client.http.delete(f"/v1.0/{path}/d")).status_code == 204
        assert [row["id"] for row in (await client.http.get(bin_path)).json()["value"]] == ["d"]
        assert (await client.http.get(f"{bin_path}/d")).json()["deletedDateTime"]
        restored = await client.http.post(f"{bin_path}/d/restore")
        assert restored.status_code == 200 and restored.json()["displayName"] == "Role"
        assert (await client.http.post(f"{bin_path}/d/restore")).status_code == 404
        assert (await client.get(f"{path}/d")).status_code == 200
        await client.http.delete(f"/v1.0/{path}/d")
        assert (await client.http.delete(f"{bin_path}/d")).status_code == 204
        assert (await client.http.get(bin_path)).json()["value"] == []


async def test_a_unit_comes_back_with_its_members_and_is_never_purged_by_request() -> None:
    async with simulated(users=1) as client:
        (user,) = await client.ids("users")
        await client.change("create", "directory/administrativeUnits", {"id": "a", "displayName": "Unit"})
        await client.change("create", "directory/administrativeUnits/a/members", {"id": user})
        await client.http.delete("/v1.0/directory/administrativeUnits/a")
        assert (await client.http.delete("/v1.0/directory/deletedItems/a")).status_code == 405
        assert (await client.http.post("/v1.0/directory/deletedItems/a/restore")).status_code == 200
        assert await client.ids("directory/administrativeUnits/a/members") == [user]


async def test_a_service_principal_comes_back_without_its_claims_mapping_policy() -> None:
    async with simulated(servicePrincipals=1) as client:
        (principal,) = await client.ids("servicePrincipals")
        policies = f"servicePrincipals/{principal}/claimsMappingPolicies"
        await client.change("create", "policies/claimsMappingPolicies", {"id": "m"})
        body = {"@odata.id": "https://graph/policies/claimsMappingPolicies/m"}
        assert (await client.http.post(f"/v1.0/{policies}/$ref", json=body)).status_code == 204
        await client.http.delete(f"/v1.0/servicePrincipals/{principal}")
        assert (await client.http.post(f"/v1.0/directory/deletedItems/{principal}/restore")).status_code == 200
        assert await client.ids(policies) == []


async def test_a_service_principal_returns_only_while_its_application_exists() -> None:
    async with simulated() as client:
        application = (await client.http.post("/v1.0/applications", json={"displayName": "A"})).json()
        principal = (await client.http.post("/v1.0/servicePrincipals", json={"appId": application["appId"]})).json()
        restore = f"/v1.0/{_BIN}/{principal['id']}/restore"
        for purge, status in ((False, 200), (True, 400)):
            await client.http.delete(f"/v1.0/applications/{application['id']}")
            assert (await client.get(f"servicePrincipals/{principal['id']}")).status_code == 404
            action, path = ("DELETE", "") if purge else ("POST", "/restore")
            await client.http.request(action, f"/v1.0/{_BIN}/{application['id']}{path}")
            assert (await client.http.post(restore)).status_code == status
