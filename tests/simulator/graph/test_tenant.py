"""Policies and settings of the directory are written as Graph allows it."""

import pytest

from simulator.graph.tokens import DIRECTORY_ID
from tests.simulator.graph.client import simulated

_TEMPLATE = "62375ab9-6b52-47ed-826b-58e47e0e304b"


async def test_a_partial_object_of_the_authorization_policy_keeps_its_other_members() -> None:
    async with simulated() as client:
        path = "policies/authorizationPolicy"
        before = (await client.get(path)).json()["defaultUserRolePermissions"]
        change = {"defaultUserRolePermissions": {"allowedToCreateApps": False}}
        assert (await client.http.patch(f"/v1.0/{path}", json=change)).status_code == 204
        after = (await client.get(path)).json()["defaultUserRolePermissions"]
        assert after == {**before, "allowedToCreateApps": False}


async def test_a_setting_is_updated_with_all_values_of_its_template() -> None:
    async with simulated() as client:
        body = {"templateId": _TEMPLATE, "values": [{"name": "AllowToAddGuests", "value": "false"}]}
        created = (await client.http.post("/v1.0/groupSettings", json=body)).json()
        assert created["displayName"] == "Group.Unified" and len(created["values"]) == 15
        path = f"/v1.0/groupSettings/{created['id']}"
        refused = await client.http.patch(path, json={"values": body["values"]})
        assert refused.status_code == 400 and "NewUnifiedGroupWritebackDefault" in refused.text
        changed = [{**row, "value": "x"} if row["name"] == "ClassificationList" else row for row in created["values"]]
        assert (await client.http.patch(path, json={"values": changed})).status_code == 204
        assert (await client.http.get(path)).json()["values"] == changed


async def test_a_method_is_updated_under_its_type_and_shown_in_the_policy() -> None:
    async with simulated() as client:
        path = "policies/authenticationMethodsPolicy"
        fido = f"/v1.0/{path}/authenticationMethodConfigurations/fido2"
        assert (await client.http.patch(fido, json={"state": "enabled"})).status_code == 400
        typed = {"@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration", "state": "enabled"}
        assert (await client.http.patch(fido, json=typed)).status_code == 204
        shown = (await client.get(path)).json()["authenticationMethodConfigurations"]
        assert {row["id"]: row["state"] for row in shown}["Fido2"] == "enabled"
        post = await client.http.post(f"/v1.0/{path}/authenticationMethodConfigurations", json=typed)
        assert post.status_code == 405 and (await client.http.delete(fido)).status_code == 405


async def test_the_consent_request_policy_is_put_not_patched() -> None:
    async with simulated() as client:
        path = "/v1.0/policies/adminConsentRequestPolicy"
        body = {"isEnabled": True, "notifyReviewers": False, "remindersEnabled": False, "requestDurationInDays": 9}
        assert (await client.http.patch(path, json=body)).status_code == 405
        assert (await client.http.put(path, json=body)).status_code == 204
        assert (await client.http.get(path)).json()["requestDurationInDays"] == 9


async def test_a_partner_property_in_another_spelling_is_refused() -> None:
    async with simulated() as client:
        path = "/v1.0/policies/crossTenantAccessPolicy/partners"
        partner = {"tenantId": "55555555-0000-0000-0000-000000000001"}
        assert (await client.http.post(path, json={**partner, "b2BCollaborationInbound": {}})).status_code == 400
        assert (await client.http.post(path, json=partner)).status_code == 201
        assert (await client.http.post(path, json=partner)).status_code == 400


