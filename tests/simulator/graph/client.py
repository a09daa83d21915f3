"""A client of a simulator in this process, and a mirror that applies the pages of delta."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from simulator.graph.generator import PATHS
from simulator.graph.quotas import Quotas
from simulator.graph.serve import build
from simulator.graph.tokens import CLIENT_ID, CLIENT_SECRET, DIRECTORY_ID

BASE = "https://graph.test"


class Client:
    """Sends requests as the registered application."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def sign_in(self, client: str = CLIENT_ID, secret: str = CLIENT_SECRET, **more: str) -> httpx.Response:
        form = {
            "client_id": client,
            "client_secret": secret,
            "grant_type": "client_credentials",
            "scope": f"{BASE}/.default",
        }
        response = await self.http.post(f"/{DIRECTORY_ID}/oauth2/v2.0/token", data={**form, **more})
        if response.status_code == 200:
            self.http.headers["Authorization"] = "Bearer " + response.json()["access_token"]
        return response

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path if path.startswith("http") else f"/v1.0/{path}", headers=headers)

    async def control(self, name: str, body: object) -> httpx.Response:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post(f"/_sim/{name}", content=text)

    async def change(self, op: str, path: str, value: object = None) -> None:
        response = await self.control("changes", [{"op": op, "path": path, "value": value}])
        assert response.status_code == 200, response.text

    async def objects(self, path: str) -> list[dict[str, Any]]:
        text = (await self.http.get("/_sim/objects", params={"path": path})).text
        return [json.loads(line) for line in text.split("\n") if line]

    async def ids(self, path: str) -> list[str]:
        return [value["id"] for page in await self.pages(path) for value in page["value"]]

    async def pages(self, path: str) -> list[dict[str, Any]]:
        pages = []
        link: str | None = path
        while link:
            response = await self.get(link)
            assert response.status_code == 200, response.text
            pages.append(response.json())
            link = pages[-1].get("@odata.nextLink")
        return pages


@asynccontextmanager
async def simulated(
    loaded: bytes = b"", seed: int = 1, quotas: Quotas | None = None, **counts: int
) -> AsyncIterator[Client]:
    """Yield a client of a new directory, without limits unless quotas are given.

    Arguments such as `policies=3` generate objects.
    """
    paths = {path.rpartition("/")[2]: path for path in PATHS}
    limits = quotas or Quotas(DIRECTORY_ID, "off")
    simulator = build({paths[name]: count for name, count in counts.items()}, seed, loaded, limits)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=simulator), base_url=BASE) as http:
        client = Client(http)
        await client.sign_in()
        yield client


class Mirror:
    """The state that a reader of groups/delta or users/delta has after its pages."""

    def __init__(self, relations: tuple[str, ...]) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.links: dict[tuple[str, str], set[str]] = {}
        self._relations = relations

    def take(self, entry: dict[str, Any]) -> None:
        id = entry["id"]
        if "@removed" in entry:
            self.objects.pop(id, None)
            for relation in self._relations:
                self.links.pop((id, relation), None)
            return
        own = {name: value for name, value in entry.items() if not name.endswith("@delta")}
        if set(own) != {"id"}:
            self.objects[id] = own
        for relation in self._relations:
            links = self.links.setdefault((id, relation), set())
            for link in entry.get(f"{relation}@delta", []):
                (links.discard if "@removed" in link else links.add)(link["id"])
