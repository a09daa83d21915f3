"""The catalogs of the suite: SQLite, and PostgreSQL with a user that owns no table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import World
from tests.migrated import migrated_file
from tests.postgres import OWNER, PostgresServer


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every case on SQLite, and those with the mark ``postgresql`` on PostgreSQL too."""
    if "kind_of_database" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker("postgresql")
        metafunc.parametrize("kind_of_database", ["sqlite", "postgresql"] if marked else ["sqlite"])


@pytest.fixture
def world(request: pytest.FixtureRequest, kind_of_database: str, tmp_path: Path) -> Iterator[World]:
    if kind_of_database == "sqlite":
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
