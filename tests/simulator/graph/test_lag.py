"""For some time after a write through Graph, a created object is not found, and a deleted one still is."""

from tests.simulator.graph.client import Client, simulated

_GROUP = {"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True}


async def _wait(client: Client, seconds: float) -> None:
    await client.control("clock", {"advance_days": seconds / 86400})


async def _create(client: Client) -> str:
    return str((await client.http.post("/v1.0/groups", json=_GROUP)).json()["id"])


async def _statuses(client: Client, group: str) -> list[int]:
    """Return the statuses of a read by id, an update, and a reference."""
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/groups/{group}"}
    answers = [
        await client.get(f"groups/{group}"),
        await client.http.patch(f"/v1.0/groups/{group}", json={"description": "d"}),
        await client.http.post("/v1.0/groups/other/members/$ref", json=reference),
    ]
    return [answer.status_code for answer in answers]


async def test_a_created_object_is_found_by_id_first_and_in_lists_later() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "other", "securityEnabled": True, "mailEnabled": False})
        await client.control("lag", {"get": 60, "list": 120})
        group = await _create(client)
        assert await _statuses(client, group) == [404, 404, 404]
        await _wait(client, 61)
        assert await _statuses(client, group) == [200, 204, 204]
        assert await client.ids("groups") == ["other"]
        assert await client.ids("groups?$filter=displayName eq 'G'") == []
        await _wait(client, 60)
        assert await client.ids("groups") == ["other", group]
        assert await client.ids("groups?$filter=displayName eq 'G'") == [group]


async def test_a_deleted_object_is_seen_until_the_lag_is_over() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g", "securityEnabled": True, "mailEnabled": False})
        await client.control("lag", {"get": 60, "list": 120})
        assert (await client.http.delete("/v1.0/groups/g")).status_code == 204
        assert (await client.get("groups/g")).status_code == 200
        assert (await client.http.patch("/v1.0/groups/g", json={"description": "d"})).status_code == 404
        await _wait(client, 61)
        assert (await client.get("groups/g")).status_code == 404
        assert (await client.ids("groups"), await client.ids("directory/deletedItems/microsoft.graph.group")) == (
            ["g"],
            [],
        )
        await _wait(client, 60)
        assert (await client.ids("groups"), await client.ids("directory/deletedItems/microsoft.graph.group")) == (
            [],
            ["g"],
        )


async def test_delta_brings_a_change_when_the_lag_of_lists_is_over() -> None:
    async with simulated() as client:
        await client.control("lag", {"list": 60})
        group = await _create(client)
        first = (await client.pages("groups/delta"))[-1]
        assert first["value"] == []
        second = (await client.pages(first["@odata.deltaLink"]))[-1]
        assert second["value"] == []
        await _wait(client, 61)
        third = (await client.pages(second["@odata.deltaLink"]))[-1]
        assert [value["id"] for value in third["value"]] == [group]


async def test_a_restored_object_is_not_found_at_once() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g", "securityEnabled": True, "mailEnabled": False})
        await client.change("delete", "groups/g")
        await client.control("lag", {"get": 60})
        assert (await client.http.post("/v1.0/directory/deletedItems/g/restore")).status_code == 200
        assert (await client.get("groups/g")).status_code == 404
        await _wait(client, 61)
        assert (await client.get("groups/g")).status_code == 200


async def test_a_name_is_taken_although_its_owner_is_not_found_yet() -> None:
    async with simulated() as client:
        await client.control("lag", {"get": 60, "list": 60})
        unified = {**_GROUP, "mailEnabled": True, "securityEnabled": False, "groupTypes": ["Unified"]}
        assert (await client.http.post("/v1.0/groups", json=unified)).status_code == 201
        assert (await client.http.post("/v1.0/groups", json=unified)).status_code == 400
