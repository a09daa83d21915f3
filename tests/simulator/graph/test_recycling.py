"""The recycle bin is listed by type and read by id. Objects leave it by a restore or a purge."""

import pytest

from tests.simulator.graph.client import simulated

_BIN = "directory/deletedItems"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", _BIN, 400, "Request_UnsupportedQuery"),
        ("GET", f"{_BIN}/microsoft.graph.user/more", 400, "BadRequest"),
        ("GET", f"{_BIN}/microsoft.graph.user/$count/more", 400, "BadRequest"),
        ("GET", f"{_BIN}/none", 404, "Request_ResourceNotFound"),
        ("GET", f"{_BIN}/u/more", 400, "BadRequest"),
        ("GET", f"{_BIN}/u/restore", 400, "BadRequest"),
        ("POST", f"{_BIN}/microsoft.graph.user", 405, "Request_BadRequest"),
        ("PATCH", f"{_BIN}/u", 405, "Request_BadRequest"),
    ],
)
async def test_other_paths_of_the_recycle_bin_are_refused(method: str, path: str, status: int, code: str) -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await client.change("delete", "users/u")
        answer = await client.http.request(method, f"/v1.0/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_deleted_object_is_restored_or_purged() -> None:
    async with simulated() as client:
        for id in ("u", "v"):
            await client.change("create", "users", {"id": id})
            await client.change("delete", f"users/{id}")
        answer = await client.http.post(f"/v1.0/{_BIN}/u/restore")
        assert (answer.status_code, answer.json()["@odata.type"]) == (200, "#microsoft.graph.user")
        assert (await client.http.delete(f"/v1.0/{_BIN}/v")).status_code == 204
        assert await client.ids(f"{_BIN}/microsoft.graph.user") == []
        assert await client.ids("users") == ["u"]


async def test_the_recycle_bin_requires_the_permissions_of_its_objects() -> None:
    async with simulated() as client:
        for path, id in (("users", "u"), ("groups", "g")):
            await client.change("create", path, {"id": id})
            await client.change("delete", f"{path}/{id}")
        results = {}
        for permission in ("User.Read.All", "User.DeleteRestore.All", "Group.ReadWrite.All"):
            await client.control("apps", {"client_id": "c", "secret": "s", "permissions": [permission]})
            await client.sign_in("c", "s")
            statuses = [
                (await client.get(f"{_BIN}/{name}")).status_code for name in ("graph.user", "u", "graph.group", "g")
            ]
            statuses += [(await client.http.post(f"/v1.0/{_BIN}/{id}/restore")).status_code for id in ("u", "g")]
            results[permission] = statuses
        assert results == {
            "User.Read.All": [200, 200, 403, 403, 403, 403],
            "User.DeleteRestore.All": [403, 403, 403, 403, 200, 403],
            "Group.ReadWrite.All": [403, 404, 200, 200, 404, 200],
        }
