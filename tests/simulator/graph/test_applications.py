"""Applications and service principals are written as Graph allows it."""

from typing import Any

import pytest

from tests.simulator.graph.client import Client, simulated

_ROLE = {
    "id": "11111111-0000-0000-0000-000000000001",
    "allowedMemberTypes": ["User"],
    "description": "Role",
    "displayName": "Role",
    "isEnabled": True,
    "value": "Read",
}


async def _application(client: Client, **more: Any) -> dict[str, Any]:
    response = await client.http.post("/v1.0/applications", json={"displayName": "App", **more})
    assert response.status_code == 201, response.text
    return dict(response.json())


async def _principal(client: Client, app_id: str) -> str:
    response = await client.http.post("/v1.0/servicePrincipals", json={"appId": app_id})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def _patch(client: Client, path: str, body: object) -> tuple[int, dict[str, Any]]:
    response = await client.http.patch(f"/v1.0/{path}", json=body)
    return response.status_code, response.json().get("error", {}) if response.content else {}


@pytest.mark.parametrize(
    ("roles", "code"),
    [
        ([], "CannotDeleteOrUpdateEnabledEntitlement"),
        ([{**_ROLE, "value": "Write"}], "CannotDeleteOrUpdateEnabledEntitlement"),
        ([{**_ROLE, "value": "Write", "isEnabled": False}], "CannotDeleteOrUpdateEnabledEntitlement"),
        ([_ROLE, {**_ROLE, "id": "11111111-0000-0000-0000-000000000002"}], "DuplicateValue"),
        ([_ROLE, {**_ROLE, "value": "Write"}], "DuplicateValue"),
    ],
)
async def test_roles_are_changed_in_two_steps_and_have_values_of_their_own(roles: list[Any], code: str) -> None:
    async with simulated() as client:
        path = f"applications/{(await _application(client, appRoles=[_ROLE]))['id']}"
        status, error = await _patch(client, path, {"appRoles": roles})
        assert (status, error["code"], error["details"][0]["target"]) == (400, code, "appRoles")
        assert (await client.get(path)).json()["appRoles"] == [_ROLE]
        assert (await _patch(client, path, {"appRoles": [{**_ROLE, "isEnabled": False}]}))[0] == 204
        assert (await _patch(client, path, {"appRoles": []}))[0] == 204


async def test_a_service_principal_has_the_roles_of_its_application_and_assignments_end_with_their_role() -> None:
    async with simulated(users=1) as client:
        created = await _application(client, appRoles=[_ROLE])
        principal = await _principal(client, created["appId"])
        (user,) = await client.ids("users")
        path = f"servicePrincipals/{principal}/appRoleAssignedTo"
        body = {"principalId": user, "resourceId": principal, "appRoleId": _ROLE["id"]}
        default = {**body, "appRoleId": "00000000-0000-0000-0000-000000000000"}
        for assignment in (body, default):
            assert (await client.http.post(f"/v1.0/{path}", json=assignment)).status_code == 201
        disabled = {**_ROLE, "isEnabled": False}
        await _patch(client, f"applications/{created['id']}", {"appRoles": [disabled]})
        assert (await client.get(f"servicePrincipals/{principal}")).json()["appRoles"] == [disabled]
        assert len(await client.ids(path)) == 2
        await _patch(client, f"applications/{created['id']}", {"appRoles": []})
        assert [row["appRoleId"] for row in (await client.get(path)).json()["value"]] == [default["appRoleId"]]


