"""App role assignments and permission grants are read, counted and changed, and are deleted with their objects."""

import base64
import uuid
from typing import Any

import pytest

from tests.simulator.graph.client import BASE, Client, simulated

_ASSIGNMENT = [
    "id",
    "deletedDateTime",
    "appRoleId",
    "createdDateTime",
    "principalDisplayName",
    "principalId",
    "principalType",
    "resourceDisplayName",
    "resourceId",
]
_GRANT = ["clientId", "consentType", "id", "principalId", "resourceId", "scope"]
_ODD = b'{"n":1E+2 ,"a":1,"a":2,"resourceId":"s","principalId":"u","id":"odd"}'
_EVENTUAL = {"ConsistencyLevel": "eventual"}


async def test_assignments_are_listed_in_pages_and_from_their_principals() -> None:
    async with simulated(users=900, groups=60, servicePrincipals=14) as client:
        sizes, by_principal = [], dict[str, list[Any]]()
        for principal in await client.ids("servicePrincipals?$select=id"):
            path = f"servicePrincipals/{principal}/appRoleAssignedTo"
            pages = await client.pages(path)
            assert pages[0]["@odata.context"].endswith(f"#servicePrincipals('{principal}')/appRoleAssignedTo")
            values = [value for page in pages for value in page["value"]]
            assert values == await client.objects(path)
            assert all(list(value) == _ASSIGNMENT and value["resourceId"] == principal for value in values)
            sizes.append((len(pages), len(values)))
            for value in values:
                by_principal.setdefault(f"{value['principalType']}/{value['principalId']}", []).append(value)
        assert (1, 0) in sizes
        assert max(sizes)[0] > 2
        assert {name.partition("/")[0] for name in by_principal} == {"User", "Group", "ServicePrincipal"}
        paths = {"User": "users", "Group": "groups", "ServicePrincipal": "servicePrincipals"}
        for name, values in list(by_principal.items())[::20]:
            kind, _, id = name.partition("/")
            assert (await client.get(f"{paths[kind]}/{id}/appRoleAssignments?$top=999")).json()["value"] == values


async def test_an_assignment_is_read_from_either_side_only() -> None:
    async with simulated(users=5, servicePrincipals=4) as client:
        one, other = (await client.ids("servicePrincipals"))[:2]
        value = (await client.objects(f"servicePrincipals/{one}/appRoleAssignedTo"))[0]
        path = f"servicePrincipals/{one}/appRoleAssignedTo"
        answer = (await client.get(f"{path}/{value['id']}")).json()
        assert answer == {
            "@odata.context": f"{BASE}/v1.0/$metadata#servicePrincipals('{one}')/appRoleAssignedTo/$entity",
            **value,
        }
        assert (await client.get(f"users/{value['principalId']}/appRoleAssignments/{value['id']}")).status_code == 200
        selected = (await client.get(f"{path}/{value['id']}?$select=principalId,x")).json()
        assert {**selected, "@odata.context": ""} == {"@odata.context": "", "principalId": value["principalId"]}
        for wrong in (
            f"{path}/none",
            f"servicePrincipals/{other}/appRoleAssignedTo/{value['id']}",
            f"{path}/{value['id']}/more",
        ):
            assert (await client.get(wrong)).status_code in (400, 404)
        await client.change("delete", f"servicePrincipals/{one}")
        for missing in (path, f"{path}/{value['id']}"):
            assert (await client.get(missing)).status_code == 404


async def test_assignments_are_counted_and_batched() -> None:
    async with simulated(users=5, servicePrincipals=1) as client:
        path = f"servicePrincipals/{(await client.ids('servicePrincipals'))[0]}/appRoleAssignedTo"
        ids = await client.ids(path)
        assert int((await client.get(f"{path}/$count", **_EVENTUAL)).text) == len(ids) > 1
        assert (await client.get(f"{path}?$count=true", **_EVENTUAL)).json()["@odata.count"] == len(ids)
        items = [{"id": "1", "method": "GET", "url": f"/{path}?$top=1"}]
        answer = (await client.http.post("/v1.0/$batch", json={"requests": items})).json()["responses"][0]
        assert [value["id"] for value in answer["body"]["value"]] == ids[:1]
        assert answer["body"]["@odata.nextLink"].startswith(BASE)


