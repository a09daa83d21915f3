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


async def test_an_update_has_no_effect_on_one_object_alone() -> None:
    async with simulated() as client:
        for id in ("u", "v"):
            await client.change("create", "users", {"id": id, "department": "B"})
        await client.control("quirks", {"without_effect": ["users/u.department"]})
        for id in ("u", "v"):
            assert (await client.http.patch(f"/v1.0/users/{id}", json={"department": "A"})).status_code == 204
        assert [user["department"] for user in await client.objects("users")] == ["B", "A"]


async def test_a_property_that_was_made_read_only_is_refused_by_its_name() -> None:
    async with simulated() as client:
        await client.control("quirks", {"read_only": ["groups.description"]})
        refused = await client.http.post("/v1.0/groups", json=_GROUP)
        assert refused.status_code == 400
        assert refused.json()["error"]["message"] == "Property 'description' is read-only and cannot be set."
        writable = {name: value for name, value in _GROUP.items() if name != "description"}
        assert (await client.http.post("/v1.0/groups", json=writable)).status_code == 201


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
