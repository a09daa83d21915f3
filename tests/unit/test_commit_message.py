"""The commit-msg hook accepts subjects that name an area and begin with a verb, and refuses others with a reason."""

import subprocess
from pathlib import Path

import pytest

HOOK = Path(__file__).resolve().parents[2] / ".githooks" / "commit-msg"


def run_hook(tmp_path: Path, message: str) -> "subprocess.CompletedProcess[str]":
    file = tmp_path / "message"
    file.write_text(message)
    return subprocess.run(
        [HOOK, file], check=False, capture_output=True, text=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    )


@pytest.mark.parametrize(
    "message",
    [
        "catalog: reject unknown columns on insert\n\nA column that does not exist was dropped without a word.\n",
        "graph/delta: follow at most one fresh start\n",
        "docs: name the bucket rule for old versions…\n# a comment of git\n",
        "x: name " + "é" * 64 + "\n",
        'Revert "catalog: reject unknown columns on insert"\n',
    ],
)
def test_a_subject_with_an_area_and_a_verb_is_accepted(tmp_path: Path, message: str) -> None:
    result = run_hook(tmp_path, message)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Reject unknown columns\n", "does not begin with an area"),
        ("catalog: Reject unknown columns\n", "does not begin with an area"),
        ("catalog: reject unknown columns.\n", "ends in a full stop"),
        ("catalog: " + "x" * 64 + "\n", "more than 72 characters"),
        ("catalog: reject unknown columns\nbecause they were dropped\n", "second line is not empty"),
        ("\n", "does not begin with an area"),
    ],
)
def test_any_other_subject_is_refused_with_the_reason(tmp_path: Path, message: str, reason: str) -> None:
    result = run_hook(tmp_path, message)
    assert result.returncode == 1
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