async def test_condition_sets_are_shown_in_their_policy_and_never_changed() -> None:
    async with simulated() as client:
        path = "/v1.0/policies/permissionGrantPolicies"
        assert (await client.http.post(path, json={"id": "own", "displayName": "Own"})).status_code == 201
        posted = await client.http.post(f"{path}/own/includes", json={"permissionType": "delegated"})
        condition = posted.json()["id"]
        (own,) = [row for row in (await client.http.get(path)).json()["value"] if row["id"] == "own"]
        assert [row["id"] for row in own["includes"]] == [condition] and own["excludes"] == []
        assert (await client.http.patch(f"{path}/own/includes/{condition}", json={})).status_code == 405
        assert (await client.http.delete(f"{path}/microsoft-user-default-low")).status_code == 400
        assert (await client.http.post(path, json={"id": "microsoft-own", "displayName": "Own"})).status_code == 400


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("technicalNotificationMails", ["a@example.org"], 204),
        ("privacyProfile", {"contactEmail": "a@example.org"}, 204),
        ("displayName", "Other", 400),
        ("onPremisesSyncEnabled", True, 400),
    ],
)
async def test_few_properties_of_the_organization_can_be_set(name: str, value: object, status: int) -> None:
    async with simulated() as client:
        path = f"/v1.0/organization/{DIRECTORY_ID}"
        assert (await client.http.patch(path, json={name: value})).status_code == status
        assert ((await client.http.get(path)).json()[name] == value) is (status == 204)


async def test_groups_are_put_under_a_policy_for_selected_groups_and_taken_out() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g"})
        body = {"groupLifetimeInDays": 29, "managedGroupTypes": "Selected"}
        assert (await client.http.post("/v1.0/groupLifecyclePolicies", json=body)).status_code == 400
        created = await client.http.post("/v1.0/groupLifecyclePolicies", json={**body, "groupLifetimeInDays": 30})
        path = f"/v1.0/groupLifecyclePolicies/{created.json()['id']}"
        for action, changed, listed in (("addGroup", True, 1), ("addGroup", False, 1), ("removeGroup", True, 0)):
            answer = await client.http.post(f"{path}/{action}", json={"groupId": "g"})
            assert answer.json() == {"value": changed}
            assert len((await client.get("groups/g/groupLifecyclePolicies")).json()["value"]) == listed


async def test_the_default_domain_is_not_deleted() -> None:
    async with simulated() as client:
        for domain in (await client.get("domains")).json()["value"]:
            status = (await client.http.delete(f"/v1.0/domains/{domain['id']}")).status_code
            assert status == (400 if domain["isDefault"] else 204)


async def test_branding_is_read_and_written_by_language() -> None:
    async with simulated() as client:
        path = f"/v1.0/organization/{DIRECTORY_ID}/branding"
        french = {"id": "fr-FR", "signInPageText": "Bonjour"}
        assert (await client.http.get(path)).status_code == 404
        assert (await client.http.post(f"{path}/localizations", json=french)).status_code == 404
        for text in ("Welcome", "Hello"):
            assert (await client.http.patch(path, json={"signInPageText": text})).status_code == 204
        assert (await client.http.post(f"{path}/localizations", json=french)).status_code == 201
        assert (await client.http.post(f"{path}/localizations", json=french)).status_code == 400
        for language, text in (("0", "Hello"), ("fr-FR", "Bonjour"), ("de-DE", "Hello")):
            answer = await client.http.get(path, headers={"Accept-Language": language})
            assert answer.json()["signInPageText"] == text
        listed = (await client.http.get(f"{path}/localizations")).json()["value"]
        assert [row["id"] for row in listed] == ["0", "fr-FR"]
        assert (await client.http.delete(f"{path}/localizations/0")).status_code == 400
        assert (await client.http.delete(f"{path}/localizations/fr-FR")).status_code == 204


@pytest.mark.parametrize(
    ("name", "unified", "status"),
    [
        ("GRP-Sales-EU", True, 201),
        ("Sales-EU", True, 400),
        ("GRP-Sales", True, 400),
        ("GRP-the boss -EU", True, 400),
        ("Sales", False, 201),
    ],
)
async def test_the_naming_policy_holds_for_microsoft_365_groups(name: str, unified: bool, status: int) -> None:
    rules = {"PrefixSuffixNamingRequirement": "GRP-[GroupName]-EU", "CustomBlockedWordsList": "Boss,chief"}
    values = [{"name": key, "value": value} for key, value in rules.items()]
    async with simulated() as client:
        await client.http.post("/v1.0/groupSettings", json={"templateId": _TEMPLATE, "values": values})
        body = {
            "displayName": name,
            "mailEnabled": unified,
            "mailNickname": "GRP-Sales-EU",
            "securityEnabled": not unified,
            "groupTypes": ["Unified"] if unified else [],
        }
        assert (await client.http.post("/v1.0/groups", json=body)).status_code == status