async def test_grants_are_listed_read_and_followed() -> None:
    async with simulated(users=9, servicePrincipals=8) as client:
        values = [value for page in await client.pages("oauth2PermissionGrants?$top=9") for value in page["value"]]
        assert values == await client.objects("oauth2PermissionGrants")
        assert len(values) == 16
        assert all(sorted(value) == sorted(_GRANT) for value in values)
        one = (await client.get(f"oauth2PermissionGrants/{values[3]['id']}")).json()
        assert one == {"@odata.context": f"{BASE}/v1.0/$metadata#oauth2PermissionGrants/$entity", **values[3]}
        raw = base64.urlsafe_b64decode(values[3]["id"] + "==")
        ends = [values[3]["clientId"], values[3]["resourceId"], values[3]["principalId"]]
        assert [str(uuid.UUID(bytes_le=raw[place : place + 16])) for place in range(0, len(raw), 16)] == [
            end for end in ends if end
        ]

        pages = await client.pages("oauth2PermissionGrants/delta")
        assert [value["id"] for page in pages for value in page["value"]] == [value["id"] for value in values]
        await client.change("update", f"oauth2PermissionGrants/{values[0]['id']}", {"scope": "Mail.Read"})
        await client.change("delete", f"oauth2PermissionGrants/{values[1]['id']}")
        await client.change("create", "oauth2PermissionGrants", {"id": "new", "scope": "x"})
        later = (await client.get(pages[-1]["@odata.deltaLink"])).json()["value"]
        assert later == [
            {**values[0], "scope": "Mail.Read"},
            {"id": values[1]["id"], "@removed": {"reason": "deleted"}},
            {"id": "new", "scope": "x"},
        ]
        assert (await client.get("oauth2PermissionGrants?$select=nothing")).status_code == 400


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("Application.Read.All", {"appRoleAssignedTo", "servicePrincipals"}),
        ("Directory.Read.All", {"appRoleAssignedTo", "servicePrincipals", "users", "groups", "grants"}),
        ("User.Read.All", set()),
        ("Group.Read.All", set()),
        ("DelegatedPermissionGrant.ReadWrite.All", {"grants"}),
    ],
)
async def test_reading_assignments_and_grants_requires_their_permissions(permission: str, allowed: set[str]) -> None:
    async with simulated() as client:
        for path, id in (("users", "u"), ("groups", "g"), ("servicePrincipals", "s")):
            await client.change("create", path, {"id": id})
        await client.control("apps", {"client_id": "c", "secret": "s", "permissions": [permission]})
        await client.sign_in("c", "s")
        paths = {
            "appRoleAssignedTo": "servicePrincipals/s/appRoleAssignedTo",
            "servicePrincipals": "servicePrincipals/s/appRoleAssignments",
            "users": "users/u/appRoleAssignments",
            "groups": "groups/g/appRoleAssignments",
            "grants": "oauth2PermissionGrants",
        }
        answers = {name: await client.get(path) for name, path in paths.items()}
        assert {name for name, answer in answers.items() if answer.status_code == 200} == allowed
        refused = [answer for answer in answers.values() if answer.status_code != 200]
        assert all(answer.json()["error"]["code"] == "Authorization_RequestDenied" for answer in refused)


async def test_a_loaded_assignment_is_served_byte_for_byte_everywhere() -> None:
    lines = [
        b'{"path":"servicePrincipals/s/appRoleAssignedTo","value":' + _ODD + b"}",
        b'{"path":"servicePrincipals","value":{"id":"s"}}',
        b'{"path":"users","value":{"id":"u"}}',
    ]
    async with simulated(b"\n".join(lines)) as client:
        for path in ("servicePrincipals/s/appRoleAssignedTo", "users/u/appRoleAssignments"):
            assert b'"value":[' + _ODD + b"]" in (await client.get(f"{path}?$select=id")).content
            assert (await client.http.get("/_sim/objects", params={"path": path})).content == _ODD + b"\n"
        await client.control(
            "changes", b'[{"op":"update","path":"servicePrincipals/s/appRoleAssignedTo/odd","value":{"n":2E+2}}]'
        )
        text = (await client.http.get("/_sim/objects?path=servicePrincipals/s/appRoleAssignedTo")).content
        assert text == _ODD.replace(b"1E+2", b"2E+2") + b"\n"
        await client.change("delete", "servicePrincipals/s/appRoleAssignedTo/odd")
        for path in ("servicePrincipals/s/appRoleAssignedTo", "users/u/appRoleAssignments"):
            assert (await client.get(path)).json()["value"] == await client.objects(path) == []


