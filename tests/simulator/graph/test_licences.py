"""Licences take seats, directly or through groups, and follow memberships and the recycle bin."""

from typing import Any

from simulator.graph.values import DOMAIN
from tests.simulator.graph.client import Client, simulated

_SKU = "aaaaaaaa-0000-4000-8000-000000000001"


async def _prepare(client: Client, seats: int, *users: str) -> None:
    product = {"id": "p", "skuId": _SKU, "consumedUnits": 0, "prepaidUnits": {"enabled": seats}}
    await client.change("create", "subscribedSkus", product)
    for user in users:
        value = {"id": user, "userPrincipalName": f"{user}@{DOMAIN}", "usageLocation": "DE"}
        await client.change("create", "users", value)


async def _assign(client: Client, path: str, add: bool = True) -> tuple[int, str]:
    licences = {"addLicenses": [{"skuId": _SKU, "disabledPlans": []}] if add else [], "removeLicenses": []}
    answer = await client.http.post(
        f"/v1.0/{path}/assignLicense", json=licences | ({} if add else {"removeLicenses": [_SKU]})
    )
    return answer.status_code, answer.json().get("error", {}).get("message", "")


async def _held(client: Client, user: str) -> list[str]:
    (value,) = await client.objects(f"users/{user}")
    return [licence["skuId"] for licence in value.get("assignedLicenses", [])]


async def _consumed(client: Client) -> int:
    (product,) = await client.objects("subscribedSkus/p")
    return int(product["consumedUnits"])


async def _states(client: Client, user: str) -> list[dict[str, Any]]:
    (value,) = await client.objects(f"users/{user}")
    return list(value["licenseAssignmentStates"])


async def test_a_removed_licence_frees_its_seat() -> None:
    async with simulated() as client:
        await _prepare(client, 1, "u", "v")
        assert (await _assign(client, "users/u"))[0] == 200
        assert (await _assign(client, "users/u"))[0] == 200  # the licence he has takes no further seat
        assert (await _assign(client, "users/v"))[0] == 400
        assert (await _assign(client, "users/u", add=False))[0] == 200
        assert (await _assign(client, "users/v"))[0] == 200
        assert (await _held(client, "u"), await _held(client, "v"), await _consumed(client)) == ([], [_SKU], 1)


async def test_members_hold_the_licences_of_their_group_while_they_are_members() -> None:
    async with simulated() as client:
        await _prepare(client, 1, "u", "v")
        await client.change("create", "groups", {"id": "g", "securityEnabled": True, "mailEnabled": False})
        await client.change("create", "groups/g/members", {"id": "u"})
        assert (await _assign(client, "groups/g"))[0] == 202
        assert await _held(client, "u") == [_SKU]
        assert "inherited" in (await _assign(client, "users/u", add=False))[1]
        reference = {"@odata.id": "https://graph.microsoft.com/v1.0/users/v"}
        await client.http.post("/v1.0/groups/g/members/$ref", json=reference)
        assert await _held(client, "v") == []
        assert [(state["error"], state["assignedByGroup"]) for state in await _states(client, "v")] == [
            ("CountViolation", "g")
        ]
        await client.http.delete("/v1.0/groups/g/members/u/$ref")
        assert (await _held(client, "u"), await _consumed(client)) == ([], 0)


async def test_a_deleted_group_gives_its_licences_back_with_its_restore() -> None:
    async with simulated() as client:
        await _prepare(client, 1, "u")
        await client.change("create", "groups", {"id": "g", "securityEnabled": True, "mailEnabled": False})
        await client.change("create", "groups/g/members", {"id": "u"})
        await _assign(client, "groups/g")
        await client.http.delete("/v1.0/groups/g")
        assert (await _held(client, "u"), await _consumed(client)) == ([], 0)
        await client.http.post("/v1.0/directory/deletedItems/g/restore")
        assert (await _held(client, "u"), await _consumed(client)) == ([_SKU], 1)


async def test_a_restored_user_lost_the_licence_whose_seat_another_took() -> None:
    async with simulated() as client:
        await _prepare(client, 1, "u", "v")
        await _assign(client, "users/u")
        await client.http.delete("/v1.0/users/u")
        assert await _consumed(client) == 0
        await client.http.post("/v1.0/directory/deletedItems/u/restore")
        assert (await _held(client, "u"), await _consumed(client)) == ([_SKU], 1)
        await client.http.delete("/v1.0/users/u")
        await _assign(client, "users/v")
        await client.http.post("/v1.0/directory/deletedItems/u/restore")
        assert (await _held(client, "u"), await _consumed(client)) == ([], 1)
