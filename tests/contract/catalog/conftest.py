"""The catalogs that the suite runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ports.catalog import TenantCatalog
from tests.contract.catalog.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    yield made
    made.close()


@pytest.fixture
def acme(world: World) -> TenantCatalog:
    return world.add("acme")


@pytest.fixture
def other(world: World) -> TenantCatalog:
    return world.add("other")
