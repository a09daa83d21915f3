"""The schema's revisions: created, migrated in steps that the previous version can use, or refused in one sentence."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from shared.adapters import catalog as package
from shared.adapters.catalog import migrate, newest, open_catalog, schema, upgrade
from shared.domain.errors import Code, Refuse
from tests.contract.catalog import recording
from tests.contract.catalog.newest import dump, migrated_dump
from tests.contract.catalog.world import World, refused
from tests.postgres import OWNER, PostgresServer

REVISIONS = sorted(
    script.revision for script in ScriptDirectory(str(Path(package.__file__).parent / "migrations")).walk_revisions()
)
OF_PEOPLE = ("people", "passkeys", "identities", "secrets_hashed", "sign_ins", "invitations", "tries", "challenges")
WITHOUT_TENANT = ("beats", "workers", "compatible_code", "stores", "installation_keys", *OF_PEOPLE)
OR_OF_THE_INSTALLATION = ("grants", "tokens", "notice_targets", "deliveries")
"""Tables whose rows name a tenant, or none if they are of the installation."""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a database without tables, for their future owner."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'c.sqlite3'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.new_database()
    yield server.url(name, OWNER)
    server.drop(name)


def execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_the_migrations_create_the_tables_of_the_schema(world: World) -> None:
    engine = create_engine(world.owner_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    engine.dispose()


def test_the_revision_in_the_code_is_the_newest_migration() -> None:
    assert [f"{n:04d}" for n in range(1, len(REVISIONS) + 1)] == REVISIONS
    assert REVISIONS[-1] == schema.REVISION


def test_a_new_sqlite_file_gets_exactly_what_the_migrations_create(tmp_path: Path) -> None:
    """After a new migration, run 'python -m tests.contract.catalog.newest' to write ``newest.sql`` again."""
    assert newest.FILE.read_text() == migrated_dump()
    open_catalog(f"sqlite:///{tmp_path / 'c.sqlite3'}").close()
    with closing(sqlite3.connect(tmp_path / "c.sqlite3")) as connection:
        assert sorted(dump(connection).splitlines()) == sorted(migrated_dump().splitlines())


def test_every_table_of_a_tenant_has_a_key_that_begins_with_the_tenant() -> None:
    for table in schema.metadata.tables.values():
        if table.name not in WITHOUT_TENANT + OR_OF_THE_INSTALLATION:
            assert next(iter(table.primary_key)).name == "tenant_id"


def test_an_unmigrated_catalog_is_refused_with_the_command_to_run(empty: str) -> None:
    error = refused(empty, migrate=False)
    assert error.code is Code.CATALOG_NEEDS_MIGRATION
    assert "entrakeep catalog migrate" in error.message
    assert migrate(empty) == schema.REVISION
    assert migrate(empty) == schema.REVISION
    catalog = open_catalog(empty, migrate=False)
    assert catalog.tenants() == []
    catalog.close()


def test_processes_that_migrate_concurrently_all_succeed(empty: str) -> None:
    code = "import sys; from shared.adapters.catalog import migrate; print(migrate(sys.argv[1]))"
    processes = [subprocess.Popen([sys.executable, "-c", code, empty]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]


def test_a_catalog_of_an_incompatible_newer_version_is_refused(world: World) -> None:
    execute(world.owner_url, "UPDATE alembic_version SET version_num = '9999'", "DELETE FROM compatible_code")
    for values in ({}, {"migrate": False}):
        error = refused(world.url, **values)
        assert error.code is Code.CATALOG_NEEDS_MIGRATION
        assert "newer version" in error.message
    with pytest.raises(Refuse, match="newer version"):
        migrate(world.owner_url)


def test_a_catalog_of_a_compatible_newer_version_is_used_but_not_migrated(world: World) -> None:
    execute(world.owner_url, "UPDATE alembic_version SET version_num = '9999'")
    world.add("acme")
    assert [tenant.name for tenant in world.another().tenants()] == ["acme"]
    assert migrate(world.owner_url) == "9999"


@pytest.mark.parametrize(("before", "after"), list(pairwise(REVISIONS)))
def test_no_migration_removes_columns_or_requires_columns_unknown_to_older_code(
    empty: str, before: str, after: str
) -> None:
    engine = create_engine(empty)
    schemas = []
    for revision in (before, after):
        with engine.begin() as connection:
            command.upgrade(upgrade._config(connection), revision)
            schemas.append(_tables(connection))
    engine.dispose()
    old, new = schemas
    for table, columns in old.items():
        assert table in new
        assert {name: kind for name, (kind, _) in new[table].items() if name in columns} == {
            name: kind for name, (kind, _) in columns.items()
        }
        required = {name for name, (_, mandatory) in new[table].items() if mandatory}
        assert required <= {name for name, (_, mandatory) in columns.items() if mandatory}


def test_tenants_that_share_a_directory_stay_and_the_oldest_claims_it(
    empty: str,
) -> None:
    guid = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11"
    engine = create_engine(empty)
    columns = "tenant_id, name, directory_id, client_id, created_at, key_mode, key_arn, key_epoch"
    row = "INSERT INTO tenants ({}) VALUES ('{}', '{}', '{}', 'c', '2026-05-0{} 00:00:00', 'provider', 'arn', 1)"
    with engine.begin() as connection:
        command.upgrade(upgrade._config(connection), "0011")
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL entrakeep.tenant = '*'"))
        for values in (("a", "late", guid, 3), ("b", "first", guid.upper(), 1), ("c", "other", "d", 2)):
            connection.exec_driver_sql(row.format(columns, *values))
    engine.dispose()
    migrate(empty)
    engine = create_engine(empty)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL entrakeep.tenant = '*'"))
        claims = connection.execute(text("SELECT name, claimed_directory FROM tenants ORDER BY name")).all()
    engine.dispose()
    assert [tuple(claim) for claim in claims] == [("first", guid), ("late", None), ("other", "d")]
    catalog = open_catalog(empty)
    with pytest.raises(Refuse) as caught:
        catalog.check_addable("third", guid, readd=False)
    catalog.close()
    assert (caught.value.code, "first" in caught.value.message) == (Code.DIRECTORY_EXISTS, True)


def _tables(connection: Connection) -> dict[str, dict[str, tuple[str, bool]]]:
    """Return by table and column its type, and True if an insert must name it."""
    inspector = inspect(connection)
    return {
        table: {
            column["name"]: (str(column["type"]), not column["nullable"] and column["default"] is None)
            for column in inspector.get_columns(table)
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


@pytest.mark.parametrize("file", recording.FILES, ids=lambda file: file.stem)
def test_code_of_an_earlier_version_works_on_the_tables_of_this_one(
    file: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    revision, backend = file.stem.split("-")
    if backend == "sqlite":
        url = f"sqlite:///{tmp_path / 'c.sqlite3'}"
        migrate(url)
        owner = url
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        name = server.new_database(request.getfixturevalue("migrated"))
        url, owner = server.url(name), server.url(name, OWNER)
    engine = create_engine(owner)
    with engine.connect() as connection:
        allowed = connection.execute(text("SELECT revision FROM compatible_code")).scalars().all()
    engine.dispose()
    if revision in allowed:
        assert recording.replay(file, url) > 100
