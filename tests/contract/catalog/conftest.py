"""The catalogs of the suite: SQLite, and PostgreSQL with a user that owns no table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import World
from tests.migrated import migrated_file
from tests.postgres import OWNER, PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "sqlite":
        world = World(migrated_file(tmp_path / "catalog.sqlite3"))
        yield world
        world.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = request.getfixturevalue("catalog_database")
    world = World(server.url(name), server.url(name, OWNER))
    yield world
    world.close()


@pytest.fixture
def acme(world: World) -> TenantCatalog:
    return world.add("acme")


@pytest.fixture
def other(world: World) -> TenantCatalog:
    return world.add("other")
