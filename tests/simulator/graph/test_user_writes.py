"""Users are written by the rules of their properties, names and guests."""

from typing import Any

import httpx
import pytest

from simulator.graph.values import DOMAIN
from tests.simulator.graph.client import Client, simulated

_USER = {
    "displayName": "U",
    "accountEnabled": True,
    "mailNickname": "u",
    "userPrincipalName": f"u@{DOMAIN}",
    "passwordProfile": {"password": "Xy7-long-enough"},
}


async def _patch(client: Client, **change: Any) -> httpx.Response:
    return await client.http.patch("/v1.0/users/u", json=change)


@pytest.mark.parametrize(
    "change",
    [
        {"assignedLicenses": []},
        {"displayName": None},
        {"displayName": "x" * 257},
        {"jobTitle": ""},
        {"mail": None},
        {"passwordProfile": {"password": "short"}},
        {"aboutMe": "I", "city": "Bonn"},
    ],
)
async def test_a_value_that_a_property_cannot_have_is_refused_and_changes_nothing(change: dict[str, Any]) -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u", "displayName": "U", "city": "Berlin"})
        before = await client.objects("users")
        assert (await _patch(client, **change)).status_code == 400
        assert await client.objects("users") == before


async def test_mail_becomes_the_primary_address() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u", "proxyAddresses": ["SMTP:old@x", "smtp:new@x"]})
        assert (await _patch(client, mail="new@x")).status_code == 204
        (user,) = await client.objects("users")
        assert user["proxyAddresses"] == ["SMTP:new@x", "smtp:old@x"]


async def test_a_synchronised_user_keeps_what_the_cloud_owns_writable() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u", "onPremisesSyncEnabled": True})
        assert (await _patch(client, usageLocation="DE")).status_code == 204
        assert (await _patch(client, usageLocation="DE", city="Bonn")).status_code == 400


async def test_a_property_may_need_a_permission_of_its_own() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        for permissions, status in (
            (["User.ReadWrite.All"], 403),
            (["User.ReadWrite.All", "User-LifeCycleInfo.ReadWrite.All"], 204),
        ):
            await client.control("apps", {"client_id": "c", "secret": "s", "permissions": permissions})
            await client.sign_in("c", "s")
            assert (await _patch(client, employeeLeaveDateTime="2030-01-01T00:00:00Z")).status_code == status


async def test_an_invitation_finds_the_guest_again_and_refuses_a_member() -> None:
    async with simulated() as client:
        invitation = {"invitedUserEmailAddress": "g@example.org", "inviteRedirectUrl": "https://example.org"}
        guests = [
            (await client.http.post("/v1.0/invitations", json=invitation)).json()["invitedUser"]["id"] for _ in range(2)
        ]
        assert guests[0] == guests[1]
        await client.change("create", "users", {"id": "m", "mail": "m@example.org", "userType": "Member"})
        refused = await client.http.post(
            "/v1.0/invitations", json={**invitation, "invitedUserEmailAddress": "m@example.org"}
        )
        assert refused.status_code == 400


async def test_a_user_returns_from_the_bin_under_a_new_name_if_his_own_is_taken() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u", "userPrincipalName": f"u@{DOMAIN}"})
        await client.change("delete", "users/u")
        assert (await client.http.post("/v1.0/users", json=_USER)).status_code == 201
        restore = "/v1.0/directory/deletedItems/u/restore"
        assert (await client.http.post(restore)).status_code == 400
        renamed = {"newUserPrincipalName": f"u2@{DOMAIN}"}
        assert (await client.http.post(restore, json=renamed)).json()["userPrincipalName"] == f"u2@{DOMAIN}"


async def test_a_restored_user_gives_up_the_addresses_of_others_only_if_asked() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u", "proxyAddresses": ["SMTP:u@x", "smtp:shared@x"]})
        await client.change("delete", "users/u")
        await client.change("create", "groups", {"id": "g", "proxyAddresses": ["SMTP:shared@x"]})
        restore = "/v1.0/directory/deletedItems/u/restore"
        assert (await client.http.post(restore)).status_code == 400
        assert (await client.http.post(restore, json={"autoReconcileProxyConflict": True})).status_code == 200
        assert (await client.objects("users/u"))[0]["proxyAddresses"] == ["SMTP:u@x"]


async def test_a_password_is_never_shown() -> None:
    async with simulated() as client:
        await client.http.post("/v1.0/users", json=_USER)
        assert "passwordProfile" not in (await client.objects("users"))[0]


async def test_the_groups_of_a_user_and_the_reports_of_a_manager_are_listed() -> None:
    async with simulated(users=40, groups=8) as client:
        members = {group: await client.ids(f"groups/{group}/members") for group in await client.ids("groups")}
        group = next(group for group, ids in members.items() if ids)
        for member in await client.ids(f"groups/{group}/members/microsoft.graph.user"):
            assert group in await client.ids(f"users/{member}/memberOf")
        first = (await client.ids("users"))[0]
        reports = await client.ids(f"users/{first}/directReports")
        assert len(reports) == 8
        for report in reports:
            assert (await client.get(f"users/{report}/manager")).json()["id"] == first