async def test_a_scope_is_pre_authorised_only_after_it_is_stored() -> None:
    scope = {"id": "22222222-0000-0000-0000-000000000001", "value": "read", "isEnabled": True, "type": "User"}
    client_app = {"appId": "33333333-0000-0000-0000-000000000001", "delegatedPermissionIds": [scope["id"]]}
    api = {"oauth2PermissionScopes": [scope], "preAuthorizedApplications": [client_app]}
    async with simulated() as client:
        path = f"applications/{(await _application(client))['id']}"
        status, error = await _patch(client, path, {"api": api})
        assert (status, error["code"]) == (400, "InvalidValue")
        assert error["details"][0]["target"] == "api.preAuthorizedApplications.delegatedPermissionIds"
        assert (await _patch(client, path, {"api": {"oauth2PermissionScopes": [scope]}}))[0] == 204
        assert (await _patch(client, path, {"api": api}))[0] == 204


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("api://{app}", 204),
        ("api://{app}/part", 204),
        ("api://22222222-2222-2222-2222-222222222222/name", 204),
        ("https://contoso.com/app", 204),
        ("https://sub.contoso.com/app", 204),
        ("https://notcontoso.com/app", 400),
        ("api://33333333-0000-0000-0000-000000000001", 400),
        ("urn:foreign", 400),
    ],
)
async def test_an_identifier_uri_needs_a_verified_domain_or_the_own_id(address: str, status: int) -> None:
    async with simulated() as client:
        created = await _application(client)
        body = {"identifierUris": [address.format(app=created["appId"])]}
        assert (await _patch(client, f"applications/{created['id']}", body))[0] == status


async def test_a_foreign_identifier_uri_is_accepted_once_the_service_principal_uses_saml() -> None:
    async with simulated() as client:
        created = await _application(client)
        principal = await _principal(client, created["appId"])
        body = {"identifierUris": ["https://foreign.example/saml"]}
        status, error = await _patch(client, f"applications/{created['id']}", body)
        assert (status, error["code"]) == (400, "HostNameNotOnVerifiedDomain")
        await _patch(client, f"servicePrincipals/{principal}", {"preferredSingleSignOnMode": "saml"})
        assert (await _patch(client, f"applications/{created['id']}", body))[0] == 204
        names = (await client.get(f"servicePrincipals/{principal}")).json()["servicePrincipalNames"]
        assert names == ["https://foreign.example/saml", created["appId"]]


async def test_a_default_redirect_must_be_among_the_redirects() -> None:
    async with simulated() as client:
        path = f"applications/{(await _application(client))['id']}"
        assert (await _patch(client, path, {"defaultRedirectUri": "https://a.example"}))[0] == 400
        body = {"defaultRedirectUri": "https://a.example", "web": {"redirectUris": ["https://a.example"]}}
        assert (await _patch(client, path, body))[0] == 204


async def test_a_second_service_principal_is_a_conflict() -> None:
    async with simulated() as client:
        app_id = (await _application(client))["appId"]
        await _principal(client, app_id)
        response = await client.http.post("/v1.0/servicePrincipals", json={"appId": app_id})
        error = response.json()["error"]
        assert response.status_code == 409 and error["code"] == "Request_MultipleObjectsWithSameKeyValue"
        assert app_id in error["message"] and error["details"][0]["target"] == "servicePrincipalNames"


async def test_a_service_principal_follows_its_application_into_the_bin_and_returns_by_itself() -> None:
    async with simulated() as client:
        created = await _application(client)
        principal = await _principal(client, created["appId"])
        await client.http.delete(f"/v1.0/applications/{created['id']}")
        assert (await client.get(f"servicePrincipals/{principal}")).status_code == 404
        await client.http.post(f"/v1.0/directory/deletedItems/{created['id']}/restore")
        assert (await client.get(f"servicePrincipals/{principal}")).status_code == 404
        restored = await client.http.post(f"/v1.0/directory/deletedItems/{principal}/restore")
        assert restored.status_code == 200
        assert (await client.get(f"servicePrincipals/{principal}")).json()["appId"] == created["appId"]


async def test_a_service_principal_is_not_restored_after_its_application_was_purged() -> None:
    async with simulated() as client:
        created = await _application(client)
        principal = await _principal(client, created["appId"])
        await client.http.delete(f"/v1.0/applications/{created['id']}")
        await client.http.delete(f"/v1.0/directory/deletedItems/{created['id']}")
        restored = await client.http.post(f"/v1.0/directory/deletedItems/{principal}/restore")
        assert restored.status_code == 400


