"""Listings, gets, permissions, controls and faults answer like Graph."""

import json

import pytest

from tests.simulator.graph.client import BASE, simulated

_ODD = (
    b'{"description":null,"big":123456789012345678901234567890,"n":1E+2,"z":-0.0,"one":1.0,"lone":"\\ud800","line":"\xe2\x80\xa8",'
    b'"a":1,"a":2 , "nested":{"id":"inner"},"id":"odd"}'
)


async def test_loaded_values_are_served_byte_for_byte_everywhere() -> None:
    async with simulated(b'{"path":"users","value":' + _ODD + b"}\n") as client:
        one = (await client.get("users/odd?$select=id")).content
        assert one == b'{"@odata.context":"%s/v1.0/$metadata#users/$entity",%s' % (BASE.encode(), _ODD[1:])
        for path in ("users?$select=id", "users/delta?$select=id"):
            assert b'"value":[' + _ODD + b"]" in (await client.get(path)).content
        assert (await client.http.get("/_sim/objects?path=users")).content == _ODD + b"\n"


async def test_an_update_keeps_the_other_bytes() -> None:
    async with simulated(b'{"path":"users","value":' + _ODD + b"}\n") as client:
        await client.control("changes", b'[{"op":"update","path":"users/odd","value":{"n": 2E+2,"new":[ ]}}]')
        expected = _ODD.replace(b"1E+2", b"2E+2")[:-1] + b',"new":[ ]}\n'
        assert (await client.http.get("/_sim/objects?path=users")).content == expected


async def test_a_deleted_member_is_omitted_from_listings_and_returns_with_its_restoration() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await client.change("create", "groups", {"id": "g"})
        await client.change("create", "groups/g/members", {"id": "u"})
        for op, listed in (("delete", 0), ("restore", 1), ("delete", 0), ("purge", 0)):
            await client.change(op, "users/u")
            assert len((await client.get("groups/g/members")).json()["value"]) == listed
        assert await client.objects("groups/g/members") == []


async def test_a_deleted_group_shows_no_links() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g"})
        await client.change("create", "groups/g/members", {"id": "u"})
        await client.change("delete", "groups/g")
        assert (await client.get("groups/g/members")).status_code == 404
        assert (await client.get("directory/deletedItems/g")).json()["deletedDateTime"]


async def test_objects_of_every_kind_are_returned_by_id_with_their_type() -> None:
    async with simulated() as client:
        await client.change("create", "users", {"id": "u"})
        await client.change("create", "groups", {"id": "g"})
        path = "/v1.0/directoryObjects/getByIds"
        page = (await client.http.post(path, json={"ids": ["g", "none", "u"]})).json()
        types = {"g": "#microsoft.graph.group", "u": "#microsoft.graph.user"}
        assert {value["id"]: value["@odata.type"] for value in page["value"]} == types
        assert page["@odata.context"] == f"{BASE}/v1.0/$metadata#directoryObjects"
        for id, type in types.items():
            one = (await client.get(f"directoryObjects/{id}")).json()
            assert (one["id"], one["@odata.type"]) == (id, type)
        assert (await client.get("directoryObjects/none")).status_code == 404
        for body in ({"ids": ["u"] * 1001}, {"ids": None}, ["u"]):
            assert (await client.http.post(path, json=body)).status_code == 400
        assert (await client.get("directoryObjects/getByIds")).status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2.0/users", 400, "BadRequest"),
        ("GET", "/beta/users", 200, None),
        ("DELETE", "/v1.0/users", 405, "Request_BadRequest"),
        ("DELETE", "/v1.0/organization/22222222-2222-2222-2222-222222222222", 405, "Request_BadRequest"),
        ("GET", "/v1.0/users/u/friends", 400, "BadRequest"),
    ],
)
async def test_a_path_that_graph_does_not_have_is_refused(
    method: str, path: str, status: int, code: str | None
) -> None:
    async with simulated() as client:
        answer = await client.http.request(method, path)
        assert (answer.status_code, answer.json().get("error", {}).get("code")) == (status, code)


async def test_pages_contain_every_object_once() -> None:
    async with simulated(users=25) as client:
        pages = await client.pages("users?$top=10&$select=id")
        ids = [value["id"] for page in pages for value in page["value"]]
        assert [len(page["value"]) for page in pages] == [10, 10, 5]
        assert len(set(ids)) == 25


async def test_conditional_access_is_refused_with_its_own_message() -> None:
    async with simulated(policies=2) as client:
        path = "identity/conditionalAccess/policies"
        assert len((await client.get(path)).json()["value"]) == 2
        await client.control("apps", {"client_id": "c", "secret": "s", "permissions": ["User.Read.All"]})
        await client.sign_in("c", "s")
        response = await client.get(path)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "AccessDenied")
        assert (await client.get("organization")).status_code == 403
        assert (await client.get("users")).status_code == 200


