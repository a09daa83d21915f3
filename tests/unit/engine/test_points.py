"""The points of the write order: each is a member of its type, and the engine reaches each of them."""

import ast
from pathlib import Path

from shared.ports.observer import Point

ENGINE = Path(__file__).resolve().parents[3] / "shared" / "engine"


def points_reached() -> list[str]:
    """Return the point of each call of ``reach`` in the engine."""
    calls = (
        node
        for path in sorted(ENGINE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reach"
    )
    return [ast.unparse(call.args[0]) for call in calls]


def test_the_engine_reaches_each_point_and_names_no_other() -> None:
    assert set(points_reached()) == {f"Point.{point.name}" for point in Point}
