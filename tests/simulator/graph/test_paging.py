"""Listings by id, their counts, and page positions that stay stable while objects change."""

import pytest

from tests.simulator.graph.client import simulated

_EVENTUAL = {"ConsistencyLevel": "eventual"}


async def test_existing_objects_are_listed_by_id_in_pages() -> None:
    async with simulated(groups=9) as client:
        ids = await client.ids("groups")
        await client.change("delete", f"groups/{ids[4]}")
        requested = [ids[7], "none", ids[4], ids[2], ids[7], ids[0]]
        query = " or ".join(f"id eq '{id}'" for id in requested)
        pages = await client.pages(f"groups?$filter={query}&$select=id&$top=2")
        assert [[value["id"] for value in page["value"]] for page in pages] == [[ids[7], ids[2]], [ids[0]]]


@pytest.mark.parametrize(
    ("clause", "code"),
    [
        ("displayName ne 'x'", "Request_UnsupportedQuery"),
        ("id eq 'x' or displayName eq 'x'", "Request_UnsupportedQuery"),
        ("id equals 'x'", "Request_BadRequest"),
        ("id eq 'x' and id eq 'y'", "Request_BadRequest"),
        ("tags/any(t:u eq 'x')", "Request_BadRequest"),
        ("", "Request_BadRequest"),
    ],
)
async def test_every_other_filter_is_refused(clause: str, code: str) -> None:
    async with simulated(groups=1) as client:
        for path in ("groups", "groups/delta", "groups/$count"):
            answer = await client.get(f"{path}?$filter={clause}", **_EVENTUAL)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_objects_are_listed_by_values_of_their_properties() -> None:
    async with simulated(users=3, groups=9, applications=2) as client:
        groups, user = await client.objects("groups"), (await client.objects("users"))[1]
        name, nickname = groups[4]["displayName"], groups[4]["mailNickname"]
        for clause in (
            f"displayName eq '{name.upper()}'",
            f"mailNickname eq '{nickname}' and securityEnabled eq {str(groups[4]['securityEnabled']).lower()}",
            f"description eq '{groups[4]['description']}'",
        ):
            assert await client.ids(f"groups?$filter={clause}") == [groups[4]["id"]]
        assert await client.ids(f"groups?$filter=mailNickname eq '{nickname}' and displayName eq 'other'") == []
        assert user["id"] in await client.ids(
            f"users?$filter=displayName eq '{user['displayName']}'".replace("&", "%26")
        )


async def test_a_filter_follows_changes_of_values_and_finds_members_of_lists() -> None:
    async with simulated() as client:
        await client.change("create", "applications", {"id": "a", "displayName": "It's", "tags": ["one", "mark"]})
        assert await client.ids("applications?$filter=tags/any(t:t eq 'mark')") == ["a"]
        assert await client.ids("applications?$filter=displayName eq 'It''s'") == ["a"]
        await client.change("update", "applications/a", {"tags": ["one"], "displayName": "Now"})
        assert await client.ids("applications?$filter=tags/any(t:t eq 'mark')") == []
        assert await client.ids("applications?$filter=displayName eq 'It''s'") == []
        assert await client.ids("applications?$filter=displayName eq 'now'") == ["a"]


async def test_a_name_with_blanks_at_its_ends_is_not_found() -> None:
    async with simulated() as client:
        for id, name in (("a", "Sales"), ("b", "Sales "), ("c", "Sales\n")):
            await client.change("create", "groups", {"id": id, "displayName": name})
        assert await client.ids("groups?$filter=displayName eq 'Sales'") == ["a"]
        assert await client.ids("groups?$filter=displayName eq 'Sales '") == []


async def test_related_and_deleted_objects_cannot_be_filtered() -> None:
    async with simulated(users=5, groups=1, servicePrincipals=1) as client:
        group, principal = (await client.ids("groups"))[0], (await client.ids("servicePrincipals"))[0]
        for path in (
            f"groups/{group}/members",
            f"servicePrincipals/{principal}/appRoleAssignedTo",
            "directory/deletedItems/microsoft.graph.user",
        ):
            assert (await client.get(f"{path}?$filter=id eq 'x'")).status_code == 400


async def test_delta_filters_of_users_and_groups_take_fifty_ids_and_others_any_number() -> None:
    async with simulated(users=60, groups=60, applications=60) as client:
        for path, most in (("users", 50), ("groups", 50), ("applications", 60)):
            clauses = [f"id eq '{id}'" for id in await client.ids(path)]
            pages = await client.pages(f"{path}/delta?$select=id&$filter={' or '.join(clauses[:most])}")
            assert sum(len(page["value"]) for page in pages) == most
            refused = await client.get(f"{path}/delta?$filter={' or '.join(clauses[: most + 1])}")
            assert refused.status_code == (400 if most == 50 else 200)


async def test_a_filtered_delta_round_follows_only_its_objects() -> None:
    async with simulated() as client:
        for id in ("a", "b", "c"):
            await client.change("create", "users", {"id": id})
        pages = await client.pages("users/delta?$filter=id eq 'a' or id eq 'b'")
        assert [value["id"] for value in pages[0]["value"]] == ["a", "b"]
        for id in ("b", "c"):
            await client.change("update", f"users/{id}", {"jobTitle": "Chief"})
        page = (await client.get(pages[-1]["@odata.deltaLink"])).json()
        assert [value["id"] for value in page["value"]] == ["b"]


