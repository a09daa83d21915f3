"""The history of one object: its events in each snapshot, newest first, and the chunks that are not read for it."""

import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from console.cli.comparisons.history import event_document, event_lines
from shared.domain.audit import event_of
from shared.domain.errors import Answer, Code, EntrakeepError, KeyRefused, Refuse, Skip
from shared.domain.jobs import JobState
from shared.domain.records import prefix_tombstone, tombstone
from shared.engine.compare.history import history
from shared.engine.compare.timeline import HistoryEvent
from shared.engine.snapshots.browse import browse
from shared.vault import reader as vault_reader
from tests.contract.engine.test_comparison_reports import HOSTILE
from tests.contract.engine.world import LEASE, EngineWorld
from tests.generated import schemas
from tests.unit.vault.parts import ARN

ANA, BEN, SALES = (f"{n}0000000-0000-4000-8000-000000000000" for n in range(1, 4))
LONG = 60.0
REFUSED = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=LONG)
    world.directory.put("users", f"users/{ANA}", b'{"displayName":"Ana","city":"Rom"}')
    world.directory.put("users", f"users/{BEN}", b'{"displayName":"Ben"}')
    world.directory.put("groups", f"groups/{SALES}", b'{"displayName":"Sales","tags":["a","b"]}')
    world.directory.put("groups", f"groups/{SALES}/members/{BEN}", b"{}")
    world.back_up()
    yield world
    world.close()


def events(world: EngineWorld, object_id: str, snapshot: str = "latest", **filters: list[str]) -> list[HistoryEvent]:
    with history(world.context, world.tenant, snapshot, object_id, **filters) as opened:
        return list(opened.events())


def list_events(world: EngineWorld, object_id: str, snapshot: str = "latest") -> list[tuple[int, str, str]]:
    """Return the number of the snapshot, the event, and the object's name or the unknown resource."""
    numbers = [row.snapshot_id for row in reversed(world.catalog.snapshots.all())]
    return [
        (
            numbers.index(each.snapshot.snapshot_id),
            each.happened.value,
            each.difference.name or "" if each.difference is not None else each.resource,
        )
        for each in events(world, object_id, snapshot)
    ]


def delete(world: EngineWorld, resource: str, *keys: str) -> None:
    stream = resource.partition(".")[0]
    world.directory.log[stream] += [tombstone(resource.encode(), key.encode()) for key in keys]


def test_an_object_is_shown_as_changed_deleted_and_restored_with_its_links(world: EngineWorld) -> None:
    group = f"groups/{SALES}"
    world.directory.put("groups", group, b'{"tags":["c","b"],"displayName":"Sales"}')
    world.directory.put("groups", f"{group}/members/{ANA}", b"{}")
    world.back_up()
    world.directory.log["groups"].append(prefix_tombstone(b"groups.members", f"{group}/members/".encode()))
    delete(world, "groups", group)
    world.back_up()
    world.back_up()
    world.directory.put("groups", group, b'{"displayName":"Sales again","tags":[]}')
    delete(world, "users", f"users/{BEN}")
    world.back_up()
    assert list_events(world, SALES) == [
        (4, "restored", "Sales again"),
        (2, "deleted", "Sales"),
        (2, "removed", "Sales again → Ana"),
        (2, "removed", "Sales again → Ben"),
        (1, "changed", "Sales"),
        (1, "added", "Sales again → Ana"),
        (0, "existing", "Sales"),
    ]
    assert list_events(world, BEN) == [(4, "deleted", "Ben"), (0, "existing", "Ben")]
    changed = next(each for each in events(world, SALES.upper()) if each.happened == "changed")
    assert changed.difference is not None
    (tags,) = changed.difference.properties
    assert (tags.path, tags.before, tags.after) == ("tags", b'["a","b"]', b'["c","b"]')
    assert (tags.added, tags.removed) == ([b'"c"'], [b'"a"'])
    assert changed.previous == world.catalog.snapshots.all()[-1].snapshot_id
    third = world.catalog.snapshots.all()[-3].snapshot_id
    assert list_events(world, SALES, third) == [
        (2, "deleted", "Sales"),
        (2, "removed", "Sales → Ana"),
        (2, "removed", "Sales → Ben"),
        (1, "changed", "Sales"),
        (1, "added", "Sales → Ana"),
        (0, "existing", "Sales"),
    ]
    assert {each.resource for each in events(world, SALES, resources=["groups.members"])} == {"groups.members"}


def test_an_object_of_a_later_snapshot_is_created_and_volatile_properties_are_no_change(world: EngineWorld) -> None:
    world.directory.put("users", "users/new", b'{"displayName":"New","signInActivity":{"a":1}}')
    world.back_up()
    world.directory.put("users", "users/new", b'{"displayName":"New","signInActivity":{"a":2}}')
    world.back_up()
    assert list_events(world, "new") == [(1, "created", "New")]


