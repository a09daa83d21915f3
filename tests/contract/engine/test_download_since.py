"""A download since a snapshot has exactly what differs from it, in each form, and is refused where that is not known."""

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.downloads.writing import Order, write_download
from shared.domain.audit import event_of
from shared.domain.errors import Answer, Code, KeyRefused, Refuse, Skip
from shared.domain.records import tombstone
from tests.contract.engine.world import EngineWorld
from tests.generated import schemas
from tests.unit.vault.parts import ARN


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path_factory.mktemp("since"), lease=60.0)
    for n in range(1500):
        made.directory.put("users", f"users/{n:04}", b'{"n":%d}' % n)
    made.back_up()
    yield made
    made.close()


def latest(world: EngineWorld) -> str:
    return world.catalog.snapshots.get("latest").snapshot_id


def order(
    output: Path, since: str, format: str = "jsonl", *, resume: bool = False, recipients: Sequence[str] = ()
) -> Order:
    return Order(output=str(output), format=format, resources=[], recipients=recipients, resume=resume, since=since)


def written(world: EngineWorld, made: Order) -> bytes:
    write_download(world.context, world.tenant, "latest", made, lambda _: None)
    return Path(made.output).read_bytes() if not made.in_folder else b""


@given(st.data())
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_equals_the_difference_of_two_dictionaries(world: EngineWorld, data: st.DataObject) -> None:
    first, before = latest(world), world.download()
    for n in data.draw(st.lists(st.integers(1490, 1510), max_size=6)):
        log, key = world.directory.log["users"], f"users/{n:04}"
        if data.draw(st.booleans()):
            world.directory.put("users", key, b'{"n":%d}' % data.draw(st.integers(0, 9)))
        else:
            log.append(tombstone(b"users", key.encode()))
    world.back_up()
    after = world.download()
    expected = b"".join(
        b'{"key": "%b", "removed": true}\n' % key.encode()
        if key not in after
        else b'{"key": "%b", "value": %b}\n' % (key.encode(), after[key])
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )
    with tempfile.TemporaryDirectory() as folder:
        assert written(world, order(Path(folder) / "changes", first)) == expected
        schemas.check(["download", "--since"], expected)
        written(world, order(Path(folder) / "tables", first, "csv"))
        rows = list(csv.DictReader(io.StringIO((Path(folder) / "tables" / "users.csv").read_text())))
    assert [row["key"] for row in rows] == [line.split(b'"')[3].decode() for line in expected.splitlines()]
    assert [row["removed"] == "true" for row in rows] == [b"removed" in line for line in expected.splitlines()]


def test_it_is_resumed_only_since_the_same_snapshot(world: EngineWorld, tmp_path: Path) -> None:
    first = latest(world)
    for n in range(1200):
        world.directory.put("users", f"users/{n:04}", b'{"n":"%b"}' % (b"x" * 500))
    world.directory.log["users"].append(tombstone(b"users", b"users/1300"))
    world.back_up()
    whole = written(world, order(tmp_path / "whole", first))
    made = order(tmp_path / "resumed", first, resume=True)

    def refuse(count: int) -> None:
        if count >= 1000:
            raise KeyRefused(ARN, "The key is disabled. Its owner must enable it.")

    with pytest.raises(KeyRefused):
        write_download(world.context, world.tenant, "latest", made, refuse)
    with pytest.raises(Refuse, match="another download") as caught:
        written(world, order(tmp_path / "resumed", "latest", resume=True))
    assert caught.value.code is Code.WRONG_USE
    assert written(world, made) == whole
    begun = [event_of(entry) for entry in world.catalog.audit.recent(10) if "download.begun" in entry.line]
    assert {event.detail["since"] for event in begun} >= {first}


def test_it_is_refused_if_a_resource_was_not_read_and_nothing_is_written(tmp_path: Path) -> None:
    world = EngineWorld(tmp_path, lease=60.0)
    world.back_up()
    first = latest(world)
    world.directory.trouble["groups"] = [(0, Skip(Answer.FORBIDDEN, "status 403", "r"))]
    world.run_job()
    (tmp_path / "out").mkdir()
    with pytest.raises(Refuse, match=r"changed in groups, groups\.members, groups\.owners") as caught:
        written(world, order(tmp_path / "out" / "changes", first, resume=True))
    assert caught.value.code is Code.WRONG_USE
    assert list((tmp_path / "out").iterdir()) == []
    world.close()


@pytest.mark.parametrize("format", ["jsonl", "zip", "csv"])
def test_recipients_decrypt_the_same_bytes_and_an_archive_has_the_lines_and_tables_of_changes(
    world: EngineWorld, tmp_path: Path, format: str
) -> None:
    world.directory.put("users", "users/gone")
    world.back_up()
    since, ada = latest(world), pyrage.x25519.Identity.generate()
    world.directory.put("users", "users/0000", b'{"n":"%b"}' % since.encode())
    world.directory.log["users"].append(tombstone(b"users", b"users/gone"))
    world.back_up()
    plain = written(world, order(tmp_path / "x.zip", since, format))
    encrypted = written(world, order(tmp_path / "x.zip.age", since, format, recipients=[str(ada.to_public())]))
    assert pyrage.decrypt(encrypted, [ada]) == plain
    lines = b'{"key": "users/0000", "value": {"n":"%b"}}\n{"key": "users/gone", "removed": true}\n' % since.encode()
    table = f"key,removed,n\r\nusers/0000,false,{since}\r\nusers/gone,true,\r\n".encode()
    if format == "jsonl":
        assert plain == lines
        return
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        if format == "csv":
            assert archive.read("users.csv") == table
            return
        assert (archive.read("users/users.jsonl"), archive.read("users/users.csv")) == (lines, table)
        assert archive.read("groups/groups.jsonl") == b""
        page = archive.read("index.html").decode()
    assert f"only what changed since {world.catalog.snapshots.get(since).created_at:%Y-%m-%d}" in page
    assert since in page
    assert "<dd>2</dd>" in page
