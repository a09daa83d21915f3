"""Reports of a comparison whose values are hostile: nothing runs, no row breaks, and JSON keeps every letter."""

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from console.cli.compare import _deliver, _sink
from console.cli.comparisons.as_csv import csv_rows
from console.cli.comparisons.as_json import json_document
from console.cli.comparisons.as_page import page
from console.cli.comparisons.as_table import table
from console.cli.comparisons.spool import Spool
from shared.domain.errors import Code, KeyRefused
from shared.domain.records import tombstone
from shared.engine.compare.comparing import Comparison, compared
from shared.engine.compare.scope import Scope
from tests.contract.engine.world import LEASE, EngineWorld
from tests.unit.vault.parts import ARN

HOSTILE = {
    "markup": '"</td></table><script>alert(1)</script><img src=x onerror=alert(1)>"',
    "quotes": '"\\" onmouseover=\\"alert(1)\\" \'"',
    "ansi": '"\\u001b]0;owned\\u0007\\u001b[2J\u009b31m"',
    "bidi": '"\u202egnp.exe\u2066\u200f"',
    "lines": '"a\\r\\nb\u2028c\u0085d"',
    "surrogate": '"\\ud800 half"',
    "formula": '"=HYPERLINK(\\"http://x\\")"',
    "command": "\"-2+3+cmd|' /C calc'!A0\"",
    "number": "-1E+400",
    "long": f'"{"n" * 65_536}"',
}
NAMES = list(HOSTILE)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineWorld]:
    """Yield a world with two snapshots. Each hostile text names an added user, and is a property's old and new value."""
    world = EngineWorld(tmp_path_factory.mktemp("reports"))
    for n, text in enumerate(HOSTILE.values()):
        world.directory.put("users", f"users/changed{n}", f'{{"displayName":{text},"city":{text}}}'.encode())
    world.directory.put("groups", "groups/odd", b'{"displayName":"=1+1","tags":["a"]}')
    world.back_up()
    for n, text in enumerate(HOSTILE.values()):
        world.directory.put("users", f"users/added{n}", f'{{"displayName":{text}}}'.encode())
        world.directory.put(
            "users", f"users/changed{n}", f'{{"displayName":{text},"city":{text},"state":{text}}}'.encode()
        )
    world.directory.put("groups", "groups/odd", b'{"displayName":"=1+1","tags":["a","=b"]}')
    world.directory.log["users"].append(tombstone(b"users", b"users/0"))
    world.back_up()
    yield world
    world.close()


def write_report(world: EngineWorld, report: Callable[[Comparison], Iterator[bytes]]) -> bytes:
    second, first = world.catalog.snapshots.all()[:2]
    with compared(world.context, world.tenant, first.snapshot_id, second.snapshot_id, Scope()) as comparison:
        return b"".join(report(comparison))


def test_json_has_every_value_unchanged(world: EngineWorld) -> None:
    text = write_report(world, lambda comparison: json_document(comparison, summary=False))
    for value in HOSTILE.values():
        assert b'"state": [null, %b]' % value.encode() in text
    document = json.loads(text)
    assert document["removed"] == ["users/0"]
    assert document["added"] == [f"users/added{n}" for n in range(len(NAMES))]
    assert [each["key"] for each in document["changed"]][:2] == ["groups/odd", "users/changed0"]
    assert document["changed"][0]["lists"] == {"tags": {"added": ["=b"], "removed": []}}
    assert document["names"]["users/added5"] == "\ud800 half"
    assert document["summary"][1] == {"resource": "users", "added": 10, "removed": 1, "changed": 10}


