"""`$expand` embeds related objects, exactly where and as far as Graph does."""

import pytest

from tests.simulator.graph.client import BASE, simulated

_ODD = b'{"n":1E+2 ,"a":1,"a":2,"id":"odd"}'


async def test_users_are_expanded_with_their_manager_and_without_one_lack_the_property() -> None:
    async with simulated(users=60) as client:
        pages = await client.pages("users?$select=id&$expand=manager($select=id)&$top=50")
        assert pages[0]["@odata.context"] == f"{BASE}/v1.0/$metadata#users(id,manager(id))"
        users = [user for page in pages for user in page["value"]]
        assert len(users) == 60
        for user in users:
            links = await client.objects(f"users/{user['id']}/manager")
            assert user == {"id": user["id"], **({"manager": links[0]} if links else {})}
        assert {"manager" in user for user in users} == {True, False}


@pytest.mark.parametrize("path", ["groups", "applications", "servicePrincipals"])
async def test_owners_are_expanded_in_listings_and_in_single_objects(path: str) -> None:
    async with simulated(users=60, groups=3, applications=3, servicePrincipals=3) as client:
        for value in (await client.get(f"{path}?$expand=owners($select=id,displayName)")).json()["value"]:
            owners = (await client.get(f"{path}/{value['id']}/owners?$select=id,displayName")).json()["value"]
            assert value["owners"] == owners != []
            one = (await client.get(f"{path}/{value['id']}?$expand=owners($select=id,displayName)")).json()
            assert one["owners"] == owners


async def test_expansion_shows_twenty_members_and_does_not_report_more() -> None:
    async with simulated(users=800, groups=8) as client:
        groups = (await client.get("groups?$select=id&$expand=members")).json()
        sizes = {group["id"]: len(group["members"]) for group in groups["value"]}
        for id, size in sizes.items():
            assert size == min(20, len(await client.objects(f"groups/{id}/members")))
        assert max(sizes.values()) == 20
        assert {name for group in groups["value"] for name in group} == {"id", "members"}
        assert groups["value"][0]["members"][0].keys() > {"@odata.type", "id", "displayName"}


async def test_a_deleted_end_of_a_link_is_omitted() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g"})
        for id in ("u", "v"):
            await client.change("create", "users", {"id": id})
            await client.change("create", "groups/g/members", {"id": id})
        await client.change("create", "users/u/manager", {"id": "v"})
        await client.change("delete", "users/v")
        assert [end["id"] for end in (await client.get("groups/g?$expand=members")).json()["members"]] == ["u"]
        assert "manager" not in (await client.get("users/u?$expand=manager")).json()


async def test_loaded_bytes_stay_unchanged_with_an_expanded_property_appended() -> None:
    async with simulated(b'{"path":"groups","value":' + _ODD + b"}\n") as client:
        await client.change("create", "groups/odd/members", {"id": "u"})
        answer = await client.get("groups?$expand=members($select=id)&$select=id")
        member = b'{"@odata.type":"#microsoft.graph.user","id": "u"}'
        assert b'"value":[' + _ODD[:-1] + b',"members":[' + member + b"]}]" in answer.content


async def test_app_role_assignments_can_be_expanded_too() -> None:
    async with simulated(users=60, servicePrincipals=3) as client:
        for value in (await client.get("servicePrincipals?$expand=appRoleAssignedTo")).json()["value"]:
            listed = (await client.get(f"servicePrincipals/{value['id']}/appRoleAssignedTo")).json()["value"]
            assert value["appRoleAssignedTo"] == listed[:20]


async def test_the_next_link_keeps_the_expansion() -> None:
    async with simulated(users=60, groups=4) as client:
        pages = await client.pages("groups?$top=3&$expand=owners($select=id)")
        assert [len(page["value"]) for page in pages] == [3, 1]
        assert all("owners" in group for page in pages for group in page["value"])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("users?$expand=manager&$count=true", "Request_UnsupportedQuery"),
        ("users/delta?$expand=manager", "Request_UnsupportedQuery"),
        ("groups/delta?$expand=members", "Request_UnsupportedQuery"),
        ("groups?$expand=members,owners", "BadRequest"),
        ("groups?$expand=members($select=id,mail),owners($select=id)", "BadRequest"),
        ("groups?$expand=children", "BadRequest"),
        ("groups?$expand=members($top=5)", "Request_UnsupportedQuery"),
        ("groups?$expand=", "Request_UnsupportedQuery"),
        ("directory/deletedItems/microsoft.graph.group?$expand=members", "Request_UnsupportedQuery"),
    ],
)
async def test_expansions_that_graph_refuses_are_refused(path: str, code: str) -> None:
    async with simulated(groups=1) as client:
        answer = await client.get(path, ConsistencyLevel="eventual")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_an_ignored_count_does_not_forbid_expansion() -> None:
    async with simulated(users=2) as client:
        page = (await client.get("users?$expand=manager&$count=true")).json()
        assert "@odata.count" not in page
        assert len(page["value"]) == 2
