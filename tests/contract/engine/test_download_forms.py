"""The forms of a download: lines, tables and archives; encrypted; interrupted and resumed."""

import csv
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyrage
import pytest

from console.downloads.writing import Order, write_download
from shared.domain.errors import Code, KeyRefused, Refuse
from shared.engine.snapshots.download import opened_download
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

USERS = 3000
HOSTILE = {
    "formula": '=HYPERLINK("http://x")',
    "wide formula": "＝1+1",
    "spaced formula": "  @SUM(A1)",
    "markup": "<script>alert(1)</script>",
    "ansi": "\x1b[31mred",
    "direction": "\u202egnp.exe",
    "lines": 'a\r\nb,"c"',
    "long": "n" * 65536,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path_factory.mktemp("world"), lease=60.0)
    world.limit(chunk_bytes=4096)
    for number in range(USERS):
        value = {"id": f"u{number:05}", "displayName": f"Ada {number}", "accountEnabled": number % 2 == 0, "city": None}
        world.directory.put("users", f"users/u{number:05}", json.dumps(value).encode())
    for name, text in HOSTILE.items():
        group = {"id": name, "displayName": text, "nested": {"b": [1, 2.50, None]}}
        world.directory.put("groups", f"groups/{name.replace(' ', '-')}", json.dumps(group).encode())
    world.directory.put("groups", "groups/surrogate", b'{"id": "surrogate", "displayName": "\\ud800x", "number": 1.50}')
    world.directory.put("groups", "groups/surrogate/members/u00001", b'{"id": "u00001"}')
    world.back_up()
    yield world
    world.close()


def make_order(output: Path | str, format: str = "jsonl", **more: object) -> Order:
    usual: dict[str, object] = {"resources": [], "recipients": [], "resume": False}
    return msgspec.convert({"output": str(output), "format": format, **usual, **more}, Order)


def write(world: EngineWorld, order: Order, snapshot: str = "latest") -> int:
    order.check()
    return write_download(world.context, world.tenant, snapshot, order, lambda _: None)


def lines(text: bytes) -> dict[str, bytes]:
    """Return each record's value, byte for byte."""
    split = (line.split(b'", "value": ', 1) for line in text.splitlines())
    return {key.removeprefix(b'{"key": "').decode(): value[:-1] for key, value in split}


def rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def count_users(world: EngineWorld) -> int:
    return sum(key.startswith("users/") and key.count("/") == 1 for key in world.directory.records())


