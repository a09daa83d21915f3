"""The contract of every directory source: one suite for Graph over TLS and for the directory in memory."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from shared.domain.errors import Answer
from shared.domain.records import prefix_tombstone
from shared.ports.directory import Cursor, DirectorySource
from tests.contract.engine.world import MemoryDirectory, identity
from tests.contract.graph.reading import ORGANIZATION, POLICIES, USERS, Connect, read, records
from tests.contract.graph.simulator import DIRECTORY_ID, Simulator


@dataclass
class Directory:
    """A directory with several pages of users; ``add`` adds one."""

    source: DirectorySource
    add: Callable[[str, bytes], object]
    directory_id: str
    checks: list[str] = field(default_factory=list)


def user() -> tuple[str, bytes]:
    """Return the id and the value of a new user."""
    user_id = str(uuid.uuid4())
    return user_id, json.dumps({"id": user_id, "userPrincipalName": f"{user_id}@x"}).encode()


@pytest.fixture(params=["memory", "graph"])
def directory(request: pytest.FixtureRequest) -> Directory:
    checks: list[str] = []
    if request.param == "graph":
        connect: Connect = request.getfixturevalue("connect")
        simulator: Simulator = request.getfixturevalue("simulator")
        source = connect(check=lambda: checks.append("check"))
        return Directory(source, lambda _, value: simulator.create("users", value), DIRECTORY_ID, checks)
    memory = MemoryDirectory()

    def add(user_id: str, value: bytes) -> None:
        memory.put("users", f"users/{user_id}", value)
        memory.objects[user_id] = value

    for user_id, value in (user() for _ in range(3)):
        add(user_id, value)
    memory.put("organization", f"organization/{DIRECTORY_ID}")
    source = memory.connect(identity(DIRECTORY_ID), lambda: checks.append("check"))
    return Directory(source, add, DIRECTORY_ID, checks)


async def test_a_full_reading_begins_with_tombstones_and_ends_with_a_delta_link(directory: Directory) -> None:
    user_id, value = user()
    directory.add(user_id, value)
    cursors: list[Cursor | None] = []
    lines = []
    async for page in directory.source.pages(USERS, None):
        lines += [line for entry in page.entries() for line in entry]
        cursors.append(page.cursor)
        assert page.refused() == []
    expected = [prefix_tombstone(name.encode(), b"") for name in USERS.resources]
    assert sorted(lines[: len(expected)]) == sorted(expected)
    assert records(lines, "users")[user_id] == value
    assert [cursor is not None and cursor.more for cursor in cursors] == [True] * (len(cursors) - 1) + [False]
    assert len(cursors) > 1
    assert len(directory.checks) >= len(cursors)


async def test_a_reading_continues_from_a_cursor_with_the_remaining_pages(directory: Directory) -> None:
    whole, _ = await read(directory.source, USERS)
    first, cursor = [], None
    async for page in directory.source.pages(USERS, None):
        first, cursor = [line for entry in page.entries() for line in entry], page.cursor
        break
    rest, last = await read(directory.source, USERS, cursor)
    assert records(first, "users")
    assert records(rest, "users")
    assert records(first + rest, "users") == records(whole, "users")
    assert last is not None
    assert not last.more


async def test_a_delta_link_returns_only_changes(directory: Directory) -> None:
    _, link = await read(directory.source, USERS)
    no_changes, link = await read(directory.source, USERS, link)
    assert no_changes == []
    user_id, value = user()
    directory.add(user_id, value)
    changes, next_link = await read(directory.source, USERS, link)
    assert records(changes, "users") == {user_id: value}
    assert next_link is not None
    assert not next_link.more


@pytest.mark.parametrize("stream", [POLICIES, ORGANIZATION], ids=lambda stream: stream.name)
async def test_a_listing_ends_without_a_cursor(directory: Directory, stream: object) -> None:
    _, cursor = await read(directory.source, stream)  # type: ignore[arg-type]
    assert cursor is None


async def test_one_object_is_fetched_by_its_id(directory: Directory) -> None:
    user_id, value = user()
    directory.add(user_id, value)
    line = await directory.source.fetch(USERS, user_id)
    assert line is not None
    assert records([line], "users") == {user_id: value}
    assert await directory.source.fetch(USERS, str(uuid.uuid4())) is None


async def test_probes_are_answered_and_a_source_may_be_closed_twice(directory: Directory) -> None:
    for listing in (False, True):
        assert await directory.source.probe(USERS, listing=listing) is Answer.WHOLE
    assert await directory.source.answers(USERS)
    assert await directory.source.organization_id() == directory.directory_id
    for _ in range(2):
        await directory.source.close()