async def test_a_generated_assignment_is_changed_moved_and_deleted_in_place() -> None:
    async with simulated(users=30, servicePrincipals=1) as client:
        principal, (one, two) = (await client.ids("servicePrincipals"))[0], (await client.ids("users"))[:2]
        path = f"servicePrincipals/{principal}/appRoleAssignedTo"
        values = await client.objects(path)
        first = (await client.get(f"{path}?$top=2")).json()
        await client.change("delete", f"{path}/{values[0]['id']}")
        await client.change("create", path, {"id": "new", "resourceId": principal, "principalId": one})
        await client.change("update", f"{path}/{values[2]['id']}", {"principalId": two})
        rest = (await client.get(first["@odata.nextLink"].replace("$top=2", "$top=99"))).json()["value"]
        assert [value["id"] for value in rest] == [value["id"] for value in values[2:]] + ["new"]
        old = values[2]["principalId"]
        assert values[2]["id"] not in await client.ids(f"users/{old}/appRoleAssignments")
        assert (await client.ids(f"users/{two}/appRoleAssignments")).count(values[2]["id"]) == 1
        assert "new" in await client.ids(f"users/{one}/appRoleAssignments")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"op": "create", "path": "servicePrincipals/s/appRoleAssignedTo", "value": {"id": "a"}},
            "value needs resourceId",
        ),
        (
            {"op": "create", "path": "servicePrincipals/s/appRoleAssignedTo", "value": {"resourceId": "s"}},
            "value needs an id",
        ),
        (
            {"op": "create", "path": "servicePrincipals/none/appRoleAssignedTo", "value": {"id": "a"}},
            "there is nothing at",
        ),
        (
            {"op": "update", "path": "servicePrincipals/s/appRoleAssignedTo/none", "value": {}},
            "update finds nothing at",
        ),
        ({"op": "delete", "path": "servicePrincipals/s/appRoleAssignedTo"}, "delete finds nothing at"),
        ({"op": "restore", "path": "servicePrincipals/s/appRoleAssignedTo/a"}, "there is no restore"),
    ],
)
async def test_a_wrong_change_of_an_assignment_is_refused_with_one_sentence(change: object, sentence: str) -> None:
    async with simulated() as client:
        await client.change("create", "servicePrincipals", {"id": "s"})
        answer = await client.control("changes", [change])
        assert answer.status_code == 400
        assert sentence in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["users", "groups", "servicePrincipals"])
async def test_a_purge_removes_the_assignments_and_grants_of_its_object(path: str) -> None:
    async with simulated(users=40, groups=6, servicePrincipals=8) as client:
        principals = await client.ids("servicePrincipals")
        _, grant_link = await _delta(client)
        doomed: set[str] = set()
        for id in (await client.ids(path))[:4]:
            await client.change("delete", f"{path}/{id}")
            assert not doomed & {value["id"] for value in await client.objects("oauth2PermissionGrants")}
            for holder in principals:
                doomed |= {
                    value["id"]
                    for value in await client.objects(f"servicePrincipals/{holder}/appRoleAssignedTo")
                    if id in (value["principalId"], value["resourceId"])
                }
            grants = {
                value["id"]
                for value in await client.objects("oauth2PermissionGrants")
                if id in (value["clientId"], value["resourceId"], value["principalId"])
            }
            doomed |= grants
            await client.change("purge", f"{path}/{id}")
            later, grant_link = await _delta(client, grant_link)
            assert {value["id"] for value in later if "@removed" in value} == {value["id"] for value in later} == grants
        remaining = {value["id"] for value in await client.objects("oauth2PermissionGrants")}
        for holder in principals:
            remaining |= {
                value["id"] for value in await client.objects(f"servicePrincipals/{holder}/appRoleAssignedTo")
            }
        assert doomed
        assert remaining
        assert not doomed & remaining


async def _delta(client: Client, link: str = "oauth2PermissionGrants/delta") -> tuple[list[dict[str, Any]], str]:
    pages = await client.pages(link)
    return [value for page in pages for value in page["value"]], pages[-1]["@odata.deltaLink"]