def test_a_snapshot_that_could_not_read_a_resource_is_unknown_and_deletes_no_object(world: EngineWorld) -> None:
    world.directory.trouble["groups"] = [(0, Skip(Answer.FORBIDDEN, "status 403", "r"))]
    world.run_job()
    world.directory.put("groups", f"groups/{SALES}", b'{"displayName":"Sales 2"}')
    world.back_up()
    object_events = events(world, SALES)
    assert [each.happened.value for each in object_events] == ["changed", "unknown", "unknown", "unknown", "existing"]
    assert object_events[1].reason == "not read (forbidden), so its records are those of an earlier snapshot"
    assert {each.resource for each in object_events[1:4]} == {"groups", "groups.members", "groups.owners"}
    assert object_events[0].previous == object_events[-1].snapshot.snapshot_id


def test_a_history_opens_each_chunk_once_and_only_chunks_that_can_have_the_object(world: EngineWorld) -> None:
    world.limit(chunk_bytes=1)
    for n in range(20):
        world.directory.put("users", f"users/{n:02}", b'{"displayName":"%d"}' % n)
    for n in range(3):
        world.directory.put("users", f"users/{BEN}", b'{"displayName":"Ben","n":%d}' % n)
        world.back_up()
    opened: list[str] = []
    open_chunk = vault_reader._open_chunk

    def record_chunk(*args: object) -> bytes:
        opened.append(args[-1].name)  # type: ignore[attr-defined]
        return open_chunk(*args)  # type: ignore[arg-type]

    with patch("shared.vault.reader._open_chunk", record_chunk), patch("shared.engine.compare.history._names"):
        assert len(events(world, BEN)) == 4
    assert len(opened) == len(set(opened)) < 15


def test_the_event_of_a_history_names_its_object_and_its_number_of_snapshots(world: EngineWorld) -> None:
    world.back_up()
    events(world, ANA, resources=["users"])
    trail = map(event_of, world.catalog.audit.recent(5))
    event = next(each for each in trail if each.action == "browse.begun")
    assert event.subject["snapshot"] == world.catalog.snapshots.get("latest").snapshot_id
    assert event.detail == {"object": ANA, "snapshots": 2, "resources": "users"}


@pytest.mark.parametrize(
    ("object_id", "snapshot", "resources", "code"),
    [
        ("nobody", "latest", [], Code.NO_SUCH_OBJECT),
        (ANA, "no-such-snapshot", [], Code.NO_SUCH_SNAPSHOT),
        (ANA, "latest", ["devices"], Code.WRONG_USE),
    ],
)
def test_wrong_input_is_refused_with_a_sentence(
    world: EngineWorld, object_id: str, snapshot: str, resources: list[str], code: Code
) -> None:
    with pytest.raises(Refuse) as caught:
        events(world, object_id, snapshot, resources=resources)
    assert caught.value.code is code
    assert caught.value.message.endswith((".", "'."))


def test_a_refused_key_ends_the_history_between_two_events(tmp_path: Path) -> None:
    world = EngineWorld(tmp_path, lease=LEASE)
    for n in range(2):
        world.directory.put("users", f"users/{ANA}", b'{"displayName":"Ana","n":%d}' % n)
        world.back_up()
    with (
        pytest.raises(EntrakeepError) as caught,
        history(world.context, world.tenant, "latest", ANA) as opened,
    ):
        for _ in opened.events():
            world.keys.trouble = REFUSED
            threading.Event().wait(LEASE)
    assert caught.value.code is Code.KEY_ACCESS_REVOKED
    job = world.catalog.jobs.recent(1)[0]
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    world.close()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineWorld]:
    """Yield a world in which each hostile text becomes the city of a user with the second snapshot."""
    world = EngineWorld(tmp_path_factory.mktemp("hostile"), lease=LONG)
    for changed in (False, True):
        for n, text in enumerate(HOSTILE.values()):
            city = text if changed else '"Rom"'
            world.directory.put("users", f"users/{n}", f'{{"displayName":{text},"city":{city}}}'.encode())
        world.back_up()
    yield world
    world.close()


@pytest.mark.parametrize("n", range(len(HOSTILE)), ids=HOSTILE)
def test_hostile_values_are_printed_unchanged_and_break_no_line(hostile: EngineWorld, n: int) -> None:
    value = list(HOSTILE.values())[n]
    with history(hostile.context, hostile.tenant, "latest", str(n)) as opened:
        object_events = list(opened.events())
        text = b"".join(event_lines(iter(object_events), opened.names)).decode()
    documents = [event_document(each) for each in object_events]
    schemas.check(["browse", "--history"], b"".join(documents))
    assert b'"city": ["Rom", %b]' % value.encode() in documents[0]
    assert len(text.splitlines()) == len(text.split("\n")) - 1 == 6
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize("text", ["ben\u00e9", "90000000-0000", "1 Old Road"], ids=["name", "id", "any text"])
def test_a_search_matches_names_ids_and_texts_and_yields_a_match_before_it_reads_on(
    world: EngineWorld, text: str
) -> None:
    world.limit(chunk_bytes=1)
    world.directory.put("users", f"users/9{BEN[1:]}", b'{"displayName":"Ben\\u00C9","address":{"street":"1 OLD road"}}')
    world.directory.put("users", "users/a", b"{}")
    world.back_up()
    matches = browse(world.context, world.tenant, "latest", search=text)
    assert next(matches)[0] == f"users/9{BEN[1:]}"
    later = AssertionError("a later chunk")
    with (
        patch("shared.vault.reader._open_chunk", side_effect=later),
        pytest.raises(AssertionError, match="later chunk"),
    ):
        next(matches)
