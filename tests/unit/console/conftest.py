"""A catalog in a file, and commands that run in this process."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.cli.tree import app
from tests.contract.catalog.world import World
from tests.generated.schemas import check
from tests.migrated import migrated_file


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Yield the catalog of the commands that the test runs."""
    world = World(migrated_file(tmp_path / "catalog.sqlite3"))
    monkeypatch.setenv("ENTRAKEEP_HOME", str(tmp_path))
    monkeypatch.delenv("ENTRAKEEP_DATABASE_URL", raising=False)
    yield world
    world.close()


@pytest.fixture
def document(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Any]:
    """Return the JSON document that a command prints. Assert that it fits the command's schema."""

    def run(*words: str) -> Any:
        app(args=[*words, "--json"], standalone_mode=False)
        out = capfdbinary.readouterr().out
        check(words, out)
        return json.loads(out)

    return run
