"""docs/audit.md: its example equals the code's output, and its programs check exports."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.domain.audit import Action, Entry, Head, canonical, encode_head, exported, following
from tests.pages import TOP, blocks

PAGE = TOP / "docs" / "audit.md"
TENANT = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11"
NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
Chain = tuple[list[Entry], list[Head]]


@pytest.fixture
def chain() -> Chain:
    """Return the chain of the page, and its continuation."""
    events = [
        (Action.TENANT_ADDED, {}, {"name": "contoso", "client_id": "11111111-1111-1111-1111-111111111111"}),
        (Action.BACKUP_ASKED, {"job": "5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f22"}, {"full": False}),
        (Action.SCHEDULE_SET, {}, {"cron": 'ü "\\" / 🦆', "timezone": None}),
        (Action.KEY_REFUSED, {}, {"jobs": 2**53 - 1}),
    ]
    entries: list[Entry] = []
    heads: list[Head] = []
    for n, (action, subject, detail) in enumerate(events):
        time = NOW + n * timedelta(minutes=30)
        entry, head = following(heads[-1] if heads else None, TENANT, time, "ana@desk", action, subject, detail)
        entries.append(entry)
        heads.append(head)
    return entries, heads


def run_program(folder: Path, lines: list[str], heads: list[Head]) -> tuple[int, str]:
    """Return the exit status and the output of the page's program for an export and heads."""
    (program,) = blocks(PAGE, "python")
    (folder / "audit.jsonl").write_text("".join(f"{line}\n" for line in lines))
    names = []
    for head in heads:
        names.append(str(folder / str(head.number)))
        Path(names[-1]).write_bytes(encode_head(head))
    argv = [sys.executable, "-I", "-X", "utf8", "-W", "ignore", "-c", program, str(folder / "audit.jsonl"), *names]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout or done.stderr).strip()


def test_the_example_equals_the_output_of_the_code(chain: Chain) -> None:
    entries, heads = chain
    assert blocks(PAGE, "")[1:4] == [f"{exported(entry)}\n" for entry in entries[:2]] + [
        f"{encode_head(heads[1]).decode()}\n"
    ]


def test_the_page_describes_every_action() -> None:
    for action in Action:
        assert f"`{action}`" in PAGE.read_text()


def test_the_program_of_the_page_accepts_a_valid_export(tmp_path: Path, chain: Chain) -> None:
    entries, heads = chain
    assert run_program(tmp_path, [*map(exported, entries)], heads) == (0, "4 events fit, the last is 4")


def test_the_program_of_the_page_detects_an_invalid_export(tmp_path: Path, chain: Chain) -> None:
    entries, heads = chain
    lines = [*map(exported, entries)]
    forged = canonical({**json.loads(lines[1]), "actor": "nobody"})
    for wrong, sentence in (
        ([lines[0], forged, *lines[2:]], "event 2 does not fit"),
        ([lines[0], *lines[2:]], "event 2 does not fit"),
        ([lines[1], lines[0], *lines[2:]], "event 1 does not fit"),
        (lines[:3], "event 4 is missing"),
    ):
        assert run_program(tmp_path, wrong, heads) == (1, sentence)


def test_the_program_of_the_page_accepts_a_rebuild_after_a_head(tmp_path: Path, chain: Chain) -> None:
    entry, head = following(chain[1][2], TENANT, NOW, "ana@desk", Action.CATALOG_REBUILT, {}, {})
    assert run_program(tmp_path, [exported(entry)], [*chain[1][:3], head])[0] == 0
    assert run_program(tmp_path, [exported(entry)], [])[0] == 1


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq is installed here")
def test_jq_computes_the_same_hashes(tmp_path: Path, chain: Chain) -> None:
    (program,) = blocks(PAGE, "sh")
    (tmp_path / "contoso-audit.jsonl").write_text("".join(f"{exported(entry)}\n" for entry in chain[0]))
    done = subprocess.run(["sh", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == [entry.hash for entry in chain[0]]
