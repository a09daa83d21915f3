"""Updates without effect, updates that are lost later, and the expiry of the recycle bin."""

from tests.simulator.graph.client import Client, simulated

_GROUP = {"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True, "description": "one"}


async def _wait(client: Client, seconds: float) -> None:
    await client.control("clock", {"advance_days": seconds / 86400})


async def _describe(client: Client, group: str, text: str) -> None:
    answer = await client.http.patch(f"/v1.0/groups/{group}", json={"description": text})
    assert answer.status_code == 204


async def _described(client: Client, group: str) -> str:
    return str((await client.get(f"groups/{group}")).json()["description"])


async def test_an_update_of_a_fresh_object_is_lost_after_it_was_readable() -> None:
    async with simulated() as client:
        await client.control("quirks", {"lost_updates": {"within": 60, "readable": 5}})
        group = (await client.http.post("/v1.0/groups", json=_GROUP)).json()["id"]
        await _describe(client, group, "two")
        assert await _described(client, group) == "two"
        await _wait(client, 6)
        assert await _described(client, group) == "one"


async def test_an_update_is_kept_if_it_keeps_its_distance() -> None:
    async with simulated() as client:
        await client.control("quirks", {"lost_updates": {"within": 60, "readable": 5}})
        group = (await client.http.post("/v1.0/groups", json=_GROUP)).json()["id"]
        await _wait(client, 61)
        await _describe(client, group, "two")
        await _describe(client, group, "three")
        await _wait(client, 6)
        assert await _described(client, group) == "three"


async def test_an_update_of_a_switched_off_property_is_accepted_and_has_no_effect() -> None:
    async with simulated() as client:
        await client.change("create", "devices", {"id": "d", "accountEnabled": True, "extensionAttributes": None})
        await client.control("quirks", {"without_effect": ["devices.extensionAttributes"]})
        change = {"accountEnabled": False, "extensionAttributes": {"extensionAttribute1": "one"}}
        assert (await client.http.patch("/v1.0/devices/d", json=change)).status_code == 204
        device = (await client.get("devices/d")).json()
        assert (device["accountEnabled"], device["extensionAttributes"]) == (False, None)


async def test_the_recycle_bin_keeps_objects_for_thirty_days() -> None:
    async with simulated() as client:
        applications = {"one": "AzureADMyOrg", "many": "AzureADMultipleOrgs"}
        for id, audience in applications.items():
            await client.change("create", "applications", {"id": id, "signInAudience": audience})
            await client.change("delete", f"applications/{id}")
        path = "directory/deletedItems/microsoft.graph.application"
        await client.control("clock", {"advance_days": 29.9})
        await client.sign_in()
        assert await client.ids(path) == ["one", "many"]
        await client.control("clock", {"advance_days": 0.2})
        await client.sign_in()
        assert await client.ids(path) == ["many"]
