"""Every method of the catalog's port is called on PostgreSQL too, in a case with the mark ``postgresql``."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
HELPERS = (TOP / "tests/contract/catalog/world.py", TOP / "tests/contract/catalog/story.py")
ELSEWHERE = {"arns", "fate", "not_sent", "note_anchored", "purge"}
"""Methods that only cases of the engine call, and the one that is for files of SQLite."""


def _methods() -> Iterator[str]:
    """Yield the methods of the protocols of the port."""
    for path in (TOP / "shared/ports/catalog").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases):
                yield from (each.name for each in node.body if isinstance(each, ast.FunctionDef))


def _runs_on_postgresql(node: ast.stmt) -> bool:
    """Return whether cases on PostgreSQL run this statement of a module."""
    is_test = isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    return not is_test or any("postgresql" in ast.unparse(each) for each in node.decorator_list)  # type: ignore[attr-defined]


def _called() -> Iterator[str]:
    """Yield the names of all attributes that cases on PostgreSQL use."""
    for path in (*HELPERS, *Path(__file__).parent.glob("test_*.py")):
        text = path.read_text()
        whole = "\npytestmark = pytest.mark.postgresql\n" in text
        for node in (each for each in ast.parse(text).body if whole or _runs_on_postgresql(each)):
            yield from re.findall(r"\.(\w+)", ast.unparse(node))


CALLED = frozenset(_called())


@pytest.mark.parametrize("method", sorted({*_methods()} - ELSEWHERE))
def test_a_method_of_the_port_is_called_on_postgresql(method: str) -> None:
    assert method in CALLED, f"mark a case that calls {method}() with pytest.mark.postgresql"
