"""A reader that follows delta as Graph documents it ends up with the current directory."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.graph.client import Client, Mirror, simulated

_USERS = [f"user-{number}" for number in range(6)]
_GROUPS = [f"group-{number}" for number in range(3)]
_CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.sampled_from(_GROUPS), st.none()),
        st.tuples(
            st.sampled_from(("update", "delete", "restore", "purge")), st.sampled_from(_GROUPS + _USERS), st.none()
        ),
        st.tuples(st.sampled_from(("link", "unlink")), st.sampled_from(_GROUPS), st.sampled_from(_USERS)),
    ),
    max_size=8,
)


async def _do(client: Client, op: str, id: str, target: str | None, stamp: int) -> None:
    """Make one change. An impossible change is refused and has no effect."""
    kind = "groups" if id.startswith("group") else "users"
    change: dict[str, Any] = {"op": op, "path": f"{kind}/{id}"}
    if op == "create":
        change = {"op": op, "path": kind, "value": {"id": id, "displayName": f"made {stamp}"}}
    elif op == "update":
        change["value"] = {"description": f"changed {stamp}"}
    elif op == "link":
        change = {"op": "create", "path": f"groups/{id}/members", "value": {"id": target}}
    elif op == "unlink":
        change = {"op": "delete", "path": f"groups/{id}/members/{target}"}
    assert (await client.control("changes", [change])).status_code in (200, 400)


async def _round(client: Client, mirror: Mirror, link: str, changes: list[Any]) -> str:
    """Read a round to its end, with one change after each page. Return the delta link."""
    remaining = list(changes)
    while True:
        page = (await client.get(link)).json()
        for entry in page["value"]:
            mirror.take(entry)
        if remaining:
            await _do(client, *remaining.pop(0), stamp=len(remaining))
        if "@odata.deltaLink" in page:
            for change in remaining:
                await _do(client, *change, stamp=0)
            return str(page["@odata.deltaLink"])
        link = page["@odata.nextLink"]


async def _story(rounds: list[list[Any]], habits: dict[str, Any]) -> None:
    async with simulated(groups=4, users=5) as client:
        assert (await client.control("delta", habits)).status_code == 200
        for id in _USERS:
            await client.change("create", "users", {"id": id, "displayName": id})
        mirror = Mirror(("members", "owners"))
        link = "groups/delta?$select=displayName,description,members,owners"
        for changes in [*rounds, []]:
            link = await _round(client, mirror, link, changes)
        there = {group["id"]: group for group in await client.objects("groups")}
        assert set(mirror.objects) == set(there)
        for id, group in there.items():
            assert mirror.objects[id].get("description") == group.get("description")
            for relation in ("members", "owners"):
                ids = {value["id"] for value in await client.objects(f"groups/{id}/{relation}")}
                assert mirror.links[id, relation] == ids


@settings(max_examples=60, deadline=None)
@given(
    st.lists(_CHANGES, min_size=1, max_size=3),
    st.fixed_dictionaries(
        {
            "page_size": st.integers(1, 4),
            "links_per_entry": st.integers(1, 9),
            "repeat": st.booleans(),
            "replay": st.integers(0, 3),
        }
    ),
)
def test_a_delta_reader_ends_up_with_the_current_directory(rounds: list[list[Any]], habits: dict[str, Any]) -> None:
    asyncio.run(_story(rounds, habits))


async def _delta(client: Client, path: str) -> tuple[list[dict[str, Any]], str]:
    pages = await client.pages(path)
    return [entry for page in pages for entry in page["value"]], pages[-1]["@odata.deltaLink"]


async def test_a_manager_is_added_removed_and_replaced() -> None:
    async with simulated() as client:
        for id in ("a", "b", "c"):
            await client.change("create", "users", {"id": id, "userPrincipalName": f"{id}@x"})
        await client.change("create", "users/a/manager", {"id": "b"})
        entries, link = await _delta(client, "users/delta?$select=displayName,manager")
        manager = {"@odata.type": "#microsoft.graph.user", "id": "b"}
        assert [entry["manager@delta"] for entry in entries if entry["id"] == "a"] == [[manager]]
        await client.change("create", "users/a/manager", {"id": "c"})
        entries, link = await _delta(client, link)
        removals = {item["id"]: "@removed" in item for item in entries[0]["manager@delta"]}
        assert removals == {"b": True, "c": False}
        await client.change("purge", "users/c")
        entries, link = await _delta(client, link)
        removal = {"@odata.type": "#microsoft.graph.user", "id": "c", "@removed": {"reason": "deleted"}}
        assert [entry["manager@delta"] for entry in entries if entry["id"] == "a"] == [[removal]]


async def test_an_object_recreated_under_its_old_id_has_lost_its_links() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g"})
        await client.change("create", "groups/g/members", {"id": "u"})
        _, link = await _delta(client, "groups/delta")
        await client.change("purge", "groups/g")
        await client.change("create", "groups", {"id": "g"})
        entries, _ = await _delta(client, link)
        assert [member["@removed"] for entry in entries for member in entry["members@delta"]] == [{"reason": "deleted"}]


async def test_a_large_group_is_repeated_with_little_more_than_its_id() -> None:
    async with simulated() as client:
        await client.control("delta", {"links_per_entry": 10, "repeat": False})
        await client.change("create", "groups", {"id": "g", "displayName": "large", "securityEnabled": True})
        for number in range(25):
            await client.change("create", "groups/g/members", {"id": f"u{number}"})
        pages = await client.pages("groups/delta")
        assert [[set(entry) for entry in page["value"]] for page in pages] == [
            [{"id", "displayName", "securityEnabled", "members@delta"}],
            [{"id", "members@delta"}],
            [{"id", "members@delta"}],
        ]
        assert sum(len(entry["members@delta"]) for page in pages for entry in page["value"]) == 25
        await client.control("delta", {"repeat_properties": ["displayName"]})
        pages = await client.pages("groups/delta")
        assert set(pages[1]["value"][0]) == {"id", "displayName", "members@delta"}


async def test_objects_are_repeated_and_changes_replayed_on_request() -> None:
    async with simulated(users=5) as client:
        await client.control("delta", {"page_size": 2, "repeat": True})
        entries, link = await _delta(client, "users/delta")
        assert len(entries) > len({entry["id"] for entry in entries}) == 5
        await client.change("create", "users", {"id": "a"})
        _, link = await _delta(client, link)
        assert (await _delta(client, link))[0] == []
        await client.control("delta", {"replay": 1})
        assert [entry["id"] for entry in (await _delta(client, link))[0]] == ["a"]


async def test_an_expired_token_is_refused_with_a_link_to_start_again() -> None:
    async with simulated(users=3) as client:
        _, link = await _delta(client, "users/delta")
        await client.control("clock", {"advance_days": 8})
        assert (await client.get(link)).status_code == 401
        await client.sign_in()
        response = await client.get(link)
        assert response.status_code == 410
        assert response.json()["error"]["code"] == "syncStateNotFound"
        entries, _ = await _delta(client, response.headers["Location"])
        assert len(entries) == 3


async def test_a_token_of_another_collection_or_with_another_content_is_refused() -> None:
    async with simulated(users=3) as client:
        _, link = await _delta(client, "users/delta")
        place = link.index("%2B") + 20
        forged = link[:place] + ("A" if link[place] != "A" else "B") + link[place + 1 :]
        for wrong in (link.replace("/users/", "/groups/"), forged):
            answer = await client.get(wrong)
            assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Badly formed token.")


async def test_an_object_deleted_while_its_links_are_sent_leaves_the_next_one_intact() -> None:
    async with simulated() as client:
        await client.control("delta", {"links_per_entry": 10})
        for group in ("g", "h"):
            await client.change("create", "groups", {"id": group, "displayName": group})
        for number in range(15):
            await client.change("create", "groups/g/members", {"id": f"u{number}"})
        page = (await client.get("groups/delta")).json()
        await client.change("delete", "groups/g")
        page = (await client.get(page["@odata.nextLink"])).json()
        assert page["value"] == [{"id": "h", "displayName": "h"}]


async def test_tokens_contain_a_plus_that_must_be_sent_unchanged() -> None:
    async with simulated(users=1) as client:
        _, link = await _delta(client, "users/delta")
        assert "%2B" in link
        assert (await client.get(link)).status_code == 200
        assert (await client.get(link.replace("%2B", "+"))).status_code == 400


async def test_a_generated_object_is_the_same_in_delta_and_in_the_store() -> None:
    async with simulated(users=70, groups=9, applications=3, servicePrincipals=3) as client:
        for path in ("users", "groups"):
            names = {name for value in await client.objects(path) for name in value}
            entries, _ = await _delta(client, f"{path}/delta?$select={','.join(sorted(names))}")
            assert {json.dumps(entry) for entry in entries} == {json.dumps(v) for v in await client.objects(path)}
