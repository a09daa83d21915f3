"""A batch answers each request separately, with bodies byte for byte."""

import base64
import json
from typing import Any

import pytest

from tests.simulator.graph.client import Client, simulated

_ODD = (
    b'{"id":"odd","big":123456789012345678901234567890,"n":1E+2,"z":-0.0,"lone":"\\ud800","line":"\xe2\x80\xa8","u":"\\u00fc\\/",'
    b'"a":1,"a":2 , "nested":[1.0,{"a" :{}}] }'
)
_POLICIES = "/identity/conditionalAccess/policies"


async def _batch(client: Client, *items: dict[str, Any], status: int = 200) -> dict[str, dict[str, Any]]:
    """Send a batch. Return the answers by id."""
    answer = await client.http.post("/v1.0/$batch", json={"requests": items})
    assert answer.status_code == status, answer.text
    return {item["id"]: item for item in answer.json().get("responses", [])}


def _get(id: str, url: str, *after: str) -> dict[str, Any]:
    return {"id": id, "method": "GET", "url": url} | ({"dependsOn": list(after)} if after else {})


async def test_bodies_are_embedded_byte_for_byte() -> None:
    async with simulated(b'{"path":"users","value":' + _ODD + b"}\n") as client:
        one = (await client.get("users/odd")).content
        answer = await client.http.post("/v1.0/$batch", json={"requests": [_get("1", "/users/odd")]})
        assert one.endswith(_ODD[1:])
        assert b',"body":' + one + b"}" in answer.content


async def test_bodies_are_accepted_byte_for_byte() -> None:
    async with simulated(b'{"path":"groups","value":{"id":"g"}}\n') as client:
        text = (
            b'{"requests":[{"id":"1","method":"PATCH","url":"groups/g","headers":{"Content-Type":"application/json"},'
        )
        text += b'"body":{"n":1E+2,"s":"\\u00fc"}}]}'
        answer = await client.http.post("/v1.0/$batch", content=text)
        assert [item["status"] for item in answer.json()["responses"]] == [204]
        assert (await client.http.get("/_sim/objects?path=groups")).content == b'{"id":"g","n":1E+2,"s":"\\u00fc"}\n'


async def test_a_body_that_is_no_json_is_sent_in_base64() -> None:
    async with simulated(users=3) as client:
        item = _get("1", "/users/$count") | {"headers": {"ConsistencyLevel": "eventual"}}
        answer = (await _batch(client, item))["1"]
        assert base64.b64decode(answer["body"]) == b"3"
        await client.control("faults", [{"what": "garbage", "match": {"path": "organization"}, "body": "{oops"}])
        answers = await _batch(client, _get("1", "/organization"), _get("2", "/organization"))
        assert base64.b64decode(answers["1"]["body"]) == b"{oops"
        assert answers["2"]["body"]["value"]


async def test_a_body_sent_in_base64_is_decoded() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g"})
        body = base64.b64encode(b'{"description":"plain"}').decode()
        item = {
            "id": "1",
            "method": "PATCH",
            "url": "/groups/g",
            "headers": {"content-type": "text/plain"},
            "body": body,
        }
        assert (await _batch(client, item))["1"]["status"] == 204
        assert (await client.objects("groups"))[0]["description"] == "plain"
        await _batch(client, {**item, "body": "not base64"}, status=400)
        await _batch(client, {**item, "body": {"a": 1}}, status=400)


async def test_an_answer_without_content_has_no_body() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g"})
        answer = (await _batch(client, {"id": "1", "method": "DELETE", "url": "/groups/g"}))["1"]
        assert (answer["status"], "body" in answer) == (204, False)


async def test_header_names_keep_the_spelling_of_the_inner_service() -> None:
    async with simulated(policies=1) as client:
        answers = await _batch(client, _get("1", "/organization"), _get("2", _POLICIES))
        assert "Content-Type" in answers["1"]["headers"]
        assert "content-type" in answers["2"]["headers"]
        assert all(name.islower() for name in answers["2"]["headers"])


async def test_answers_are_sometimes_reordered_but_always_in_the_same_way() -> None:
    async with simulated() as client:
        orders = []
        for number in range(30):
            items = [_get(f"{number}-{place}", "/organization") for place in range(3)]
            order = [[*(await _batch(client, *items))] for _ in range(2)]
            assert order[0] == order[1]
            orders.append(order[0] == [item["id"] for item in items])
        assert 3 <= orders.count(False) <= 20


