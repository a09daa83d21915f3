"""Governance and external identities are shown and written as Graph allows it."""

import httpx

from tests.simulator.graph.client import Client, simulated

CATALOGS = "identityGovernance/entitlementManagement/catalogs"
PACKAGES = "identityGovernance/entitlementManagement/accessPackages"
WORKFLOWS = "identityGovernance/lifecycleWorkflows/workflows"
ASSIGNMENTS = "identity/b2xUserFlows/B2X_1_Guests/userAttributeAssignments"


async def post(client: Client, path: str, body: dict[str, object]) -> httpx.Response:
    return await client.http.post(f"/v1.0/{path}", json=body)


async def test_what_an_object_contains_is_shown_by_expand_only() -> None:
    async with simulated() as client:
        catalog = (await client.ids(CATALOGS))[0]
        made = await post(client, PACKAGES, {"displayName": "Sales", "catalog": {"id": catalog}})
        assert made.status_code == 201
        assert "catalog" not in (await client.get(PACKAGES)).json()["value"][0]
        for path in (PACKAGES, f"{PACKAGES}/{made.json()['id']}"):
            shown = (await client.get(f"{path}?$expand=catalog")).json()
            assert shown.get("value", [shown])[0]["catalog"] == {"id": catalog}
        assert (await client.get(f"{PACKAGES}?$expand=catalog,owners")).status_code == 400


async def test_roles_of_a_package_are_shown_inside_it_with_what_they_contain() -> None:
    async with simulated() as client:
        await client.change("create", PACKAGES, {"id": "p", "displayName": "Sales"})
        role = {"id": "r_s", "role": {"originId": "Member_g"}, "scope": {"originId": "g"}}
        await client.change("create", f"{PACKAGES}/p/resourceRoleScopes", role)
        shown = (await client.get(f"{PACKAGES}?$expand=resourceRoleScopes($expand=role,scope)")).json()
        assert shown["value"][0]["resourceRoleScopes"] == [role]
        assert (await client.get(f"{PACKAGES}/p/resourceRoleScopes?$expand=role,scope")).json()["value"] == [role]


async def test_a_workflow_shows_its_conditions_on_demand_and_is_undeleted_from_its_own_bin() -> None:
    async with simulated() as client:
        (workflow,) = await client.ids(WORKFLOWS)
        assert "executionConditions" not in (await client.get(f"{WORKFLOWS}/{workflow}")).json()
        shown = (await client.get(f"{WORKFLOWS}/{workflow}?$select=id,executionConditions")).json()
        assert shown["executionConditions"]["trigger"]["offsetInDays"] == -7
        path = f"/v1.0/{WORKFLOWS}/{workflow}"
        refused = await client.http.patch(path, json={"executionConditions": {}})
        assert refused.status_code == 400 and "createNewVersion" in refused.text
        assert (await client.http.patch(path, json={"isEnabled": False})).status_code == 204
        assert (await client.http.delete(path)).status_code == 204
        bin = "identityGovernance/lifecycleWorkflows/deletedItems/workflows"
        assert await client.ids(bin) == [workflow]
        assert (await post(client, f"{bin}/{workflow}/restore", {})).status_code == 200
        assert (await client.get(f"{WORKFLOWS}/{workflow}")).json()["isEnabled"] is False


async def test_a_secret_is_masked_and_the_mask_is_refused() -> None:
    async with simulated() as client:
        authentication = {"@odata.type": "#microsoft.graph.basicAuthentication", "username": "u", "password": "secret"}
        connector = {"displayName": "API", "targetUrl": "https://x", "authenticationConfiguration": authentication}
        made = (await post(client, "identity/apiConnectors", connector)).json()
        assert made["authenticationConfiguration"] == {**authentication, "password": "******"}
        masked = {"authenticationConfiguration": made["authenticationConfiguration"]}
        path = f"/v1.0/identity/apiConnectors/{made['id']}"
        assert (await client.http.patch(path, json=masked)).status_code == 400
        assert (await client.http.patch(path, json={"displayName": "Other"})).status_code == 204


async def test_graph_makes_the_ids_of_user_flows_and_what_belongs_to_them() -> None:
    async with simulated() as client:
        flow = {"id": "Partner", "userFlowType": "signUpOrSignIn", "userFlowTypeVersion": 1}
        assert (await post(client, "identity/b2xUserFlows", flow)).json()["id"] == "B2X_1_Partner"
        hobby = {"displayName": "Hobby", "dataType": "string"}
        attribute = (await post(client, "identity/userFlowAttributes", hobby)).json()
        assert attribute["id"].startswith("extension_") and attribute["id"].endswith("_Hobby")
        field = {"displayName": "Hobby", "userInputType": "textBox", "userAttribute": {"id": attribute["id"]}}
        assert (await post(client, ASSIGNMENTS, field)).json()["id"] == attribute["id"]
        missing = await post(client, ASSIGNMENTS, {**field, "userAttribute": {"id": "none"}})
        assert missing.status_code == 400


async def test_an_object_below_another_one_goes_with_it_and_a_file_has_its_type() -> None:
    async with simulated() as client:
        await client.change("create", "trustFramework/policies", {"id": "B2C_1A_Base"})
        path = "trustFramework/policies/B2C_1A_Base"
        assert (await client.http.get(f"/beta/{path}/$value")).status_code == 404
        file = {"contentType": "application/xml", "contentBytes": "PHgvPg=="}
        await client.change("create", f"{path}/$value", file)
        shown = await client.http.get(f"/beta/{path}/$value")
        assert (shown.content, shown.headers["content-type"]) == (b"<x/>", "application/xml")
        await client.change("delete", path)
        await client.change("create", "trustFramework/policies", {"id": "B2C_1A_Base"})
        assert (await client.http.get(f"/beta/{path}/$value")).status_code == 404


async def test_the_cast_of_a_federation_comes_after_its_id() -> None:
    async with simulated() as client:
        path, cast = "directory/federationConfigurations", "microsoft.graph.samlOrWsFedExternalDomainFederation"
        body = {
            "issuerUri": "urn:contoso",
            "passiveSignInUri": "https://contoso.com",
            "preferredAuthenticationProtocol": "saml",
            "signingCertificate": "MII",
            "domains": [{"id": "contoso.com"}],
        }
        made = (await post(client, f"{path}/{cast}", body)).json()
        one = f"/v1.0/{path}/{made['id']}/{cast}"
        assert (await client.http.patch(one, json={"displayName": "Contoso"})).status_code == 204
        assert (await client.http.get(one)).json()["displayName"] == "Contoso"