async def test_conditional_access_needs_its_licence() -> None:
    async with simulated(policies=2) as client:
        path = "identity/conditionalAccess/policies"
        await client.control("licences", ["P2", "Governance"])
        response = await client.get(path)
        code = response.json()["error"]["code"]
        assert (response.status_code, code) == (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")
        assert (await client.get("organization")).status_code == 200
        await client.control("licences", ["P1"])
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("changes", [{"op": "create", "path": "nowhere", "value": {"id": "x"}}]),
        ("changes", [{"op": "create", "path": "users", "value": {}}]),
        ("changes", [{"op": "delete", "path": "users/none"}]),
        ("changes", [{"op": "explode", "path": "users/none"}]),
        ("changes", [{"op": "update", "path": "users", "value": {}}]),
        ("changes", [{"op": "delete", "path": "organization/22222222-2222-2222-2222-222222222222"}]),
        ("changes", [{"op": "create", "path": "organization", "value": {"id": "another"}}]),
        ("changes", [{"op": "update", "path": "organization/another", "value": {}}]),
        ("changes", {"op": "create"}),
        ("changes", b"[{"),
        ("apps", {"client_id": "c", "permissions": []}),
        ("apps", {"client_id": "c", "certificate": "none", "permissions": []}),
        ("licences", ["P0"]),
        ("licences", "P1"),
        ("clock", {"advance_days": -1}),
        ("faults", [{"what": "explode"}]),
        ("faults", [{"what": "status"}]),
        ("faults", [{"what": "drop", "match": {"path": "("}}]),
        ("faults", [{"what": "status-after"}]),
        ("quotas", {"objects": "many"}),
        ("lag", {"get": -1}),
        ("lag", {"write": 1}),
        ("quirks", {"without_effect": ["department"]}),
        ("quirks", {"lost_updates": {"within": "long"}}),
        ("quirks", {"others": []}),
        ("delta", {"page_size": 0}),
        ("delta", {"colour": "red"}),
        ("nothing", {}),
    ],
)
async def test_a_wrong_control_is_refused_with_one_sentence(name: str, body: object) -> None:
    async with simulated() as client:
        response = await client.control(name, body)
        assert response.status_code in (400, 404)
        message = response.json()["error"]["message"]
        assert message and "\n" not in message


async def test_requests_are_counted_without_ids() -> None:
    async with simulated(users=2) as client:
        await client.control("reset-counters", {})
        await client.change("create", "users", {"id": "odd name"})
        await client.get("users/odd%20name")
        await client.get("users/none")
        await client.get("users/delta?$select=id")
        await client.get("groups/none/members/graph.user")
        await client.get("servicePrincipals/s/appRoleAssignedTo/a")
        counts = {
            (row["method"], row["path"], row["status"]): row["count"]
            for row in (await client.http.get("/_sim/requests")).json()
        }
        assert counts == {
            ("GET", "/v1.0/users/{id}", 200): 1,
            ("GET", "/v1.0/users/{id}", 404): 1,
            ("GET", "/v1.0/users/delta", 200): 1,
            ("GET", "/v1.0/groups/{id}/members/graph.user", 404): 1,
            ("GET", "/v1.0/servicePrincipals/{id}/appRoleAssignedTo/{id}", 404): 1,
        }


async def test_a_fault_waits_strikes_and_expires() -> None:
    async with simulated(users=2) as client:
        fault = {
            "match": {"method": "GET", "path": "/users$", "query": {"$top": "1"}},
            "skip": 1,
            "times": 2,
            "what": "status",
            "status": 503,
            "headers": {"Retry-After": "2.128"},
        }
        await client.control("faults", [fault])
        statuses = [(await client.get("users?$top=1")).status_code for _ in range(4)]
        assert statuses == [200, 503, 503, 200]
        assert (await client.get("users?$top=2")).status_code == 200
        assert (await client.http.get("/_sim/faults")).json() == [{**fault, "fired": 2}]
        await client.http.delete("/_sim/faults")
        assert (await client.http.get("/_sim/faults")).json() == []


async def test_random_bytes_are_no_json() -> None:
    async with simulated(users=2) as client:
        await client.control("faults", [{"match": {"path": "users"}, "what": "garbage"}])
        response = await client.get("users")
        assert response.status_code == 200
        with pytest.raises(ValueError):
            json.loads(response.content)


async def test_a_user_is_returned_by_name_and_faults_apply_inside_a_batch() -> None:
    async with simulated(users=3) as client:
        name = (await client.objects("users"))[1]["userPrincipalName"]
        assert (await client.get(f"users/{name}")).json()["userPrincipalName"] == name
        await client.control("faults", [{"match": {"path": "organization"}, "what": "drop"}])
        items = [
            {"id": "1", "method": "GET", "url": "/organization"},
            {"id": "2", "method": "GET", "url": "users?$top=1"},
        ]
        response = await client.http.post("/v1.0/$batch", json={"requests": items})
        assert {item["id"]: item["status"] for item in response.json()["responses"]} == {"1": 504, "2": 200}