async def test_a_dependent_request_runs_after_its_dependency_whatever_their_order() -> None:
    async with simulated() as client:
        await client.change("create", "groups", {"id": "g"})
        delete = {"id": "Out", "method": "DELETE", "url": "/groups/g"}
        answers = await _batch(client, _get("1", "/groups/g", "out"), delete, _get("2", "/groups/g", "OUT"))
        assert {id: item["status"] for id, item in answers.items()} == {"1": 404, "Out": 204, "2": 404}


async def test_a_failed_request_fails_all_its_dependents() -> None:
    async with simulated() as client:
        answers = await _batch(
            client,
            _get("1", "/organization"),
            _get("2", "/users/none", "1"),
            _get("3", "/users", "2"),
            _get("4", "/users", "3"),
        )
        assert [answers[id]["status"] for id in "1234"] == [200, 404, 424, 424]
        assert answers["3"]["body"]["error"]["code"] == "FailedDependency"


@pytest.mark.parametrize(
    "after",
    [
        {"2": ["1", "0"]},
        {"2": ["none"]},
        {"1": ["1"]},
        {"1": ["2"], "2": ["1"]},
        {"1": ["0"], "2": ["1"], "3": ["0"]},
        {"1": ["0"], "3": ["2"]},
    ],
)
async def test_dependencies_that_graph_refuses_fail_the_batch(after: dict[str, list[str]]) -> None:
    async with simulated() as client:
        items = [_get(id, "/organization", *after.get(id, ())) for id in "0123"]
        await _batch(client, *items, status=400)
        assert all(row["path"] != "/v1.0/organization" for row in (await client.http.get("/_sim/requests")).json())


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"requests":{}}',
        b'{"requests":[1]}',
        b'{"requests":[{"method":"GET","url":"/users"}]}',
        b'{"requests":[{"id":"1","method":"GET","url":"/organization"}],oops}',
        json.dumps({"requests": [_get("a", "/users"), _get("A", "/users")]}).encode(),
        json.dumps({"requests": [_get(str(number), "/users") for number in range(21)]}).encode(),
    ],
)
async def test_an_invalid_batch_is_refused_with_400_as_a_whole(body: bytes) -> None:
    async with simulated() as client:
        answer = await client.http.post("/v1.0/$batch", content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize("headers", [{}, {"headers": None}, {"headers": {"Accept": "application/json"}}])
async def test_a_body_without_a_content_type_fails_the_batch_and_names_the_request(headers: dict[str, Any]) -> None:
    async with simulated() as client:
        item = {"id": "one", "method": "PATCH", "url": "/users/u", "body": {}, **headers}
        answer = await client.http.post("/v1.0/$batch", json={"requests": [item]})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == "Request one has a body and no Content-Type header."


async def test_a_null_body_counts_as_no_body() -> None:
    async with simulated() as client:
        assert (await _batch(client, _get("1", "/organization") | {"body": None}))["1"]["status"] == 200


async def test_a_batch_can_contain_neither_a_batch_nor_a_sign_in() -> None:
    async with simulated() as client:
        headers = {"Content-Type": "application/json"}
        inner = {"id": "1", "method": "POST", "url": "/$batch", "headers": headers, "body": {"requests": []}}
        answers = await _batch(client, inner, _get("2", "/x/v2.0/.well-known/openid-configuration"))
        assert [answers[id]["status"] for id in "12"] == [400, 400]


async def test_paths_are_decoded_and_links_inside_a_batch_use_the_outer_address() -> None:
    async with simulated(groups=3) as client:
        await client.change("create", "users", {"id": "odd name"})
        answers = await _batch(client, _get("1", "users/odd%20name"), _get("2", "/groups?$top=2&$select=id"))
        assert answers["1"]["status"] == 200
        assert len((await client.get(answers["2"]["body"]["@odata.nextLink"])).json()["value"]) == 1


async def test_a_batch_needs_a_token() -> None:
    async with simulated() as client:
        del client.http.headers["Authorization"]
        await _batch(client, _get("1", "/organization"), status=401)
