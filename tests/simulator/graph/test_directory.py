"""A directory of a million objects answers without generating all of them."""

import pytest

from simulator.graph.change_log import ChangeLog
from simulator.graph.generator import ASSIGNMENTS, GRANTS, Generator
from tests.simulator.graph.client import Client, simulated

_MILLION = {"users": 800_000, "groups": 120_000, "applications": 40_000, "servicePrincipals": 40_000}
_EVENTUAL = {"ConsistencyLevel": "eventual"}


class GeneratedObjects:
    """Counts the generated objects."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        make = Generator.value

        def counted(generator: Generator, path: str, number: int) -> bytes:
            self.count += 1
            return make(generator, path, number)

        monkeypatch.setattr(Generator, "value", counted)

    async def objects_made(self, client: Client, path: str) -> int:
        """Return how many objects a request generates."""
        before = self.count
        answer = await client.get(path, **_EVENTUAL)
        assert answer.status_code == 200, answer.text
        return self.count - before


async def _first_user(client: Client) -> str:
    return str((await client.get("users?$top=1&$select=id")).json()["value"][0]["id"])


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("users/$count", 0),
        ("users?$top=5&$select=id&$count=true", 5),
        ("users?$top=5&$select=id&$skip=799990", 5),
        ("users?$top=5&$expand=manager($select=id)", 5),
        ("users/delta?$select=displayName,manager", 600),
        ("groups?$top=5&$expand=members($select=id)", 5),
        ("oauth2PermissionGrants?$top=5", 5),
        ("directory/deletedItems/microsoft.graph.user", 2),
    ],
)
async def test_a_page_makes_only_the_objects_that_it_shows(
    monkeypatch: pytest.MonkeyPatch, path: str, most: int
) -> None:
    generated = GeneratedObjects(monkeypatch)
    async with simulated(**_MILLION) as client:
        await client.change("delete", f"users/{await _first_user(client)}")
        assert await generated.objects_made(client, path) <= most


async def test_a_purge_makes_only_the_objects_linked_to_its_object(monkeypatch: pytest.MonkeyPatch) -> None:
    generated = GeneratedObjects(monkeypatch)
    async with simulated(**_MILLION) as client:
        user = await _first_user(client)
        generator = Generator(_MILLION, seed=1)
        links = sum(len(generator.naming(path, "principalId", user)) for path in (ASSIGNMENTS, GRANTS))
        before = generated.count
        await client.change("purge", f"users/{user}")
        assert generated.count - before <= 10 + 4 * links


async def test_pages_of_a_later_round_read_the_log_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulated(users=30) as client:
        link = (await client.pages("users/delta?$deltatoken=latest"))[-1]["@odata.deltaLink"]
        for user in await client.ids("users"):
            await client.change("update", f"users/{user}", {"city": "Bonn"})
        await client.control("delta", {"page_size": 3})
        reads = []
        between = ChangeLog.between
        monkeypatch.setattr(ChangeLog, "between", lambda *given: reads.append(given) or between(*given))
        assert len(await client.pages(link)) == 10
        assert len(reads) == 1
