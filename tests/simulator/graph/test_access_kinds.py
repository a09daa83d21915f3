"""Conditional Access, roles, units and policies are listed, read by id and changed through the control address."""

import pytest

from tests.simulator.graph.client import simulated

_LOCATION = {"@odata.type": "#microsoft.graph.countryNamedLocation", "id": "l", "displayName": "Land"}
_COLLECTIONS = (
    ("identity/conditionalAccess/namedLocations", _LOCATION),
    ("identity/conditionalAccess/authenticationContextClassReferences", {"id": "c7", "displayName": "Label"}),
    ("policies/authenticationStrengthPolicies", {"id": "s", "displayName": "Keys"}),
    ("directory/administrativeUnits", {"id": "a", "displayName": "Unit"}),
    ("roleManagement/directory/roleDefinitions", {"id": "d", "displayName": "Role"}),
    ("roleManagement/directory/roleAssignments", {"id": "r", "principalId": "u", "directoryScopeId": "/"}),
    ("policies/claimsMappingPolicies", {"id": "m", "displayName": "Mapping"}),
    ("policies/homeRealmDiscoveryPolicies", {"id": "h", "displayName": "Realm"}),
    ("groupSettings", {"id": "g", "displayName": "Group.Unified"}),
    ("groupLifecyclePolicies", {"id": "e", "groupLifetimeInDays": 180}),
)


@pytest.mark.parametrize(("path", "value"), _COLLECTIONS)
async def test_a_collection_lists_what_was_created_until_it_is_deleted(path: str, value: dict[str, object]) -> None:
    async with simulated() as client:
        before = await client.ids(path)
        await client.change("create", path, value)
        assert await client.ids(path) == [*before, value["id"]]
        one = (await client.get(f"{path}/{value['id']}")).json()
        assert {name: one[name] for name in value} == value
        await client.change("delete", f"{path}/{value['id']}")
        assert await client.ids(path) == before
        assert (await client.get(f"{path}/{value['id']}")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "policies/authorizationPolicy",
        "policies/identitySecurityDefaultsEnforcementPolicy",
        "policies/authenticationMethodsPolicy",
        "policies/adminConsentRequestPolicy",
    ],
)
async def test_a_singleton_is_always_there_and_shows_its_changes(path: str) -> None:
    async with simulated() as client:
        before = (await client.get(path)).json()
        await client.change("update", path, {"displayName": "Changed"})
        after = (await client.get(path)).json()
        assert after["displayName"] == "Changed" and after["id"] == before["id"]
        removal = await client.control("changes", [{"op": "delete", "path": path}])
        assert removal.status_code == 400 and (await client.get(path)).json() == after
        counted = {(row["path"], row["status"]) for row in (await client.http.get("/_sim/requests")).json()}
        assert (f"/v1.0/{path}", 200) in counted


async def test_built_in_strengths_and_roles_exist_in_every_directory() -> None:
    async with simulated() as client:
        strengths = (await client.get("policies/authenticationStrengthPolicies")).json()["value"]
        assert {value["policyType"] for value in strengths} == {"builtIn"} and len(strengths) == 3
        readers = await client.get("roleManagement/directory/roleDefinitions/88d8e3e3-8f55-4a1e-953a-9b9898b8876b")
        assert readers.json()["displayName"] == "Directory Readers" and readers.json()["isBuiltIn"] is True


async def test_combination_configurations_belong_to_their_strength() -> None:
    path = "policies/authenticationStrengthPolicies/s/combinationConfigurations"
    value = {"@odata.type": "#microsoft.graph.fido2CombinationConfiguration", "id": "k", "allowedAAGUIDs": ["x"]}
    async with simulated() as client:
        await client.change("create", "policies/authenticationStrengthPolicies", {"id": "s"})
        await client.change("create", path, value)
        assert (await client.get(path)).json()["value"] == [value]
        await client.change("update", f"{path}/k", {"allowedAAGUIDs": ["y"]})
        assert (await client.get(f"{path}/k")).json()["allowedAAGUIDs"] == ["y"]
        expanded = await client.get("policies/authenticationStrengthPolicies/s?$expand=combinationConfigurations")
        assert expanded.json()["combinationConfigurations"] == [{**value, "allowedAAGUIDs": ["y"]}]
        await client.change("delete", f"{path}/k")
        assert (await client.get(path)).json()["value"] == []
        assert (await client.get(f"{path}/k")).status_code == 404


async def test_delta_of_units_sends_members_by_default() -> None:
    async with simulated(users=2) as client:
        users = await client.ids("users")
        await client.change("create", "directory/administrativeUnits", {"id": "a", "displayName": "Unit"})
        await client.change("create", "directory/administrativeUnits/a/members", {"id": users[0]})
        first = (await client.pages("directory/administrativeUnits/delta"))[-1]
        members = [{"@odata.type": "#microsoft.graph.user", "id": users[0]}]
        assert first["value"][0]["members@delta"] == members
        await client.change("create", "directory/administrativeUnits/a/members", {"id": users[1]})
        second = (await client.pages(first["@odata.deltaLink"]))[-1]
        assert [member["id"] for member in second["value"][0]["members@delta"]] == [users[1]]


async def test_scoped_roles_of_a_unit_need_the_permission_for_roles() -> None:
    path = "directory/administrativeUnits/a/scopedRoleMembers"
    row = {"id": "m", "roleId": "r", "administrativeUnitId": "a", "roleMemberInfo": {"id": "u"}}
    async with simulated() as client:
        await client.change("create", "directory/administrativeUnits", {"id": "a", "displayName": "Unit"})
        await client.change("create", path, row)
        assert (await client.get(path)).json()["value"] == [row]
        await client.control(
            "apps", {"client_id": "units", "secret": "s", "permissions": ["AdministrativeUnit.Read.All"]}
        )
        await client.sign_in("units", "s")
        assert (await client.get("directory/administrativeUnits/a")).status_code == 200
        assert (await client.get(path)).status_code == 403


async def test_an_assignment_of_a_role_shows_its_principal_and_ends_with_it() -> None:
    path = "roleManagement/directory/roleAssignments"
    async with simulated(users=1) as client:
        (user,) = await client.ids("users")
        await client.change("create", path, {"id": "r", "principalId": user, "directoryScopeId": "/"})
        (row,) = (await client.get(f"{path}?$expand=principal($select=id)")).json()["value"]
        assert row["principal"] == {"@odata.type": "#microsoft.graph.user", "id": user}
        await client.change("delete", f"users/{user}")
        assert await client.ids(path) == ["r"]
        await client.change("purge", f"users/{user}")
        assert await client.ids(path) == []


async def test_an_application_cannot_read_terms_of_use() -> None:
    async with simulated() as client:
        await client.change("create", "identityGovernance/termsOfUse/agreements", {"id": "t"})
        assert (await client.get("identityGovernance/termsOfUse/agreements")).status_code == 403
        assert await client.objects("identityGovernance/termsOfUse/agreements") == [{"id": "t"}]
