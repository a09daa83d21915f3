"""Objects are read by their unique names, whatever the earlier owners of those names."""

from simulator.graph.values import DOMAIN
from tests.simulator.graph.client import Client, simulated

_GROUP = {"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True}
_USER = {
    "displayName": "U",
    "accountEnabled": True,
    "mailNickname": "u",
    "passwordProfile": {"password": "Xy7-long-enough"},
}


async def _create(client: Client, name: str) -> int:
    return (await client.http.post("/v1.0/users", json={**_USER, "userPrincipalName": name})).status_code


async def test_a_user_is_read_by_the_current_name_in_any_case() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u", "userPrincipalName": "Old@x"})
        assert (await client.get("users/oLD@X")).json()["id"] == "u"
        await client.change("update", "users/u", {"userPrincipalName": "new@x"})
        assert (await client.get("users/old@x")).status_code == 404
        assert (await client.get("users/NEW@x")).json()["id"] == "u"


async def test_a_name_is_reserved_while_its_user_lives() -> None:
    async with simulated(users=3) as client:
        generated = (await client.objects("users"))[1]
        assert await _create(client, generated["userPrincipalName"].upper()) == 400
        await client.change("create", "users", {"id": "u", "userPrincipalName": f"mine@{DOMAIN}"})
        assert await _create(client, f"MINE@{DOMAIN}") == 400
        await client.change("delete", "users/u")
        assert await _create(client, f"MINE@{DOMAIN}") == 201
        await client.change("purge", f"users/{generated['id']}")
        assert await _create(client, generated["userPrincipalName"]) == 201


async def test_objects_in_the_bin_count_toward_the_limit_of_objects() -> None:
    async with simulated() as client:
        await client.control("quotas", {"objects": 2})
        created = [await client.http.post("/v1.0/groups", json=_GROUP) for _ in range(2)]
        first = created[0].json()["id"]
        await client.http.delete(f"/v1.0/groups/{first}")
        refused = await client.http.post("/v1.0/groups", json=_GROUP)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "Directory_QuotaExceeded")
        await client.http.delete(f"/v1.0/directory/deletedItems/{first}")
        assert (await client.http.post("/v1.0/groups", json=_GROUP)).status_code == 201


async def test_an_object_with_a_unique_name_is_created_once() -> None:
    async with simulated() as client:
        path, headers = "/v1.0/groups(uniqueName='k')", {"Prefer": "create-if-missing"}
        assert (await client.http.patch(path, json=_GROUP)).status_code == 404
        created = await client.http.patch(path, json=_GROUP, headers=headers)
        assert created.status_code == 201
        assert (await client.http.patch(path, json={"description": "again"}, headers=headers)).status_code == 204
        assert [group["description"] for group in await client.objects("groups")] == ["again"]
        await client.change("purge", f"groups/{created.json()['id']}")
        assert (await client.http.patch(path, json=_GROUP, headers=headers)).status_code == 201