async def test_a_service_principal_is_not_restored_beside_its_successor() -> None:
    async with simulated() as client:
        created = await _application(client)
        principal = await _principal(client, created["appId"])
        await client.http.delete(f"/v1.0/servicePrincipals/{principal}")
        successor = await _principal(client, created["appId"])
        restored = await client.http.post(f"/v1.0/directory/deletedItems/{principal}/restore")
        assert restored.status_code == 409
        await client.http.delete(f"/v1.0/servicePrincipals/{successor}")
        restored = await client.http.post(f"/v1.0/directory/deletedItems/{principal}/restore")
        assert restored.status_code == 200


async def test_microsofts_own_application_gets_a_service_principal_without_an_application() -> None:
    async with simulated() as client:
        assert await _principal(client, "d4ebce55-015a-49b5-a083-c84d1797ae8c")


async def test_a_new_application_and_its_service_principal_are_unknown_until_the_lag_is_over() -> None:
    async with simulated(users=1) as client:
        (user,) = await client.ids("users")
        await client.control("lag", {"get": 3600})
        app_id = (await _application(client))["appId"]
        refused = await client.http.post("/v1.0/servicePrincipals", json={"appId": app_id})
        assert refused.status_code == 400 and "does not reference a valid application" in refused.text
        await client.control("clock", {"advance_days": 1 / 24})
        await client.sign_in()
        principal = await _principal(client, app_id)
        body = {"principalId": user, "resourceId": principal, "appRoleId": "00000000-0000-0000-0000-000000000000"}
        by_user, by_resource = f"users/{user}/appRoleAssignments", f"servicePrincipals/{principal}/appRoleAssignedTo"
        statuses = [(await client.http.post(f"/v1.0/{path}", json=body)).status_code for path in (by_user, by_resource)]
        assert statuses == [400, 404]
        await client.control("clock", {"advance_days": 1 / 24})
        await client.sign_in()
        assert (await client.http.post(f"/v1.0/{by_user}", json=body)).status_code == 201


async def test_a_purged_service_principal_of_a_foreign_application_is_created_again() -> None:
    async with simulated(servicePrincipals=1) as client:
        (principal,) = await client.ids("servicePrincipals")
        app_id = (await client.get(f"servicePrincipals/{principal}")).json()["appId"]
        await client.change("delete", f"servicePrincipals/{principal}")
        await client.change("purge", f"servicePrincipals/{principal}")
        assert await _principal(client, app_id) != principal


async def test_secrets_of_a_new_application_are_made_by_the_service() -> None:
    async with simulated() as client:
        created = await _application(client, passwordCredentials=[{"displayName": "one"}])
        (secret,) = (await client.get(f"applications/{created['id']}")).json()["passwordCredentials"]
        assert secret["displayName"] == "one" and secret["keyId"] and secret["secretText"] is None
        for name in ("keyId", "secretText", "customKeyIdentifier"):
            body = {"displayName": "App", "passwordCredentials": [{"displayName": "one", name: "x"}]}
            assert (await client.http.post("/v1.0/applications", json=body)).status_code == 400


async def test_a_known_certificate_is_sent_as_it_was_read() -> None:
    async with simulated() as client:
        path = f"applications/{(await _application(client))['id']}"
        assert (await _patch(client, path, {"keyCredentials": [{"key": "AAAA", "displayName": "one"}]}))[0] == 204
        (stored,) = (await client.get(path)).json()["keyCredentials"]
        assert stored["key"] is None
        assert (await _patch(client, path, {"keyCredentials": [{**stored, "displayName": "two"}]}))[0] == 400
        both = [stored, {"key": "BBBB", "displayName": "two"}]
        assert (await _patch(client, path, {"keyCredentials": both}))[0] == 204
        assert [row["displayName"] for row in (await client.get(path)).json()["keyCredentials"]] == ["one", "two"]
