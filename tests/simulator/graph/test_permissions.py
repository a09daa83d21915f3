"""Links require the permissions of the objects that they start from, members also some of their own."""

import pytest

from tests.simulator.graph.client import simulated


@pytest.mark.parametrize(
    ("permission", "reads", "writes"),
    [
        ("Group.ReadWrite.All", {"groups/g/members", "groups/g/owners"}, {"groups/g/members", "groups/g/owners"}),
        ("GroupMember.ReadWrite.All", {"groups/g/members", "groups/g/owners"}, {"groups/g/members"}),
        ("Member.Read.Hidden", {"groups/g/members", "groups/g/owners"}, set()),
        ("Application.ReadWrite.All", {"applications/a/owners"}, {"applications/a/owners"}),
        ("Application.Read.All", {"applications/a/owners"}, set()),
        ("User.Read.All", set(), set()),
    ],
)
async def test_links_require_the_permissions_of_their_objects(
    permission: str, reads: set[str], writes: set[str]
) -> None:
    async with simulated() as client:
        for path, id in (("groups", "g"), ("applications", "a"), ("users", "u")):
            await client.change("create", path, {"id": id})
        await client.control("apps", {"client_id": "c", "secret": "s", "permissions": [permission]})
        await client.sign_in("c", "s")
        paths = ("groups/g/members", "groups/g/owners", "applications/a/owners")
        statuses = {path: (await client.get(path)).status_code for path in paths}
        body = {"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/u"}
        written = {path: (await client.http.post(f"/v1.0/{path}/$ref", json=body)).status_code for path in paths}
        assert statuses == {path: 200 if path in reads else 403 for path in paths}
        assert written == {path: 204 if path in writes else 403 for path in paths}