async def test_counts_follow_every_change() -> None:
    async with simulated(users=5) as client:
        ids = await client.ids("users")

        async def counted() -> set[int]:
            page = (await client.get("users?$count=true&$top=1", **_EVENTUAL)).json()
            return {
                int((await client.get("users/$count", **_EVENTUAL)).text),
                page["@odata.count"],
                len(await client.ids("users")),
            }

        assert await counted() == {5}
        for op, path, value, there in [
            ("create", "users", {"id": "new"}, 6),
            ("create", "users", {"id": "new"}, 6),
            ("update", f"users/{ids[0]}", {"city": "Bonn"}, 6),
            ("delete", f"users/{ids[0]}", None, 5),
            ("delete", "users/new", None, 4),
            ("restore", "users/new", None, 5),
            ("purge", f"users/{ids[0]}", None, 5),
            ("purge", f"users/{ids[1]}", None, 4),
            ("create", "users", {"id": ids[1]}, 5),
        ]:
            await client.change(op, path, value)
            assert await counted() == {there}, op


async def test_a_count_respects_the_filter() -> None:
    async with simulated(groups=3) as client:
        ids = await client.ids("groups")
        query = f"$filter=id eq '{ids[0]}' or id eq 'none' or id eq '{ids[2]}'"
        assert (await client.get(f"groups/$count?{query}", **_EVENTUAL)).text == "2"
        assert (await client.get(f"groups?$count=true&{query}", **_EVENTUAL)).json()["@odata.count"] == 2


async def test_members_are_counted_without_the_deleted_and_by_kind() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g"})
        for path, id in (("users", "u"), ("users", "v"), ("groups", "h")):
            await client.change("create", path, {"id": id})
            await client.change("create", "groups/g/members", {"id": id})
        await client.change("delete", "users/v")
        for path, count in (("members", "2"), ("members/graph.user", "1"), ("members/microsoft.graph.group", "1")):
            answer = await client.get(f"groups/g/{path}/$count", **_EVENTUAL)
            assert (answer.text, answer.headers["Content-Type"].partition(";")[0]) == (count, "text/plain")
        page = (await client.get("groups/g/members?$count=true&$top=1", **_EVENTUAL)).json()
        assert page["@odata.count"] == 2
        assert (await client.get("groups/g/members/$count")).status_code == 400
        assert (await client.get("users/u/manager/$count", **_EVENTUAL)).status_code == 400


async def test_the_recycle_bin_is_paged_by_stable_positions() -> None:
    async with simulated(users=6) as client:
        ids = await client.ids("users")
        for id in ids:
            await client.change("delete", f"users/{id}")
        path = "directory/deletedItems/microsoft.graph.user?$top=2&$select=id&$count=true"
        first = (await client.get(path, **_EVENTUAL)).json()
        assert first["@odata.count"] == 6
        await client.change("restore", f"users/{ids[0]}")
        await client.change("restore", f"users/{ids[3]}")
        second = (await client.get(first["@odata.nextLink"])).json()
        bin = "directory/deletedItems/microsoft.graph.user"
        assert (await client.get(f"{bin}/$count", **_EVENTUAL)).text == "4"
        assert [(await client.get(f"{bin}/{rest}")).status_code for rest in ("$count", "more", "$count/more")] == [
            400
        ] * 3
        assert [[value["id"] for value in page["value"]] for page in (first, second)] == [ids[:2], [ids[2], ids[4]]]
        await client.change("purge", f"users/{ids[5]}")
        assert "@odata.nextLink" not in (await client.get(second["@odata.nextLink"])).json()
        assert await client.ids(path) == [ids[1], ids[2], ids[4]]


async def test_a_page_has_no_next_link_if_only_deleted_objects_follow() -> None:
    async with simulated(users=4) as client:
        ids = await client.ids("users")
        for id in ids[2:]:
            await client.change("delete", f"users/{id}")
        assert len(await client.pages("users?$top=2")) == 1


@pytest.mark.parametrize(
    "path", ["members/graph.printer", "members/graph.user/more", "members/nothing", "owners/$count/more"]
)
async def test_members_of_an_unknown_kind_and_deeper_paths_are_refused(path: str) -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g"})
        assert (await client.get(f"groups/g/{path}", **_EVENTUAL)).status_code in (400, 405)


async def test_objects_stored_outside_the_directory_are_not_listed() -> None:
    async with simulated(users=1) as client:
        answer = await client.get("users?$select=id,aboutMe")
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented")


async def test_the_recycle_bin_is_listed_by_short_name_too_but_not_for_kinds_without_one() -> None:
    async with simulated(users=1) as client:
        await client.change("delete", f"users/{(await client.ids('users'))[0]}")
        assert len(await client.ids("directory/deletedItems/graph.user")) == 1
        for path in ("graph.organization", "microsoft.graph.nothing"):
            assert (await client.get(f"directory/deletedItems/{path}")).status_code == 400
