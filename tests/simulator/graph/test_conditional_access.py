"""Conditional Access, its locations, contexts and strengths are written as Graph allows it."""

from typing import Any

import pytest

from tests.simulator.graph.client import Client, simulated

POLICIES = "identity/conditionalAccess/policies"
LOCATIONS = "identity/conditionalAccess/namedLocations"
CONTEXTS = "identity/conditionalAccess/authenticationContextClassReferences"
STRENGTHS = "policies/authenticationStrengthPolicies"
_COUNTRY = {
    "@odata.type": "#microsoft.graph.countryNamedLocation",
    "displayName": "Land",
    "countriesAndRegions": ["DE"],
}


def policy(conditions: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    users = {"includeUsers": ["None"]}
    whole = {"applications": {"includeApplications": ["All"]}, "clientAppTypes": ["all"], "users": users}
    return {
        "displayName": "Case",
        "state": "disabled",
        "conditions": whole | (conditions or {}),
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        **more,
    }


async def _post(client: Client, path: str, body: object) -> tuple[int, dict[str, Any]]:
    response = await client.http.post(f"/v1.0/{path}", json=body)
    return response.status_code, response.json()


@pytest.mark.parametrize(
    ("number", "body"),
    [
        ("1007", policy({"locations": None})),
        ("1007", policy({"times": "unknownFutureValue"})),
        ("1007", policy({"agents": {}})),
        ("1007", policy(state="on")),
        ("1007", policy(grantControls=None)),
        ("1007", policy(sessionControls={"signInFrequency": {"isEnabled": False}})),
        ("1007", policy(grantControls={"builtInControls": ["mfa"], "authenticationStrength": {"id": "x"}})),
        ("1007", policy({"users": {"excludeGuestsOrExternalUsers": {"externalTenants": {"membershipKind": ""}}}})),
        (
            "1007",
            policy({"users": {"includeUsers": ["GuestsOrExternalUsers"], "includeGuestsOrExternalUsers": {"a": "b"}}}),
        ),
        ("1012", policy({"applications": {"includeApplications": ["All"], "includeUserActions": ["urn:user:x"]}})),
        ("1032", policy(grantControls={"builtInControls": ["passwordChange"]})),
        ("1034", policy({"applications": {"includeApplications": ["00000000-0000-0000-0000-00000000000a"]}})),
        ("1040", policy({"locations": {"includeLocations": ["00000000-0000-0000-0000-00000000000a"]}})),
        ("1054", policy({"users": {"includeUsers": ["All"], "excludeGroups": ["sg"]}})),
    ],
)
async def test_an_invalid_policy_is_refused_with_its_number(number: str, body: dict[str, Any]) -> None:
    async with simulated() as client:
        status, answer = await _post(client, POLICIES, body)
        assert status == 400 and answer["error"]["code"] == "BadRequest"
        assert answer["error"]["message"].startswith(f"{number}: ")
        assert await client.ids(POLICIES) == []


async def test_an_update_that_names_a_missing_location_is_refused_and_changes_nothing() -> None:
    async with simulated() as client:
        location = (await _post(client, LOCATIONS, _COUNTRY))[1]["id"]
        _, created = await _post(client, POLICIES, policy({"locations": {"includeLocations": [location]}}))
        path = f"/v1.0/{POLICIES}/{created['id']}"
        await client.http.delete(f"/v1.0/{LOCATIONS}/{location}")
        answer = await client.http.patch(
            path, json={"conditions": policy()["conditions"] | {"locations": {"includeLocations": [location]}}}
        )
        assert answer.status_code == 400 and "1040" in answer.text
        shown = (await client.http.get(path)).json()
        assert shown["conditions"]["locations"] == {"includeLocations": [location], "excludeLocations": []}
        assert shown["modifiedDateTime"] is None


async def test_a_policy_that_names_a_new_location_is_refused_until_the_lag_is_over() -> None:
    async with simulated() as client:
        await client.control("lag", {"get": 3600})
        location = (await _post(client, LOCATIONS, _COUNTRY))[1]["id"]
        body = policy({"locations": {"includeLocations": [location]}})
        status, answer = await _post(client, POLICIES, body)
        assert status == 400 and answer["error"]["message"].startswith("1040: ")
        await client.control("clock", {"advance_days": 1 / 24})
        await client.sign_in()
        assert (await _post(client, POLICIES, body))[0] == 201


async def test_conditions_are_replaced_as_a_whole_and_shown_with_all_their_lists() -> None:
    async with simulated() as client:
        _, created = await _post(client, POLICIES, policy({"userRiskLevels": ["high"]}))
        path = f"/v1.0/{POLICIES}/{created['id']}"
        await client.http.patch(path, json={"conditions": policy({"users": {"includeUsers": ["All"]}})["conditions"]})
        conditions = (await client.http.get(path)).json()["conditions"]
        assert conditions["userRiskLevels"] == [] and conditions["users"]["excludeGroups"] == []
        assert conditions["devices"] is None and conditions["users"]["includeUsers"] == ["All"]


async def test_security_defaults_keep_policies_from_being_enabled() -> None:
    async with simulated() as client:
        path = "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy"
        assert (await client.http.patch(path, json={"isEnabled": True})).status_code == 204
        assert (await _post(client, POLICIES, policy(state="enabled")))[0] == 400
        assert (await client.http.patch(path, json={"isEnabled": False})).status_code == 204
        assert (await _post(client, POLICIES, policy(state="enabled")))[0] == 201


async def test_the_type_of_a_location_is_needed_and_stays() -> None:
    async with simulated() as client:
        untyped = {name: value for name, value in _COUNTRY.items() if name != "@odata.type"}
        assert (await _post(client, LOCATIONS, untyped))[0] == 400
        _, created = await _post(client, LOCATIONS, _COUNTRY)
        path = f"/v1.0/{LOCATIONS}/{created['id']}"
        assert (await client.http.patch(path, json={"displayName": "No type"})).status_code == 400
        other = {"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "Other type"}
        assert (await client.http.patch(path, json=other)).status_code == 400
        named = {"@odata.type": _COUNTRY["@odata.type"], "displayName": "Renamed"}
        assert (await client.http.patch(path, json=named)).status_code == 204
        selected = (await client.get(f"{LOCATIONS}?$select=displayName")).json()["value"]
        assert selected == [named]


async def test_a_context_is_created_by_an_update_and_kept_while_a_policy_names_it() -> None:
    async with simulated() as client:
        path = f"/v1.0/{CONTEXTS}/c7"
        for name in ("Label", "Other"):
            assert (await client.http.patch(path, json={"displayName": name})).status_code == 204
            assert (await client.http.get(path)).json()["displayName"] == name
        assert (await client.http.patch(f"/v1.0/{CONTEXTS}/c100", json={"displayName": "No"})).status_code == 400
        assert (await _post(client, CONTEXTS, {"id": "c8", "displayName": "No"}))[0] == 405
        applications = {"includeAuthenticationContextClassReferences": ["c7"]}
        _, created = await _post(client, POLICIES, policy({"applications": applications}))
        assert (await client.http.delete(path)).status_code == 400
        await client.http.delete(f"/v1.0/{POLICIES}/{created['id']}")
        assert (await client.http.delete(path)).status_code == 204


async def test_a_policy_shows_its_strength_which_is_not_deleted_before_it() -> None:
    async with simulated() as client:
        _, strength = await _post(client, STRENGTHS, {"displayName": "Keys", "allowedCombinations": ["fido2"]})
        path = f"/v1.0/{STRENGTHS}/{strength['id']}"
        grant = {"operator": "OR", "builtInControls": [], "authenticationStrength": {"id": strength["id"]}}
        _, created = await _post(client, POLICIES, policy(grantControls=grant))
        assert created["grantControls"]["authenticationStrength"]["allowedCombinations"] == ["fido2"]
        assert (await client.http.delete(path)).status_code == 400
        await client.http.delete(f"/v1.0/{POLICIES}/{created['id']}")
        assert (await client.http.delete(path)).status_code == 204


async def test_combination_configurations_are_written_with_their_type() -> None:
    async with simulated() as client:
        _, strength = await _post(client, STRENGTHS, {"displayName": "Keys", "allowedCombinations": ["fido2"]})
        path = f"{STRENGTHS}/{strength['id']}/combinationConfigurations"
        body = {"appliesToCombinations": ["fido2"], "allowedAAGUIDs": ["a"]}
        assert (await _post(client, path, body))[0] == 400
        typed = {"@odata.type": "#microsoft.graph.fido2CombinationConfiguration", **body}
        status, created = await _post(client, path, typed)
        assert status == 201
        one = f"/v1.0/{path}/{created['id']}"
        change = {"@odata.type": typed["@odata.type"], "allowedAAGUIDs": ["b"]}
        assert (await client.http.patch(one, json=change)).status_code == 204
        assert (await client.get(path)).json()["value"] == [{"id": created["id"], **typed, "allowedAAGUIDs": ["b"]}]
        assert (await client.http.delete(one)).status_code == 204
        assert (await client.get(path)).json()["value"] == []
