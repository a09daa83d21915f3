"""Groups are written by the rules of their types, links and owners."""

from typing import Any

import httpx
import pytest

from tests.simulator.graph.client import Client, simulated

_SECURITY = {"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True}
_UNIFIED = {**_SECURITY, "mailEnabled": True, "securityEnabled": False, "groupTypes": ["Unified"]}
_DYNAMIC = {
    "groupTypes": ["DynamicMembership"],
    "membershipRule": 'user.city -eq "Bonn"',
    "membershipRuleProcessingState": "On",
}
_MEMBER_OF = "user.memberOf -any (group.objectId -in ['g1'])"


def _reference(id: str) -> dict[str, str]:
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{id}"}


async def _add(client: Client, relation: str, target: str) -> httpx.Response:
    return await client.http.post(f"/v1.0/groups/g/{relation}/$ref", json=_reference(target))


async def _prepare(client: Client, group: dict[str, Any], **owners: str) -> None:
    await client.change("create", "groups", {"id": "g", **group})
    for id, path in owners.items():
        await client.change("create", path, {"id": id, "appId": id})
        await client.change("create", "groups/g/owners", {"id": id})


@pytest.mark.parametrize(
    ("group", "change"),
    [
        (_SECURITY, {"groupTypes": ["Unified"]}),
        (_SECURITY, {"isAssignableToRole": True}),
        (_SECURITY, {"mailEnabled": True}),
        (_SECURITY, {"allowExternalSenders": True, "description": "d"}),
        (_SECURITY, {"mailNickname": "a b"}),
        (_SECURITY, {**_DYNAMIC, "membershipRule": "nonsense"}),
        (_SECURITY, {**_DYNAMIC, "membershipRule": f"{_MEMBER_OF} -and {_DYNAMIC['membershipRule']}"}),
        ({**_SECURITY, "onPremisesSyncEnabled": True}, {"description": "d"}),
        ({**_SECURITY, "mailEnabled": True}, {"description": "d"}),
    ],
)
async def test_a_change_that_a_group_does_not_allow_is_refused(group: dict[str, Any], change: dict[str, Any]) -> None:
    async with simulated() as client:
        await _prepare(client, group)
        before = await client.objects("groups")
        assert (await client.http.patch("/v1.0/groups/g", json=change)).status_code == 400
        assert await client.objects("groups") == before


async def test_a_rule_by_groups_alone_is_accepted() -> None:
    async with simulated() as client:
        await _prepare(client, _SECURITY)
        change = {**_DYNAMIC, "membershipRule": _MEMBER_OF}
        assert (await client.http.patch("/v1.0/groups/g", json=change)).status_code == 204


async def test_a_repeated_property_that_is_set_at_creation_is_accepted() -> None:
    async with simulated() as client:
        await _prepare(client, _UNIFIED)
        assert (await client.http.patch("/v1.0/groups/g", json={**_UNIFIED, "description": "d"})).status_code == 204


async def test_a_group_that_becomes_dynamic_loses_its_members() -> None:
    async with simulated() as client:
        await _prepare(client, _SECURITY)
        await client.change("create", "users", {"id": "u"})
        assert (await _add(client, "members", "u")).status_code == 204
        assert (await client.http.patch("/v1.0/groups/g", json=_DYNAMIC)).status_code == 204
        assert await client.ids("groups/g/members") == []
        assert (await _add(client, "members", "u")).status_code == 403


async def test_the_last_user_among_the_owners_stays_unless_the_group_is_role_assignable() -> None:
    async with simulated() as client:
        for assignable, status in ((False, 400), (True, 204)):
            await _prepare(client, {**_SECURITY, "isAssignableToRole": assignable}, u="users", s="servicePrincipals")
            assert (await client.http.delete("/v1.0/groups/g/owners/u/$ref")).status_code == status
        assert (await client.http.delete("/v1.0/groups/g/owners/s/$ref")).status_code == 204


async def test_a_group_never_owns_a_group_and_no_device_joins_a_unified_one() -> None:
    async with simulated() as client:
        await _prepare(client, _UNIFIED)
        await client.change("create", "groups", {"id": "other", **_SECURITY})
        await client.change("create", "devices", {"id": "d"})
        assert (await _add(client, "owners", "other")).status_code == 400
        assert (await _add(client, "members", "d")).status_code == 400


async def test_a_nickname_of_a_unified_group_stays_reserved_in_the_bin() -> None:
    async with simulated() as client:
        first = (await client.http.post("/v1.0/groups", json=_UNIFIED)).json()["id"]
        await client.http.delete(f"/v1.0/groups/{first}")
        assert (await client.http.post("/v1.0/groups", json=_UNIFIED)).status_code == 400
        assert (await client.http.post("/v1.0/groups", json=_SECURITY)).status_code == 201
        await client.http.delete(f"/v1.0/directory/deletedItems/{first}")
        assert (await client.http.post("/v1.0/groups", json=_UNIFIED)).status_code == 201


async def test_a_group_has_one_setting_of_a_template_and_loses_it_with_itself() -> None:
    async with simulated() as client:
        await _prepare(client, _UNIFIED)
        setting = {"templateId": "t", "values": [{"name": "AllowToAddGuests", "value": "false"}]}
        created = await client.http.post("/v1.0/groups/g/settings", json=setting)
        assert created.status_code == 201
        assert (await client.http.post("/v1.0/groups/g/settings", json=setting)).status_code == 400
        path = f"/v1.0/groups/g/settings/{created.json()['id']}"
        assert (await client.http.delete(path)).status_code == 204
        assert (await client.http.delete(path)).status_code == 404


async def test_links_of_a_new_group_follow_its_type() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u", "userType": "Guest"})
        members = {"members@odata.bind": [_reference("u")["@odata.id"]]}
        assert (await client.http.post("/v1.0/groups", json={**_SECURITY, **_DYNAMIC, **members})).status_code == 403
        setting = {"id": "s", "templateId": "t", "values": [{"name": "AllowToAddGuests", "value": "false"}]}
        await client.change("create", "groupSettings", setting)
        assert (await client.http.post("/v1.0/groups", json={**_UNIFIED, **members})).status_code == 403
        assert (await client.http.post("/v1.0/groups", json={**_SECURITY, **members})).status_code == 201
        assert len(await client.objects("groups")) == 1


@pytest.mark.parametrize(
    ("path", "permission"), [("devices", "Device.ReadWrite.All"), ("servicePrincipals", "Application.ReadWrite.All")]
)
async def test_members_that_are_no_users_need_the_permission_of_their_kind(path: str, permission: str) -> None:
    async with simulated() as client:
        await _prepare(client, _SECURITY)
        await client.change("create", path, {"id": "m"})
        for permissions, status in (
            (["GroupMember.ReadWrite.All"], 403),
            (["GroupMember.ReadWrite.All", permission], 204),
        ):
            await client.control("apps", {"client_id": "c", "secret": "s", "permissions": permissions})
            await client.sign_in("c", "s")
            assert (await _add(client, "members", "m")).status_code == status