def interrupt(world: EngineWorld, order: Order, records: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse the key once this number of records was read."""

    def refuse(count: int) -> None:
        if count >= records:
            raise KeyRefused(ARN, "The key is disabled. Its owner must enable it.")

    with pytest.raises(KeyRefused):
        write_download(world.context, world.tenant, "latest", order, refuse)


# -- tables


def test_a_folder_of_tables_has_each_record_and_each_property(world: EngineWorld, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    assert write(world, make_order(folder, "csv")) == len(world.directory.records())
    assert {"users.csv", "groups.csv", "groups.members.csv"} <= set(os.listdir(folder))
    users = {row["key"]: row for row in rows((folder / "users.csv").read_bytes())}
    assert len(users) == count_users(world)
    properties = {"id": "u00001", "displayName": "Ada 1", "accountEnabled": "false", "city": ""}
    assert {name: users["users/u00001"][name] for name in properties} == properties
    assert folder.stat().st_mode & 0o777 == 0o700
    assert os.listdir(tmp_path) == ["tables"]


def test_hostile_texts_are_written_whole_and_no_cell_is_a_formula(world: EngineWorld, tmp_path: Path) -> None:
    write(world, make_order(tmp_path / "tables", "csv", resources=["groups"]))
    table = {row["id"]: row for row in rows((tmp_path / "tables" / "groups.csv").read_bytes())}
    for name, text in HOSTILE.items():
        shown = table[name]["displayName"]
        assert shown == (f"'{text}" if "formula" in name else text)
        assert table[name]["nested"] == '{"b": [1, 2.5, null]}'
    assert table["surrogate"]["displayName"] == "\\ud800x"
    assert table["surrogate"]["number"] in ("1.50", "1.5")


def test_an_existing_folder_is_refused_and_stays_unchanged(world: EngineWorld, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "own.txt").write_text("mine")
    with pytest.raises(Refuse, match="exists already") as caught:
        write(world, make_order(tmp_path / "tables", "csv"))
    assert caught.value.code is Code.FILE_NOT_WRITABLE
    assert os.listdir(tmp_path / "tables") == ["own.txt"]


def test_an_interrupted_download_of_tables_leaves_no_file(
    world: EngineWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(world, make_order(tmp_path / "tables", "csv"), 500, monkeypatch)
    assert os.listdir(tmp_path) == []


# -- archives


def test_an_archive_has_lines_tables_report_page_and_correct_checksums(world: EngineWorld, tmp_path: Path) -> None:
    assert write(world, make_order(tmp_path / "all.zip", "zip")) == len(world.directory.records())
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    sums = dict(reversed(line.split("  ")) for line in files.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(text).hexdigest() for name, text in files.items()}
    records = {
        key: value for name, text in files.items() if name.endswith(".jsonl") for key, value in lines(text).items()
    }
    assert records == world.directory.records()
    assert len(rows(files["users/users.csv"])) == count_users(world)
    report = json.loads(files["completeness.json"])
    assert {each["resource"] for each in report["resources"]} >= {"users", "groups"}
    page = files["index.html"].decode()
    assert f"{count_users(world):,}" in page
    assert 'href="users/users.csv"' in page
    assert "<script" not in page


def test_tables_are_written_as_an_archive_if_the_output_ends_in_zip(world: EngineWorld, tmp_path: Path) -> None:
    write(world, make_order(tmp_path / "tables.zip", "csv", resources=["users"]))
    with zipfile.ZipFile(tmp_path / "tables.zip") as archive:
        assert archive.namelist() == ["users.csv", "SHA256SUMS"]


# -- recipients


@pytest.mark.parametrize("format", ["jsonl", "zip", "csv"])
def test_only_recipients_can_open_the_output(world: EngineWorld, tmp_path: Path, format: str) -> None:
    ada, bob, eve = (pyrage.x25519.Identity.generate() for _ in range(3))
    output, plain = tmp_path / "all.zip.age", tmp_path / "all.zip"
    recipients = [str(ada.to_public()), str(bob.to_public())]
    write(world, make_order(output, format, recipients=recipients))
    write(world, make_order(plain, format))
    for identity in (ada, bob):
        assert pyrage.decrypt(output.read_bytes(), [identity]) == plain.read_bytes()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(output.read_bytes(), [eve])


def test_an_interrupted_encrypted_stream_does_not_open(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A pipe shows this, because written bytes cannot be taken back."""
    ada = pyrage.x25519.Identity.generate()
    order = make_order("-", recipients=[str(ada.to_public())])
    with (tmp_path / "pipe").open("wb") as file:
        saved = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            interrupt(world, order, 1000, monkeypatch)
        finally:
            os.dup2(saved, 1)
            os.close(saved)
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt((tmp_path / "pipe").read_bytes(), [ada])


def test_an_encrypted_download_reports_a_full_disk(world: EngineWorld) -> None:
    ada = pyrage.x25519.Identity.generate()
    saved, full = os.dup(1), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 1)
    try:
        with pytest.raises(Refuse, match="No space left") as caught:
            write(world, make_order("-", recipients=[str(ada.to_public())]))
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(full)
    assert caught.value.code is Code.FILE_NOT_WRITABLE


