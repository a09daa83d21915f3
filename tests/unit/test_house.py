"""The house keeps its rooms small, its names plain and its lock file free of places."""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
ROOMS = ("shared", "workers", "scheduler", "console", "simulator")
MODULES = sorted(path for room in ROOMS for path in (TOP / room).rglob("*.py"))
FORBIDDEN = {"utils", "helpers", "common", "base", "manager"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TOP)))
def test_a_module_is_small_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(tree)
    assert not FORBIDDEN & set(path.with_suffix("").parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


def test_the_lock_file_names_no_host_and_no_path() -> None:
    text = (TOP / "requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"(^|[^A-Za-z0-9_.])/[a-z]+/", text)


def test_every_package_in_the_lock_file_has_hashes() -> None:
    for entry in re.split(r"\n(?=[a-z0-9])", (TOP / "requirements.lock").read_text()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
