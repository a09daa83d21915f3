"""Several directories in one Graph: each has its own objects, applications, clock, faults and counters."""

import base64
import json
from typing import Any

import pytest

from simulator.graph.quotas import Quotas
from simulator.graph.tokens import CLIENT_ID, DIRECTORY_ID
from tests.simulator.graph.client import BASE, Client, simulated

OTHER = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11"
APP, SECRET = "33333333-3333-3333-3333-333333333333", "of-the-other"
GIVEN = {"id": OTHER.upper(), "client_id": APP, "secret": SECRET, "objects": 25, "seed": 7}


async def add_directory(client: Client, **values: object) -> None:
    response = await client.control("directories", {**GIVEN, **values})
    assert (response.status_code, response.json()) == (200, {"id": OTHER})


async def token(client: Client, directory: str, app: str, secret: str) -> Any:
    form = {"client_id": app, "client_secret": secret, "grant_type": "client_credentials", "scope": f"{BASE}/.default"}
    return await client.http.post(f"/{directory}/oauth2/v2.0/token", data=form)


async def as_other(client: Client) -> dict[str, str]:
    """Return the header with which the other directory's application sends requests."""
    return {"authorization": "Bearer " + (await token(client, OTHER, APP, SECRET)).json()["access_token"]}


async def test_a_token_shows_only_the_directory_that_issued_it() -> None:
    async with simulated(users=3) as client:
        await add_directory(client)
        other = await as_other(client)
        for header, directory, users in ((other, OTHER, 20), ({}, DIRECTORY_ID, 3)):
            (organization,) = (await client.get("organization", **header)).json()["value"]
            assert organization["id"] == directory
            assert len((await client.get("users?$top=999", **header)).json()["value"]) == users
        batch = {"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}
        answer = (await client.http.post("/v1.0/$batch", json=batch, headers=other)).json()
        assert answer["responses"][0]["body"]["value"][0]["id"] == OTHER


async def test_applications_belong_to_one_directory() -> None:
    async with simulated() as client:
        await add_directory(client)
        for directory, app, secret in ((OTHER, CLIENT_ID, "simulated-secret"), (DIRECTORY_ID, APP, SECRET)):
            response = await token(client, directory, app, secret)
            assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")
        claims = (await as_other(client))["authorization"].split(".")[1]
        assert OTHER.encode() in base64.urlsafe_b64decode(claims + "==")
        configuration = await client.http.get(f"/{OTHER}/v2.0/.well-known/openid-configuration")
        assert OTHER in configuration.json()["token_endpoint"]


async def test_a_control_applies_to_the_named_directory_or_else_to_the_first() -> None:
    async with simulated(users=2) as client:
        await add_directory(client)
        other = await as_other(client)
        change = [{"op": "create", "path": "users", "value": {"id": "new", "displayName": "New"}}]
        response = await client.http.post(f"/_sim/changes?directory={OTHER}", content=json.dumps(change))
        assert response.status_code == 200
        assert (await client.get("users/new", **other)).status_code == 200
        assert (await client.get("users/new")).status_code == 404
        counted = (await client.http.get("/_sim/requests", params={"directory": OTHER})).json()
        assert {row["path"]: row["count"] for row in counted}["/v1.0/users/{id}"] == 1
        fault = [{"match": {"path": "users"}, "what": "status", "status": 503}]
        await client.http.post(f"/_sim/faults?directory={OTHER}", content=json.dumps(fault))
        assert (await client.get("users")).status_code == 200
        assert (await client.get("users", **other)).status_code == 503
        await client.http.post(f"/_sim/clock?directory={OTHER}", content=b'{"advance_days": 1}')
        assert (await client.get("users", **other)).status_code == 401
        assert (await client.get("users")).status_code == 200
        assert (await client.http.get("/_sim/requests", params={"directory": APP})).status_code == 404


async def test_each_directory_has_its_own_quotas() -> None:
    async with simulated(quotas=Quotas(DIRECTORY_ID, "small", lambda: 0.0)) as client:
        await add_directory(client)
        report = (await client.http.get("/_sim/quotas", params={"directory": OTHER})).json()
        assert (report["quotas"], report["apps"]) == ("small", [])
        await client.get("users", **await as_other(client))
        reports = [
            (await client.http.get("/_sim/quotas", params={"directory": id})).json() for id in (OTHER, DIRECTORY_ID)
        ]
        assert [[app["client_id"] for app in each["apps"]] for each in reports] == [[APP], []]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"id": DIRECTORY_ID}, "already"),
        ({"id": "contoso"}, "GUID"),
        ({"secret": None}, "both text"),
        ({"objects": -1}, "not negative"),
        ({"name": "x"}, "no name"),
    ],
)
async def test_an_invalid_directory_is_refused_with_the_reason(values: dict[str, object], reason: str) -> None:
    async with simulated() as client:
        response = await client.control("directories", {**GIVEN, **values})
        assert response.status_code == 400
        assert reason in response.text