def test_csv_has_one_row_per_value_and_no_formula(world: EngineWorld) -> None:
    text = write_report(world, lambda comparison: csv_rows(comparison, summary=False)).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 1 + 1 + 2 * len(HOSTILE) + 1
    assert {len(row) for row in rows} == {9}
    assert text.count("\r\n") == len(rows)
    assert len(text.splitlines()) == len(rows)
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@"))]
    assert ["groups", "changed", "groups/odd", "'=1+1", "tags", '["a"]', '["a","=b"]', '["=b"]', "[]"] in rows
    states = {row[2]: row[6] for row in rows if row[4] == "state"}
    for n, value in enumerate(HOSTILE.values()):
        assert json.loads(states[f"users/changed{n}"].removeprefix("'")) == json.loads(value)


def test_values_add_no_escape_sequence_and_no_line_to_a_table(world: EngineWorld) -> None:
    text = write_report(world, lambda comparison: table(comparison, summary=False)).decode()
    assert all(c.isprintable() or c == "\n" for c in text)
    lines = text.split("\n")
    assert len([line for line in lines if line.startswith("  + added")]) == len(HOSTILE)
    assert "      state  null → " + '"\\u202egnp.exe\\u2066\\u200f"' in lines
    assert "(65,538 characters)" in text
    assert lines[-2] == "22 differences."


class Elements(HTMLParser):
    """Collect the elements of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen_elements: set[tuple[str, tuple[str, ...]]] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen_elements.add((tag, tuple(name for name, _ in attrs)))
        if tag not in ("meta", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_has_only_its_own_elements_and_none_that_runs_or_loads(world: EngineWorld) -> None:
    text = write_report(world, lambda comparison: page(comparison, "acme", summary=False)).decode()
    elements = Elements()
    elements.feed(text)
    assert elements.open == []
    assert {tag for tag, _ in elements.seen_elements}.isdisjoint(
        {"script", "img", "a", "link", "iframe", "svg", "form", "input"}
    )
    attributes = {name for _, names in elements.seen_elements for name in names}
    assert attributes == {"lang", "charset", "http-equiv", "content", "name", "class", "scope", "colspan"}
    assert "url(" not in text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize("name", ["table", "csv", "json", "html"])
def test_a_summary_has_counts_and_no_value(world: EngineWorld, name: str) -> None:
    reports: dict[str, Callable[[Comparison], Iterator[bytes]]] = {
        "table": lambda comparison: table(comparison, summary=True),
        "csv": lambda comparison: csv_rows(comparison, summary=True),
        "json": lambda comparison: json_document(comparison, summary=True),
        "html": lambda comparison: page(comparison, "acme", summary=True),
    }
    text = write_report(world, reports[name])
    assert b"users" in text
    assert b"groups" in text
    assert b"changed0" not in text
    assert b"gnp" not in text


@pytest.mark.parametrize("name", ["out", "-"])
def test_a_report_that_a_refused_key_interrupts_leaves_no_file(
    world: EngineWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("console.cli.compare.write", lambda _: None)
    second, first = world.catalog.snapshots.all()[:2]

    def report(comparison: Comparison) -> Iterator[bytes]:
        for part in csv_rows(comparison, summary=False):
            yield part
            refused = threading.Event()
            comparison._work.keys.on_end(refused.set)
            world.keys.trouble = KeyRefused(ARN, "The key is disabled.")
            assert refused.wait(LEASE * 5)

    try:
        with (
            pytest.raises(KeyRefused),
            _sink(name) as sink,
            compared(world.context, world.tenant, first.snapshot_id, second.snapshot_id, Scope()) as comparison,
        ):
            _deliver(report(comparison), comparison, sink)
    finally:
        world.keys.trouble = None
    assert list(tmp_path.iterdir()) == []
    assert world.catalog.jobs.recent(1)[0].code is Code.KEY_ACCESS_REVOKED


def test_a_spool_returns_what_was_written(tmp_path: Path) -> None:
    spool = Spool()
    parts = [bytes([n % 256]) * (n * 97 % 5_000) for n in range(2_000)]
    for part in parts:
        spool.write(part)
    assert b"".join(spool.read()) == b"".join(parts)
    assert b"".join(Spool().read()) == b""
    assert not list(tmp_path.iterdir())