@pytest.mark.parametrize("text", ["", "age1xyz", "ada@example.com", "ssh-ed25519 AAAA", "\x1b[31m"])
def test_an_invalid_recipient_is_refused_before_any_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refuse, match="is not a recipient") as caught:
        make_order(tmp_path / "all.age", recipients=[text]).check()
    assert "\x1b" not in caught.value.message


def test_a_secret_key_given_as_recipient_is_not_repeated_in_the_message(tmp_path: Path) -> None:
    secret = str(pyrage.x25519.Identity.generate())
    with pytest.raises(Refuse, match="secret key") as caught:
        make_order(tmp_path / "all.age", recipients=[secret]).check()
    assert secret[-20:] not in caught.value.message


# -- resuming


def test_a_resumed_file_equals_an_uninterrupted_one(
    world: EngineWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(world, make_order(tmp_path / "whole"))
    order, partial = make_order(tmp_path / "cut", resume=True), tmp_path / "cut.partial"
    monkeypatch.setattr("shared.engine.snapshots.download._BATCH", 4096)
    for records in (500, 1500):
        interrupt(world, order, records, monkeypatch)
        assert not (tmp_path / "cut").exists()
        partial.write_bytes(partial.read_bytes()[:-7])  # a killed process did not finish the last line
    world.back_up()  # the resumed download continues its snapshot, not the newest one
    assert write(world, order) < len(world.directory.records())
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["cut", "whole"]


def test_a_resumed_file_opens_no_chunk_before_its_last_line(world: EngineWorld) -> None:
    reads: list[str] = []
    get = world.store.get

    def record_get(name: str) -> bytes | None:
        reads.append(name)
        return get(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.store, "get", record_get)
        latest = world.catalog.snapshots.get("latest")
        with opened_download(world.context, world.tenant, latest, ["users"]) as download:
            assert [key for key, _ in download.records(after=b"users/u02997")] == [b"users/u02998", b"users/u02999"]
    assert len([name for name in reads if "/jobs/" in name]) < 4


def test_a_resumed_download_keeps_complete_tables(
    world: EngineWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(world, make_order(tmp_path / "whole", "csv"))
    order = make_order(tmp_path / "cut", "csv", resume=True)
    interrupt(world, order, 500, monkeypatch)
    kept_files = set(os.listdir(tmp_path / "cut.partial"))
    assert "groups.csv" in kept_files
    assert "users.csv" not in kept_files
    assert write(world, order) < len(world.directory.records())
    for name in os.listdir(tmp_path / "whole"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["cut", "whole"]


def test_a_different_download_does_not_continue_an_interrupted_one(
    world: EngineWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(world, make_order(tmp_path / "cut", resume=True), 500, monkeypatch)
    with pytest.raises(Refuse, match="of another download") as caught:
        write(world, make_order(tmp_path / "cut", resume=True, resources=["users"]))
    assert caught.value.code is Code.WRONG_USE
    assert (tmp_path / "cut.partial").exists()


@pytest.mark.parametrize(
    ("output", "format", "more", "message"),
    [
        ("x", "xml", {}, "There is no format 'xml'"),
        ("", "jsonl", {}, "-o needs the name"),
        ("-", "jsonl", {"resume": True}, "--resume is for"),
        ("x.zip", "zip", {"resume": True}, "--resume is for"),
        ("x.zip", "csv", {"resume": True}, "--resume is for"),
    ],
)
def test_an_impossible_order_is_refused_before_any_read(
    output: str, format: str, more: dict[str, object], message: str
) -> None:
    with pytest.raises(Refuse, match=message) as caught:
        make_order(output, format, **more).check()
    assert caught.value.code is Code.WRONG_USE


def test_a_folder_for_recipients_is_refused(tmp_path: Path) -> None:
    ada = pyrage.x25519.Identity.generate()
    with pytest.raises(Refuse, match=r"\.zip\.age"):
        make_order(tmp_path / "x", "csv", recipients=[str(ada.to_public())]).check()
